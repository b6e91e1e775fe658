"""What one person asked for and another must approve: what is open, first, and what became of the others."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from sagas.admin.asking import LONGEST_REASON
from sagas.admin.console import OPERATE, Console, definitions, person, tenant
from sagas.admin.deciding import sentence
from sagas.errors import SagaError
from sagas.models import Proposal
from sagas.models.proposal import ProposalQuerySet
from sagas.operations import second
from sagas.record import clock

PAGE = 50
WAYS = {"approve": "It is approved and done.", "refuse": "It is refused."}
ASKED = "It is asked for. Somebody else must approve it; nothing is done until then."


def _is_grave(request: HttpRequest, **kwargs: Any) -> bool:
    return request.POST.get("how") == "approve"


@admin.register(Proposal)
class ProposalAdmin(Console):
    """Proposals."""

    def get_urls(self) -> list[URLPattern]:
        """One page, and where its buttons lead."""
        decide = self.door(self.decide, needs=OPERATE, methods=("POST",), grave=_is_grave)
        return [
            path("", self.door(self.list_page), name="sagas_proposal_changelist"),
            path("<uuid:pk>/decide/", decide, name="sagas_proposal_decide"),
        ]

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """What is open, and the latest that were decided; who asked cannot approve."""
        mine = seen_by(request).select_related("saga").order_by("-pk")
        waiting = list(mine.open(clock.now())[:PAGE])
        others = list(mine.exclude(pk__in=[one.pk for one in waiting])[:PAGE])
        context = {"title": "Second person", "section": "proposals", "waiting": waiting, "others": others}
        return self.show(request, "proposals", context | {"me": person(request), "longest": LONGEST_REASON})

    def decide(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Approve it, and it is done; or refuse it."""
        how = request.POST.get("how", "")
        if how not in WAYS:
            raise Http404
        about = {"actor": person(request), "tenant": tenant(request), "definitions": definitions(request)}
        try:
            found = getattr(second, how)(pk, **about, reason=request.POST.get("reason", "")[:LONGEST_REASON])
        except SagaError as error:
            messages.error(request, f"Not done. {sentence(error)}")
            return HttpResponseRedirect(reverse("admin:sagas_proposal_changelist"))
        messages.success(request, WAYS[how])
        if found.operation_id is not None:
            return HttpResponseRedirect(reverse("admin:sagas_bulkoperation_change", args=[found.operation_id]))
        return HttpResponseRedirect(reverse("admin:sagas_proposal_changelist"))


def seen_by(request: HttpRequest) -> ProposalQuerySet:
    """The proposals that are about sagas of which the person may know."""
    mine, only = Proposal.objects.filter(tenant=tenant(request)), definitions(request)
    return mine if only is None else mine.filter(saga__definition__in=only)
