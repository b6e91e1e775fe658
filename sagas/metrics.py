"""How all sagas stand, for `/metrics`; `GATEWAY["METRICS"]` names `figures` by its dotted path.

A handful of statements, each served by an index and bounded: where there are more than `MOST` rows to count, so many
are counted. Labels are names of the code, of definitions and steps that this process has; what it has not is "other".
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.dateparse import parse_datetime

from gateway.doorbell import Rank
from gateway.figures import Figure, Labels
from sagas.conf import conf
from sagas.models import Callback, Hold, Run, Saga, Sweep, Worker
from sagas.record import clock, counted  # noqa: F401 - what is counted must be declared wherever it is told
from sagas.words import registry

MOST = 100_000
MOST_WORKERS = 1000
MOST_DEAD = 100
OTHER = "other"

LIVE = """
SELECT definition, state, CASE WHEN paused_at IS NULL THEN 0 ELSE 1 END, holds_key, count(*),
       min(created_at), min(paused_at)
FROM (
    SELECT definition, state, paused_at, holds_key, created_at FROM sagas_saga
    WHERE ended_at IS NULL ORDER BY tenant, id DESC LIMIT %s
) live GROUP BY 1, 2, 3, 4
"""
WAITING = """
SELECT kind, count(*), min(since) FROM (
    SELECT kind, since FROM sagas_run WHERE work IS NOT NULL AND lower(work) = 'waiting' ORDER BY at LIMIT %s
) waiting GROUP BY 1
"""
DUE = """
SELECT queue, CASE WHEN priority > 0 THEN 0 WHEN priority = 0 THEN 1 ELSE 2 END, count(*), min(at) FROM (
    SELECT queue, priority, at FROM sagas_run
    WHERE work IS NOT NULL AND lower(work) = 'due' AND at <= %s ORDER BY at LIMIT %s
) due GROUP BY 1, 2
"""
LATER = """
SELECT CASE WHEN hold_id IS NULL THEN 'retry' ELSE 'participant' END, count(*), min(coalesce(parked_at, since)) FROM (
    SELECT hold_id, parked_at, since FROM sagas_run
    WHERE work IS NOT NULL AND lower(work) = 'due' AND at > %s ORDER BY at LIMIT %s
) later GROUP BY 1
"""
RUNNING = """
SELECT count(*), sum(CASE WHEN at <= %s THEN 1 ELSE 0 END) FROM (
    SELECT at FROM sagas_run WHERE work IS NOT NULL AND lower(work) = 'running' ORDER BY at LIMIT %s
) running
"""
INCIDENTS = """
SELECT definition, path, reason, count(*), min(opened_at) FROM (
    SELECT definition, path, reason, opened_at FROM sagas_incident
    WHERE closed_at IS NULL ORDER BY tenant, last_at DESC LIMIT %s
) open GROUP BY 1, 2, 3
"""

REASONS = {
    Run.Kind.WAIT: "signal",
    Run.Kind.APPROVAL: "approval",
    Run.Kind.SLEEP: "sleep",
    Run.Kind.CHILD: "child",
}
RANKS = {0: Rank.FIRST, 1: Rank.NORMAL, 2: Rank.LAST}


def figures() -> list[Figure]:
    """Everything that the coordinator tells of its sagas."""
    now = clock.now()
    waiting = Waiting(now)
    found = [*_live(now, waiting), *_runs(now, waiting), *_incidents(now), *_workers(now), *_clocks(now)]
    return [*found, *waiting.figures()]


class Waiting:
    """What waits, by its reason: how much, and since when the oldest does."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._count: dict[str, int] = dict.fromkeys(
            (
                "signal",
                "approval",
                "sleep",
                "child",
                "retry",
                "participant",
                "worker",
                "business_key",
                "start",
                "pause",
            ),
            0,
        )
        self._oldest: dict[str, float] = {}

    def add(self, reason: str, count: int, since: datetime | None) -> None:
        self._count[reason] += count
        if since is not None:
            self._oldest[reason] = max(self._oldest.get(reason, 0.0), age(since, self._now))

    def figures(self) -> list[Figure]:
        return [
            Figure(
                name="saga_waiting",
                help="What waits, by what it waits for.",
                labels=("reason",),
                values={(reason,): count for reason, count in self._count.items()},
            ),
            Figure(
                name="saga_waiting_oldest_seconds",
                help="For how long the oldest of them has waited.",
                labels=("reason",),
                values={(reason,): seconds for reason, seconds in self._oldest.items()},
                grows=True,
            ),
        ]


def _live(now: datetime, waiting: Waiting) -> Iterator[Figure]:
    live: dict[Labels, float] = defaultdict(float)
    for definition, state, paused, holds_key, count, created, stopped in asked(LIVE, MOST):
        live[_definition(definition), state] += count
        if paused:
            waiting.add("pause", count, moment(stopped))
        elif state == "pending":
            waiting.add("start" if holds_key else "business_key", count, moment(created))
    yield Figure(
        name="saga_live",
        help=f"Sagas that have not ended, {MOST} at most.",
        labels=("definition", "state"),
        values=live,
    )
    dead = len(Saga.objects.dead(now).order_by("id").values_list("pk", flat=True)[:MOST_DEAD])
    yield Figure(name="saga_dead", help="Live sagas that nothing will ever move: a fault of ours.", values={(): dead})


