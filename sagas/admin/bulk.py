"""One verb for many sagas: which ones, what it would do, why and how fast; and how far one has come."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import URLPattern, path, reverse

from gateway.ids import uuid7
from sagas.admin.asking import OF_MANY, reason_field
from sagas.admin.attempts import span
from sagas.admin.console import OPERATE, READING, Console, definitions, number_in, person, sagas_of, sight, tenant
from sagas.admin.deciding import sentence
from sagas.admin.listing import UNTOLD, Filters, narrowed
from sagas.admin.proposals import ASKED
from sagas.admin.verbs import VERBS
from sagas.errors import SagaError
from sagas.models import BulkItem, BulkOperation, Proposal
from sagas.models.saga import SagaQuerySet
from sagas.operations import second
from sagas.operations.audit import signed
from sagas.operations.bulk import begin_bulk, foresee_bulk, pace, steer_bulk, tally

OFFERED = ("retry", "pause", "resume", "compensate", "cancel", "give_up", "tell_again")
"""The verbs that need nothing but a saga."""
RECOVERING = ("retry", "skip", "waive")
"""The verbs that help a saga out of its trouble."""
PAGE = 50
USUAL_RATE, HIGHEST_RATE = 60, 6000
STEERS = {
    BulkOperation.State.RUNNING: ("pause", "cancel"),
    BulkOperation.State.PAUSED: ("resume", "cancel"),
}


class Ask(forms.Form):
    """What is done to the chosen sagas, how fast and why."""

    verb = forms.ChoiceField(label="What", choices=[(name, VERBS[name].label) for name in OFFERED])
    rate = forms.IntegerField(label="Sagas a minute", min_value=1, max_value=HIGHEST_RATE)
    reason = reason_field(OF_MANY)


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The sagas that are meant: ticked in a list, or all that an address finds."""

    ids: list[str]
    query: str
    sagas: SagaQuerySet

    @property
    def selection(self) -> dict[str, Any]:
        """What was asked for, as the operation keeps it."""
        return {"ids": self.ids} if self.ids else {"filter": QueryDict(self.query).dict()}


def chosen_by(request: HttpRequest) -> Chosen:
    """What a form named: boxes that were ticked, or, asked for by its own button, all that an address finds."""
    sent = request.POST if request.method == "POST" else request.GET
    mine, query = sagas_of(request), sent.get("query", "")
    if "all" in sent:
        return Chosen(ids=[], query=query, sagas=narrowed(mine, Filters(QueryDict(query))))
    ids = _ids(sent.getlist("id"))
    return Chosen(ids=ids, query="", sagas=mine.filter(pk__in=ids))


def asked(request: HttpRequest) -> tuple[BulkOperation | Proposal | None, dict[str, Any]]:
    """The operation that was begun, or what was asked for where a second person must approve it.

    Else what the page before it shows: what it would do, and what is still wanted.

    It is begun only when it means as many sagas as the person was shown.
    """
    chosen, acting = chosen_by(request), "do" in request.POST
    given = request.POST if acting or "rate" in request.POST else {"verb": _usual(request), "rate": USUAL_RATE}
    form = Ask(given, label_suffix="")
    form.is_valid()
    verb = form.cleaned_data.get("verb", "retry")
    refusal, foresight = "", None
    try:
        foresight = foresee_bulk(verb, chosen.sagas)
        seen = f"{verb} {foresight.total}"
        if acting and not form.errors and request.POST.get("seen") == seen:
            about: dict[str, Any] = {"actor": person(request), "tenant": tenant(request)}
            about |= {"sagas": chosen.sagas, "selection": chosen.selection, **form.cleaned_data}
            if second.needs_another(verb, foresight.total):
                return second.ask_bulk(**about), {}
            return begin_bulk(**about, once=_once(request)), {}
        refusal = "This is what it would do now. Press the button again to do it." if acting and not form.errors else ""
    except SagaError as error:
        refusal, seen = sentence(error), ""
    if not acting:
        form.errors.pop("reason", None)
    context: dict[str, Any] = {"chosen": chosen, "form": form, "foresight": foresight, "refusal": refusal, "seen": seen}
    context["once"] = uuid7()
    if foresight is not None:  # pairs, since a template takes the method of a counter for one of its keys
        pairs = {
            "refused": foresight.not_eligible,
            "groups": foresight.groups,
            "doubtful": foresight.not_idempotent,
        }
        context |= {name: list(counted.items()) for name, counted in pairs.items()}
        rate = form.cleaned_data.get("rate") or USUAL_RATE
        takes = span(timedelta(seconds=ceil(60 * foresight.total / rate)))
        context["takes"] = f"{takes} at {rate} a minute" if foresight.total > 1 else ""
        context["needs_another"] = second.needs_another(verb, foresight.total)
    return None, context | {"verb": VERBS[verb]}


def _is_grave(request: HttpRequest) -> bool:
    return "do" in request.POST and request.POST.get("verb") in second.GRAVE


