"""The approvals inbox: what waits for a decision by the person or their groups, oldest first, and where it is decided.

Membership of the group that an approval names is what it takes to decide it, and to see what is asked; an approval that
names none is for whoever may operate.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from sagas.admin.console import (
    LOOK,
    OPERATE,
    READING,
    Console,
    definitions,
    may,
    number_in,
    sagas_of,
    sight,
    tenant,
)
from sagas.admin.deciding import decide
from sagas.admin.payloads import shown
from sagas.engine.explain import explain
from sagas.engine.summary import summary_of
from sagas.models import Approval, Run, Saga
from sagas.operations.approvals import approval_of, everything, is_for, meant_for, waiting
from sagas.record.sight import FULL
from sagas.words import rows as words

PAGE = 50
MOST_RESULTS = 20


@dataclass(frozen=True, kw_only=True)
class Line:
    """One approval in the inbox."""

    run: Run
    group: str
    summary: str
    is_mine: bool


@admin.register(Approval)
class ApprovalAdmin(Console):
    """Approvals: those that wait for me, oldest first, and a page for each."""

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Who may look or operate, and everybody in a group that some approval names."""
        return may(request, LOOK) or may(request, OPERATE) or any(_is_for(request, row) for *_, row in everything())

    def get_urls(self) -> list[URLPattern]:
        """The inbox, and a page for each approval."""
        return [
            path("", self.door(self.inbox), name="sagas_approval_changelist"),
            path(
                "<uuid:pk>/<str:step>/",
                self.door(self.decision_page, methods=(*READING, "POST")),
                name="sagas_approval_decide",
            ),
        ]

    def inbox(self, request: HttpRequest) -> HttpResponse:
        """What waits for the person; on request, and for who may look, what waits for anybody."""
        may_look = may(request, LOOK) or may(request, OPERATE)
        everybody = may_look and request.GET.get("for") == "everybody"
        found = waiting(tenant(request), definitions(request))
        if not everybody:
            found = meant_for(found, _groups(request), operates=may(request, OPERATE))
        if (after := number_in(request.GET.get("after", ""))) is not None:
            found = found.filter(pk__gt=after)
        page = list(found.order_by("pk")[: PAGE + 1])
        context = {
            "title": "Approvals",
            "section": "approvals",
            "lines": [_line(request, run) for run in page[:PAGE]],
            "more": page[PAGE - 1].pk if len(page) > PAGE else 0,
            "everybody": everybody,
        }
        return self.show(request, "approvals", context)

    def decision_page(self, request: HttpRequest, pk: UUID, step: str) -> HttpResponse:
        """Who asks for what; then yes or no, what comes of it, and why."""
        saga = sagas_of(request).filter(pk=pk).first()
        row = approval_of(saga, step) if saga else None
        run = Run.objects.filter(saga_id=pk, path=step, kind=Run.Kind.APPROVAL).first() if row else None
        if saga is None or row is None or run is None:
            raise Http404("There is no such approval.")
        mine = _is_for(request, row)
        if not mine and not (may(request, LOOK) or may(request, OPERATE)):
            raise PermissionDenied
        if request.method == "POST" and not mine:
            raise PermissionDenied
        decision = decide(request, saga, "decide", fixed={"step": f"0:{step}"})
        seen = FULL if mine else sight(request)  # who decides must know about what
        if decision.done is not None:
            messages.success(request, f"Your decision on {step} of {saga} is recorded.")
            return HttpResponseRedirect(reverse("admin:sagas_approval_changelist"))
        context = {
            "title": f"{step.replace('_', ' ').capitalize()}: {saga}",
            "section": "approvals",
            "saga": saga,
            "run": run,
            "group": row.group,
            "is_mine": mine,
            "decision": decision,
            "was_asked": request.method == "POST",
            "chosen": decision.form.data.get("approved", ""),
            "sentence": explain(saga, seen),
            "summary": summary_of(saga, seen),
            "input": shown(seen.value(saga.input)),
            "results": [(name, shown(seen.value(result))) for name, result in _results(saga)],
        }
        return self.show(request, "approval", context)


def _line(request: HttpRequest, run: Run) -> Line:
    row = approval_of(run.saga, run.path)
    mine = row is not None and _is_for(request, row)
    summary = summary_of(run.saga, FULL if mine else sight(request))
    return Line(run=run, group=row.group if row else "", summary=summary, is_mine=mine)


def _results(saga: Saga) -> list[tuple[str, Any]]:
    """What the rows before it gave."""
    runs = Run.objects.filter(saga_id=saga.pk, result__isnull=False).exclude(kind=Run.Kind.MESSAGE).order_by("pk")
    return [(f"{run.path}[{run.item}]" if run.item else run.path, run.result) for run in runs[:MOST_RESULTS]]


def _is_for(request: HttpRequest, row: words.Approval) -> bool:
    """Whether the person may decide it."""
    return is_for(row, _groups(request), operates=may(request, OPERATE))


def _groups(request: HttpRequest) -> Collection[str] | None:
    """The person's groups, asked for once a request; None for who may everything."""
    if request.user.is_superuser:
        return None
    known: frozenset[str] | None = getattr(request, "_sagas_groups", None)
    if known is None:
        known = frozenset(request.user.groups.values_list("name", flat=True))
        request._sagas_groups = known  # type: ignore[attr-defined]
    return known