def _runs(now: datetime, waiting: Waiting) -> Iterator[Figure]:
    for kind, count, since in asked(WAITING, MOST):
        waiting.add(REASONS.get(kind, "signal"), count, moment(since))
    for reason, count, since in asked(LATER, now, MOST):
        waiting.add(reason, count, moment(since))
    due: dict[Labels, float] = defaultdict(float)
    oldest: dict[Labels, float] = {}
    queues = {name for definition in registry.everything() for name in definition.queues} | {"sagas"}
    for queue, rank, count, at in asked(DUE, now, MOST):
        labels = (queue if queue in queues else OTHER, RANKS[rank].name.lower())
        due[labels] += count
        oldest[labels] = max(oldest.get(labels, 0.0), age(moment(at), now))
        waiting.add("worker", count, moment(at))
    [(running, overdue)] = asked(RUNNING, now, MOST)
    labels = ("queue", "rank")
    yield Figure(name="saga_steps_due", help="Steps that wait for a worker.", labels=labels, values=due)
    yield Figure(
        name="saga_steps_due_oldest_seconds",
        help="For how long the first of them has been due.",
        labels=labels,
        values=oldest,
        grows=True,
    )
    yield Figure(name="saga_steps_running", help="Attempts that a worker is at.", values={(): running})
    yield Figure(
        name="saga_steps_overdue",
        help="Attempts whose time is over, and that nobody has taken over yet.",
        values={(): overdue or 0},
    )


def _incidents(now: datetime) -> Iterator[Figure]:
    number: dict[Labels, float] = defaultdict(float)
    oldest: dict[Labels, float] = {}
    for definition, path, reason, count, since in asked(INCIDENTS, MOST):
        labels = (*_step(definition, path), reason)
        number[labels] += count
        oldest[labels] = max(oldest.get(labels, 0.0), age(moment(since), now))
    names = ("definition", "step", "reason")
    yield Figure(name="saga_incidents_open", help="What needs a person now.", labels=names, values=number)
    yield Figure(
        name="saga_incidents_oldest_seconds",
        help="For how long the oldest of them has.",
        labels=names,
        values=oldest,
        grows=True,
    )


def _workers(now: datetime) -> Iterator[Figure]:
    alive = list(Worker.objects.alive(now, conf().gone_after).order_by("-beat_at")[:MOST_WORKERS])
    served = {name for definition in registry.everything() for name in definition.queues} | {"sagas"}
    slots = {(queue,): sum(w.concurrency for w in alive if queue in w.queues) for queue in served}
    probed = max((worker.probed_at for worker in alive if worker.probed_at), default=None)
    yield Figure(name="saga_workers", help="Processes that run steps and whose heart beats.", values={(): len(alive)})
    yield Figure(
        name="saga_worker_slots",
        help="Steps that living workers of a queue can have in hand at a time.",
        labels=("queue",),
        values=slots,
    )
    yield Figure(
        name="saga_canary_age_seconds",
        help="How long ago a worker last heard a message through the broker that it had sent itself.",
        values={} if probed is None else {(): age(probed, now)},
        grows=True,
    )


def _clocks(now: datetime) -> Iterator[Figure]:
    mark = Sweep.objects.filter(pk=1).first()
    yield Figure(
        name="saga_sweep_age_seconds",
        help="How long ago anybody last swept.",
        values={} if mark is None else {(): age(mark.at, now)},
        grows=True,
    )
    yield Figure(
        name="saga_participants_held",
        help="Participants that people hold: their steps wait.",
        values={(): Hold.objects.in_force(now).count()},
    )
    late = Saga.objects.overdue(now - timedelta(seconds=10)).order_by("deadline_at")
    yield Figure(
        name="saga_deadlines_missed",
        help="Sagas whose deadline passed 10 s ago or more, and that nobody has turned back yet.",
        values={(): len(late.values_list("pk", flat=True)[:MOST_WORKERS])},
    )
    due = list(Callback.objects.due(now).order_by("at").values_list("at", flat=True)[:MOST_WORKERS])
    yield Figure(name="saga_callbacks_due", help="Ends of sagas that are to be told now.", values={(): len(due)})
    yield Figure(
        name="saga_callbacks_due_oldest_seconds",
        help="For how long the first of them has been due.",
        values={(): age(due[0], now)} if due else {},
        grows=True,
    )


def asked(statement: str, *parameters: Any) -> Sequence[tuple[Any, ...]]:
    """The rows of a statement."""
    adapt = connection.ops.adapt_datetimefield_value
    given = [adapt(value) if isinstance(value, datetime) else value for value in parameters]
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    return rows


def moment(given: datetime | str | None) -> datetime | None:
    """A time as the database's driver gives it; SQLite has texts, in UTC."""
    if isinstance(given, str):
        parsed = parse_datetime(given)
        return parsed.replace(tzinfo=UTC) if parsed is not None else None
    return given


def age(since: datetime | None, now: datetime) -> float:
    """Seconds since then; none for what lies ahead."""
    return max(0.0, (now - since).total_seconds()) if since is not None else 0.0


def _definition(name: str) -> str:
    return name if name in {definition.name for definition in registry.everything()} else OTHER


def _step(definition: str, path: str) -> tuple[str, str]:
    """The labels of a step; a saga as a whole has none."""
    found = [each for each in registry.everything() if each.name == definition]
    if not found:
        return OTHER, OTHER
    return definition, path if not path or any(path in each.places for each in found) else OTHER
