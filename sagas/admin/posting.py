"""Events: what waits to leave, what is parked on its way out or in, and what a person does about that."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from sagas.admin.asking import reason_field
from sagas.admin.console import OPERATE, READING, Console, definitions, number_in, person, sight, tenant
from sagas.admin.deciding import sentence
from sagas.errors import SagaError
from sagas.events import backlog
from sagas.models import InboxEvent, OutboxEvent
from sagas.operations import posting

PAGE = 50
LABELS = {
    ("out", "replay"): "Send once more",
    ("in", "replay"): "Do once more",
    ("out", "drop"): "Drop",
    ("in", "drop"): "Drop",
}
BECAME = {
    ("out", "replay"): "sent once more",
    ("in", "replay"): "done once more",
    ("out", "drop"): "dropped",
    ("in", "drop"): "dropped",
}


class Why(forms.Form):
    """Why events are sent, done or dropped."""

    reason = reason_field("Say why; whoever misses these events will want to know.")


@admin.register(OutboxEvent)
class EventAdmin(Console):
    """Events out and in."""

    def get_urls(self) -> list[URLPattern]:
        """One page, and one before what its buttons do."""
        act = self.door(self.act, needs=OPERATE, methods=(*READING, "POST"))
        return [
            path("", self.door(self.list_page), name="sagas_outboxevent_changelist"),
            path("act/", act, name="sagas_outboxevent_act"),
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
        context = {"title": "Events", "section": "events", "sides": sides, "most": PAGE}
        return self.show(request, "events", context)

    def act(self, request: HttpRequest) -> HttpResponse:
        """What it would do to some, or to all of a target or source; done to those that were looked at."""
        _must_know_all(request)
        sent = request.POST if request.method == "POST" else request.GET
        direction: Any = sent.get("direction", "")
        verb: Any = sent.get("verb", "")
        if (direction, verb) not in LABELS:
            raise Http404
        acting, chosen = "do" in request.POST, [pk for pk in map(number_in, sent.getlist("id")) if pk is not None]
        form = Why(sent if acting else None, label_suffix="")
        whose: dict[str, Any] = {"tenant": tenant(request)}
        which: dict[str, Any] = {"of": sent["of"]} if "of" in sent else {"ids": chosen}
        try:
            if acting and form.is_valid():
                why = {"actor": person(request), "reason": form.cleaned_data["reason"]}
                done = getattr(posting, verb)(direction, **whose, **why, ids=chosen)
                messages.success(request, f"{done} event{'s' if done != 1 else ''} {BECAME[direction, verb]}.")
                return HttpResponseRedirect(reverse("admin:sagas_outboxevent_changelist"))
            foresight = posting.foresee(verb, direction, **whose, **which)
        except SagaError as error:
            messages.error(request, sentence(error))
            return HttpResponseRedirect(reverse("admin:sagas_outboxevent_changelist"))
        context = {"title": LABELS[direction, verb], "section": "events", "direction": direction, "verb": verb}
        return self.show(request, "letters", context | {"form": form, "foresight": foresight})


def _must_know_all(request: HttpRequest) -> None:
    """Events are of all sagas of a tenant, and hold what these hold."""
    if definitions(request) is not None:
        raise PermissionDenied