@admin.register(BulkOperation)
class BulkAdmin(Console):
    """Bulk operations: how far each has come, and what became of each saga."""

    def get_urls(self) -> list[URLPattern]:
        """The list, a page for each, and its pause."""
        return [
            path("", self.door(self.list_page), name="sagas_bulkoperation_changelist"),
            path(
                "begin/",
                self.door(self.begin_page, needs=OPERATE, methods=(*READING, "POST"), grave=_is_grave),
                name="sagas_bulk_begin",
            ),
            path("<uuid:pk>/change/", self.door(self.operation_page), name="sagas_bulkoperation_change"),
            path(
                "<uuid:pk>/steer/",
                self.door(self.steer, needs=OPERATE, methods=("POST",)),
                name="sagas_bulk_steer",
            ),
        ]

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """The operations, the latest first."""
        found = operations_of(request).order_by("-pk")
        with suppress(ValueError):
            found = found.filter(pk__lt=UUID(request.GET["before"])) if "before" in request.GET else found
        page = list(found[: PAGE + 1])
        older = page[PAGE - 1].pk if len(page) > PAGE else None
        context = {"title": "Bulk operations", "section": "operations", "older": older}
        labelled = [(one, VERBS[one.verb].label) for one in page[:PAGE]]
        return self.show(request, "operations", context | {"operations": labelled})

    def begin_page(self, request: HttpRequest) -> HttpResponse:
        """Between many boxes and their deed; a button that is pressed twice leads to what the first time began."""
        once = _once(request)
        again = operations_of(request).filter(pk=once, actor=signed(person(request))).first() if once else None
        if again is not None:
            return HttpResponseRedirect(reverse("admin:sagas_bulkoperation_change", args=[again.pk]))
        if not chosen_by(request).sagas.exists():
            messages.error(request, "No saga is chosen: tick some first, or decide on all that match.")
            return HttpResponseRedirect(reverse("admin:sagas_saga_changelist"))
        begun, context = asked(request)
        if isinstance(begun, Proposal):
            messages.success(request, ASKED)
            return HttpResponseRedirect(reverse("admin:sagas_proposal_changelist"))
        if begun is not None:
            return HttpResponseRedirect(reverse("admin:sagas_bulkoperation_change", args=[begun.pk]))
        title = f"{context['verb'].label} many sagas"
        return self.show(request, "bulk", context | {"title": title, "section": "operations"})

    def operation_page(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """How far it has come, and a page of its sagas."""
        operation = self._operation(request, pk)
        items = operation.items.select_related("saga").order_by("pk")
        wanted = request.GET.get("state", "")
        if wanted in BulkItem.State.values:
            items = items.filter(state=wanted)
        if (after := number_in(request.GET.get("after", ""))) is not None:
            items = items.filter(pk__gt=after)
        page, counts = [sight(request).look(item) for item in items[: PAGE + 1]], tally(operation)
        context = {
            "title": f"{VERBS[operation.verb].label} many sagas",
            "section": "operations",
            "operation": operation,
            "label": VERBS[operation.verb].label,
            "progress": progress(counts),
            "counts": [(state, outcome(state, operation.verb), count) for state, count in counts.items()],
            "total": sum(counts.values()),
            "left": _left(operation, counts),
            "wanted": wanted,
            "items": [(item, outcome(item.state, operation.verb)) for item in page[:PAGE]],
            "more": page[PAGE - 1].pk if len(page) > PAGE else 0,
            "steers": STEERS.get(BulkOperation.State(operation.state), ()),
        }
        return self.show(request, "operation", context)

    def steer(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Pause it, let it go on, or cancel what is left of it."""
        how = request.POST.get("how", "")
        if how not in ("pause", "resume", "cancel"):
            raise Http404
        self._operation(request, pk)
        try:
            steer_bulk(pk, how, tenant=tenant(request))
        except SagaError as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:sagas_bulkoperation_change", args=[pk]))

    def _operation(self, request: HttpRequest, pk: UUID) -> BulkOperation:
        operation = operations_of(request).filter(pk=pk).first()
        if operation is None:
            raise Http404(f"There is no operation {pk}.")
        return operation


def _left(operation: BulkOperation, counts: Mapping[str, int]) -> str:
    """For how long it will still ask, at its rate; empty when it asks nobody any more."""
    waiting = counts.get(BulkItem.State.WAITING, 0) if operation.state == BulkOperation.State.RUNNING else 0
    return span(waiting * pace(operation)) if waiting else ""


def outcome(state: str, verb: str) -> str:
    """What became of one saga, in a word or two; one recovers only from trouble."""
    is_done = state == BulkItem.State.RECOVERED and verb not in RECOVERING
    return "done" if is_done else BulkItem(state=state).word


def operations_of(request: HttpRequest) -> QuerySet[BulkOperation]:
    """The operations of the person's tenant; who may not know of all sagas sees those that they began themselves."""
    mine = BulkOperation.objects.filter(tenant=tenant(request))
    return mine if definitions(request) is None else mine.filter(actor=person(request))


def progress(counts: dict[str, int]) -> list[tuple[str, float, float]]:
    """Stretches of one bar, in per cent: what became of how many, those not asked yet last."""
    total, x, found = sum(counts.values()) or 1, 0.0, []
    for state in ("recovered", "failed_again", "not_eligible", "cancelled", "asked", "waiting"):
        width = 100 * counts.get(state, 0) / total
        if width:
            found.append((state, round(x, 3), round(width, 3)))
        x += width
    return found


def _usual(request: HttpRequest) -> str:
    """What is most likely wanted, by the list that the person came from."""
    sent = request.POST if request.method == "POST" else request.GET
    return "tell_again" if QueryDict(sent.get("query", "")).get("show") == UNTOLD else "retry"


def _once(request: HttpRequest) -> UUID | None:
    """What the operation of this very page is to be called."""
    found = _ids([request.POST.get("once", "")])
    return UUID(found[0]) if found else None


def _ids(given: list[str]) -> list[str]:
    found = []
    for text in given:
        try:
            found.append(str(UUID(text)))
        except ValueError:
            continue
    return found
