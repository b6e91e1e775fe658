"""The sweep finds what nobody was told about: clocks, lost messages, dead workers. Any number may run at once.

    1. judge      a worker whose heart has been silent is gone
    2. take back  attempts of the gone, and attempts whose lease is over
    3. fire       clocks of what waits, by their time, and deadlines last
    4. let go     what waited for a participant that is not held any more
    5. ring       what is due and was not picked up

Candidates are read without locks; each is then handled in a turn of its own, which looks again.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.db.models import Case, F, Q, Value, When

from gateway.borrowing import borrowed
from sagas.conf import conf
from sagas.engine.dispatch import ring, ring_many
from sagas.engine.door import TAKES
from sagas.engine.letting_go import let_go_all
from sagas.engine.telling import remind
from sagas.engine.turns import in_turn
from sagas.models import Run, Saga, Sweep, Work, Worker
from sagas.record import clock
from sagas.record.attempts import take_back
from sagas.record.clocks import expire, reach_the_deadline
from sagas.record.commit import commit
from sagas.record.locked import turn
from sagas.record.turn import Bell
from sagas.words import boundaries, registry
from sagas.words.verdict import Reason

logger = logging.getLogger(__name__)

BATCH = 200
RINGS = 500
ROUNDS = 25
"""A sweep handles so many batches at most; the next one goes on."""
FORGET_WORKERS = timedelta(days=1)
BUSY = ("40001", "40P01", "55P03")
"""What PostgreSQL answers where others are at work on the same: a conflict, a deadlock, a lock that was not given."""
AWAY = ("08", "57P", "25P03", "25P04")
"""How its answers begin when a connection is lost, or the server goes down or comes up; most often there is none.

