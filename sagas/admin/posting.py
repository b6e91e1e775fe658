"""Events: what waits to leave, what is parked on its way out or in, and what a person does about that."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from sagas.admin.asking import LONGEST_REASON
from sagas.admin.console import OPERATE, Console, definitions, number_in, person, sight, tenant
from sagas.admin.deciding import sentence
from sagas.errors import SagaError
from sagas.events import backlog
from sagas.models import InboxEvent, OutboxEvent
from sagas.operations import posting

PAGE = 50
VERBS = {"replay": ("sent once more", "done once more"), "drop": ("dropped", "dropped")}


@admin.register(OutboxEvent)
class EventAdmin(Console):
    """Events out and in."""

    def get_urls(self) -> list[URLPattern]:
        """One page, and what its buttons do."""
        deciding = {"needs": OPERATE, "methods": ("POST",)}
        return [
            path("", self.door(self.list_page), name="sagas_outboxevent_changelist"),
            path("act/", self.door(self.act, **deciding), name="sagas_outboxevent_act"),  # type: ignore[arg-type]
        ]

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """How targets and sources stand, and the latest of what is parked."""
        _must_know_all(request)
        mine, look = tenant(request), sight(request).look
        leaving = [look(event) for event in OutboxEvent.objects.parked().filter(tenant=mine)[:PAGE]]
        arrived = [look(event) for event in InboxEvent.objects.parked().filter(tenant=mine)[:PAGE]]
        sides = [
            ("out", "Going out", backlog.going_out(mine), leaving),
            ("in", "Coming in", backlog.coming_in(mine), arrived),
        ]
        context = {"title": "Events", "section": "events", "sides": sides, "longest": LONGEST_REASON, "most": PAGE}
        return self.show(request, "events", context)

    def act(self, request: HttpRequest) -> HttpResponse:
        """Replay or drop some, or all of a target or source."""
        _must_know_all(request)
        sent = request.POST
        direction, verb = sent.get("direction", ""), sent.get("verb", "")
        if direction not in ("out", "in") or verb not in VERBS:
            raise Http404
        chosen = [pk for pk in map(number_in, sent.getlist("id")) if pk is not None]
        which = {"of": sent["of"]} if "of" in sent else {"ids": chosen}
        about = {"actor": person(request), "tenant": tenant(request), "reason": sent.get("reason", "")[:LONGEST_REASON]}
        try:
            done = getattr(posting, verb)(direction, **about, **which)
        except SagaError as error:
            messages.error(request, sentence(error))
        else:
            became = VERBS[verb][direction == "in"]
            messages.success(request, f"{done} event{'s' if done != 1 else ''} {became}.")
        return HttpResponseRedirect(reverse("admin:sagas_outboxevent_changelist"))


def _must_know_all(request: HttpRequest) -> None:
    """Events are of all sagas of a tenant, and hold what these hold."""
    if definitions(request) is not None:
        raise PermissionDenied
