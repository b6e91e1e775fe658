"""The rows of a saga on its page: how each stands, its bars over time, what it gave and what went wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet

from sagas.admin.attempts import MOST, Drawn, Row, bars_of, drawn, span
from sagas.admin.console import number_in
from sagas.admin.payloads import shown
from sagas.models import Run, Saga
from sagas.record import clock, payload
from sagas.record.sight import Sight
from sagas.words.plan import Undo

PAGE = 50
FEW = 20
"""Of more rows than these, those that are not settled are shown first."""
SETTLED = ("succeeded", "skipped", "cancelled")
CALLED = {"held": "in need of a person"}
"""What choices are called where their own name says too little."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of the table."""

    run: Run
    name: str
    mark: str
    bars: list[Drawn]
    took: str
    result: str
    late: str
    given: str
    progress: Any
    key: str

    @property
    def stands(self) -> str:
        """Its mark, for people."""
        return "needs a person" if self.mark == "held" else self.mark.replace("_", " ")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A link that shows only rows that stand so, and how many there are."""

    name: str
    label: str
    count: int
    is_chosen: bool


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A page of rows."""

    lines: list[Line]
    choices: list[Choice]
    chosen: str
    total: int
    more: str
    """What the address of the next page ends with."""


def rows_of(saga: Saga, sight: Sight, chosen: str = "", after: str = "") -> Rows:
    """A page of a saga's rows; of many, without being asked for others, those that somebody may look for."""
    runs = Run.objects.filter(saga_id=saga.pk).exclude(kind=Run.Kind.MESSAGE)
    counts = {(state, held, undo): n for state, held, undo, n in _counted(runs)}
    total = sum(counts.values())
    choices = _choices(counts)
    known = {choice.name for choice in choices} | {"all"}
    if chosen not in known:
        chosen = "open" if total > FEW and "open" in known else "all"
    found = _only(runs, chosen).order_by("id")
    if (last := number_in(after)) is not None:
        found = found.filter(pk__gt=last)
    page = [sight.look(run) for run in found[: PAGE + 1]]
    more = urlencode({"rows": chosen, "after": page[PAGE - 1].pk}) if len(page) > PAGE else ""
    picked = [Choice(name=c.name, label=c.label, count=c.count, is_chosen=c.name == chosen) for c in choices]
    return Rows(
        lines=_lines(saga, page[:PAGE]),
        choices=[Choice(name="all", label="all", count=total, is_chosen=chosen == "all"), *picked],
        chosen=chosen,
        total=total,
        more=more,
    )


def _counted(runs: QuerySet[Run]) -> QuerySet[Run, tuple[str, bool, str, int]]:
    return runs.order_by().values_list("state", "held", "undo").annotate(count=Count("pk"))


def _choices(counts: Mapping[tuple[str, bool, str], int]) -> list[Choice]:
    open_ = sum(n for (state, held, undo), n in counts.items() if _is_open(state, held, undo))
    states: dict[str, int] = {}
    for (state, held, _), n in counts.items():
        states["held" if held else state] = states.get("held" if held else state, 0) + n
    undone = sum(n for (_, _, undo), n in counts.items() if undo in (Undo.DONE, Undo.WAIVED))
    named = [
        ("open", "not settled", open_),
        *((name, CALLED.get(name, name.replace("_", " ")), n) for name, n in sorted(states.items())),
    ]
    named += [("undone", "undone", undone)]
    return [Choice(name=name, label=label, count=n, is_chosen=False) for name, label, n in named if n]


def _is_open(state: str, held: bool, undo: str) -> bool:
    return held or state not in SETTLED or undo in (Undo.DUE, Undo.RUNNING, Undo.STUCK)


def _only(runs: QuerySet[Run], chosen: str) -> QuerySet[Run]:
    match chosen:
        case "all":
            return runs
        case "open":
            return runs.filter(Q(held=True) | ~Q(state__in=SETTLED) | Q(undo__in=[Undo.DUE, Undo.RUNNING, Undo.STUCK]))
        case "held":
            return runs.filter(held=True)
        case "undone":
            return runs.filter(undo__in=[Undo.DONE, Undo.WAIVED])
    return runs.filter(state=chosen, held=False)


def _lines(saga: Saga, runs: list[Run]) -> list[Line]:
    journal = list(saga.journal.order_by("-rev")[:MOST])[::-1]
    bars, now = bars_of(journal), saga.ended_at or clock.now()
    begin = min((bar.begin for row in bars.values() for bar in row), default=saga.created_at)
    last = max((bar.end for row in bars.values() for bar in row if bar.end), default=begin)
    end = max(last, now) if saga.ended_at is None else last
    in_list = {path for path, item in bars if item} | {run.path for run in runs if run.item}
    return [_line(run, run.path in in_list, bars, begin, end, now) for run in runs]


def _line(run: Run, in_list: bool, bars: Mapping[Row, list], begin: datetime, end: datetime, now: datetime) -> Line:
    mine = bars.get((run.path, run.item), [])
    return Line(
        run=run,
        name=f"{run.path}[{run.item}]" if in_list else run.path,
        mark="held" if run.held else "parked" if run.parked_at else run.state,
        bars=drawn(mine, begin, end),
        took=_took(run, now),
        result=shown(run.result),
        late=shown(run.late),
        given=shown(run.given),
        progress=payload.shown(run.progress),
        key=run.action_key if run.seq is not None and run.kind == Run.Kind.STEP else "",
    )


def _took(run: Run, now: datetime) -> str:
    if run.started_at is None or (run.ended_at is None and not run.work):  # held: it does nothing
        return ""
    return span(max((run.ended_at or now) - run.started_at, timedelta(0)))