Also when it has ended a transaction that idled, since whoever froze, or the network, kept it waiting.
"""


def sweep() -> bool:
    """Sweep if nobody has for a while; False when somebody has."""
    with borrowed():
        now = clock.now()
        judging = _mark(now)
    if judging is None:
        return False
    if judging:
        with borrowed():
            _judge(now)
    _take_back_all(now)
    _fire_all(now)
    _deadlines(now)
    let_go_all(now, _survive)
    _ring_again(now)
    return True


def heard_beat() -> None:
    """Leave a mark that beat is alive; nothing depends on it, since workers sweep without beat as well."""
    with borrowed():
        if Sweep.objects.filter(pk=1).update(beat_at=clock.now()):
            boundaries.committed("marked")


def _mark(now: datetime) -> bool | None:
    """Leave a mark that we look now: None when somebody else just did, else whether workers may be judged.

    After a gap in the marks the database may have been away, and every heartbeat with it, so nobody is judged before
    it has been answering again for as long as a worker may be silent. A mark that lies ahead is of a clock that was
    set back since, and counts as a gap.
    """
    gap, ahead = now - 3 * conf().sweep_every, now + conf().sweep_every
    fresh = Sweep.objects.filter(Q(at__lte=now - conf().sweep_every) | Q(at__gt=ahead), pk=1)
    steady = Case(When(Q(at__lt=gap) | Q(at__gt=ahead), then=Value(now)), default=F("steady_since"))
    if not fresh.update(at=now, steady_since=steady):
        if Sweep.objects.filter(pk=1).exists():
            return None
        Sweep.objects.bulk_create([Sweep(at=now, steady_since=now)], ignore_conflicts=True)
    boundaries.committed("marked")
    return Sweep.objects.filter(pk=1, steady_since__lte=now - conf().gone_after).exists()


def _judge(now: datetime) -> None:
    for worker in Worker.objects.silent(now, conf().gone_after):
        if Worker.objects.filter(pk=worker.pk, gone_at=None, beat_at=worker.beat_at).update(gone_at=now):
            logger.warning("Worker %s has been silent since %s: it is gone.", worker.name, worker.beat_at)
            boundaries.committed("judged")
    if Worker.objects.filter(gone_at__lt=now - FORGET_WORKERS).delete()[0]:
        boundaries.committed("forgotten")


def _take_back_all(now: datetime) -> None:
    with borrowed():
        gone = Worker.objects.filter(gone_at__isnull=False).values("id")
        orphans = list(Run.objects.filter(work=Work.RUNNING, worker__in=gone).order_by("at")[:BATCH])
        overdue = list(Run.objects.overdue(now).select_related("saga").order_by("at")[:BATCH])
    for run in orphans:
        _survive(run, partial(take_back, run.pk, run.fence, "The worker that ran it is gone.", died=True))
    _report_unknown(now, [run for run in overdue if run.at and run.at < now - conf().unknown_after])
    for run in overdue:
        boundaries.passed("firing")
        _survive(run, partial(take_back, run.pk, run.fence, "It did not come back in time.", died=False))


def _fire_all(now: datetime) -> None:
    """Clocks of what waits; also when thousands are over at once, in one sweep."""
    for _ in range(ROUNDS):
        with borrowed():
            late = Run.objects.timed_out(now).filter(saga__paused_at=None, saga__ended_at=None)
            runs = list(late.select_related("saga").order_by("at")[:BATCH])
        by_saga: dict[UUID, list[Run]] = {}
        for run in runs:
            by_saga.setdefault(run.saga_id, []).append(run)
        for of_one in by_saga.values():
            boundaries.passed("firing")
            _survive(of_one[0], partial(_fire, of_one))
        if len(runs) < BATCH:
            return


def _fire(runs: list[Run]) -> tuple[Bell, ...]:
    first = runs[0]
    if not registry.find(first.saga.definition, first.saga.version, first.saga.fingerprint):
        _push_on(runs)
        return ()
    for run in runs:
        if run.kind == Run.Kind.APPROVAL and run.ends_at and run.at and run.at < run.ends_at:
            remind(run)
    with turn(first.saga_id, "sweep") as t:
        for run in runs:
            waiting = t.run(pk=run.pk, fence=run.fence, work=Work.WAITING, at__lte=t.now)
            if waiting is not None and not t.saga.paused_at and not t.saga.ended_at:
                expire(t, waiting)
    return t.bells


def _push_on(runs: list[Run]) -> None:
    """Another process must know that table; if none does, that is told like a due step that nobody knows."""
    with borrowed():
        now = clock.now()
        old = [run for run in runs if run.since and run.since < now - conf().unknown_after]
        same = Run.objects.filter(pk__in=[run.pk for run in runs], work=Work.WAITING, at__lte=now)
        if same.update(at=now + timedelta(seconds=5)):
            boundaries.committed("pushed_on")
    _report_unknown(now, old)


def _deadlines(now: datetime) -> None:
    for _ in range(ROUNDS):
        with borrowed():
            overdue = list(Saga.objects.overdue(now).order_by("deadline_at")[:BATCH])
        for saga in overdue:
            if registry.find(saga.definition, saga.version, saga.fingerprint):
                boundaries.passed("firing")
                _turn_back(saga.pk)
        if len(overdue) < BATCH:
            return


def _turn_back(pk: UUID) -> None:
    try:
        with turn(pk, "sweep") as t:
            if Saga.objects.overdue(t.now).filter(pk=pk).exists():
                reach_the_deadline(t)
        ring(t.bells)
    except Exception as error:
        if not _passes(error, f"saga {pk}"):
            logger.exception("The sweep could not turn back saga %s; it tries again.", pk)


def _ring_again(now: datetime) -> None:
    unheard = Q(rung_at=None) | Q(rung_at__lt=now - conf().ring_again_after)
    with borrowed(), commit():
        first = list(in_turn(Run.objects.due(now).filter(unheard, TAKES), RINGS).values_list("pk", flat=True))
        still = Run.objects.filter(unheard, pk__in=first, work=Work.DUE, at__lte=now)
        mine = still.select_related("saga").select_for_update(skip_locked=True, no_key=True, of=("self",))
        runs = list(mine.order_by("at"))
        if Run.objects.filter(pk__in=[run.pk for run in runs]).update(rung_at=now):
            boundaries.committed("noted")
    ring_many(Bell.of(run, now, run.saga.definition) for run in runs)
    _report_unknown(now, [run for run in runs if run.at and run.at < now - conf().unknown_after])


def _report_unknown(now: datetime, runs: Iterable[Run]) -> None:
    """What has been due for long and runs on a table that no living worker has needs a person."""
    waiting = list(runs)
    if not waiting:
        return
    with borrowed():
        alive = Worker.objects.alive(now, conf().gone_after).values_list("definitions", flat=True)
        known = {tuple(definition) for definitions in alive for definition in definitions}
    for run in waiting:
        table = (run.saga.definition, run.saga.version, run.saga.fingerprint)
        if known and table not in known:
            _survive(run, partial(_incident, run))


def _incident(run: Run) -> tuple[Bell, ...]:
    with turn(run.saga_id, "sweep") as t:
        waiting = t.run(pk=run.pk, fence=run.fence)
        if waiting is not None and waiting.work:
            name = f"{t.saga.definition} version {t.saga.version} ({t.saga.fingerprint})"
            sentence = f"No living worker knows saga {name}; deploy one that does, and it goes on by itself."
            t.incident(waiting, Reason.DEFINITION_UNKNOWN, "definition_unknown", sentence)
    return ()


def _survive(run: Run, act: Callable[[], tuple[Bell, ...]]) -> None:
    """One poisoned saga must not stop the sweep for the others: its clock is pushed on, and its error told."""
    try:
        ring(act())
    except Exception as error:
        if _passes(error, str(run)):
            return
        logger.exception("The sweep could not handle %s; it looks again in a minute.", run)
        with borrowed():
            if Run.objects.filter(pk=run.pk, fence=run.fence).update(at=clock.now() + timedelta(minutes=1)):
                boundaries.committed("pushed_on")


def _passes(error: Exception, what: str) -> bool:
    """Whether it passes by itself: what is busy is looked at again by the next sweep.

    So is everything when the database is away; then the error is raised again.
    """
    state = _state(error)
    if state == "away":
        raise error
    if state == "busy":
        logger.warning("The sweep found %s busy, and looks again: %s", what, str(error).strip())
    return state == "busy"


def _state(error: Exception) -> str:
    """Whether it is the saga's fault, or the database is "away" or its rows "busy"."""
    if not isinstance(error, OperationalError | InterfaceError):
        return ""
    state = getattr(error.__cause__, "sqlstate", None)
    if state in BUSY:
        return "busy"
    return "away" if state is None or state.startswith(AWAY) else ""
