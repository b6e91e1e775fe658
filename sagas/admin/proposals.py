"""What one person asked for and another must approve: what is open, first, and what became of the others."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from sagas import operations
from sagas.admin.asking import LONGEST_REASON
from sagas.admin.console import OPERATE, READING, Console, definitions, person, sight, tenant
from sagas.admin.deciding import sentence
from sagas.admin.verbs import VERBS
from sagas.errors import SagaError
from sagas.models import Proposal, Saga
from sagas.models.proposal import ProposalQuerySet
from sagas.operations import second
from sagas.operations.audit import signed
from sagas.operations.bulk import foresee_bulk
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
        """The list, and a page for each."""
        decide = self.door(self.decide, needs=OPERATE, methods=(*READING, "POST"), grave=_is_grave)
        return [
            path("", self.door(self.list_page), name="sagas_proposal_changelist"),
            path("<uuid:pk>/decide/", decide, name="sagas_proposal_decide"),
        ]

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """What is open, and the latest that were decided; who asked cannot approve."""
        mine = seen_by(request).select_related("saga").order_by("-pk")
        look = sight(request).look
        waiting = [look(one) for one in mine.open(clock.now())[:PAGE]]
        others = [look(one) for one in mine.exclude(pk__in=[one.pk for one in waiting])[:PAGE]]
        context = {"title": "Second person", "section": "proposals", "me": signed(person(request))}
        return self.show(request, "proposals", context | {"waiting": labelled(waiting), "others": labelled(others)})

    def decide(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """What it would do now, and then yes, and it is done, or no."""
        if request.method != "POST":
            return self._look(request, pk)
        how = request.POST.get("how", "")
        if how not in WAYS:
            raise Http404
        about = {"actor": person(request), "tenant": tenant(request), "definitions": definitions(request)}
        try:
            found = getattr(second, how)(pk, **about, reason=request.POST.get("reason", "")[:LONGEST_REASON])
        except SagaError as error:
            messages.error(request, f"Not done. {sentence(error)}")
            return HttpResponseRedirect(reverse("admin:sagas_proposal_decide", args=[pk]))
        messages.success(request, WAYS[how])
        if found.operation_id is not None:
            return HttpResponseRedirect(reverse("admin:sagas_bulkoperation_change", args=[found.operation_id]))
        return HttpResponseRedirect(reverse("admin:sagas_proposal_changelist"))

    def _look(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """What was asked for, as it would be done now."""
        one = seen_by(request).select_related("saga").filter(pk=pk).first()
        if one is None:
            raise Http404(f"There is no proposal {pk}.")
        is_open = one.state == Proposal.State.OPEN and one.expires_at > clock.now()
        sentences, refusal = foreseen(one) if is_open else ((), "")
        context = {"title": VERBS[one.verb].label, "section": "proposals", "one": one, "is_open": is_open}
        context |= {"sentences": sentences, "refusal": refusal, "form": Why(label_suffix="")}
        return self.show(request, "proposal", context | {"is_mine": one.asked_by == signed(person(request))})


class Why(forms.Form):
    """Why somebody says yes or no."""

    reason = forms.CharField(label="Why?", max_length=LONGEST_REASON, widget=forms.Textarea(attrs={"rows": 3}))


def labelled(found: list[Proposal]) -> list[tuple[Proposal, str]]:
    """Each with its verb as people call it."""
    return [(one, VERBS[one.verb].label if one.verb in VERBS else one.verb) for one in found]


def foreseen(one: Proposal) -> tuple[tuple[str, ...], str]:
    """What it would do now, a sentence each, or why it does not fit any more."""
    try:
        if one.saga_id is None:
            found = foresee_bulk(one.verb, Saga.objects.filter(tenant=one.tenant, pk__in=one.sagas))
            looked = f"of the first {found.looked_at} " if found.looked_at < found.total else ""
            return (f"{found.total} sagas; {looked}{found.eligible} fit as they stand, at {one.rate} a minute.",), ""
        about = {"actor": one.asked_by, "tenant": one.tenant, "reason": one.reason, "expect": one.decisions}
        return operations.preview(one.verb, one.saga_id, **one.arguments, **about).sentences, ""
    except SagaError as error:
        return (), sentence(error)


def seen_by(request: HttpRequest) -> ProposalQuerySet:
    """The proposals that are about sagas of which the person may know."""
    mine, only = Proposal.objects.filter(tenant=tenant(request)), definitions(request)
    return mine if only is None else mine.filter(saga__definition__in=only)
