"""The end of a schedule: no faults any more, people who do what is needed, and time; then everything must end.

What has stood still until then wakes up when all is over, and may still say what it has to say.
"""

import time
from collections import Counter
from datetime import timedelta
from typing import Any

from sagas import operations
from sagas.engine.sweep import sweep
from sagas.errors import NotAllowed
from sagas.models import Hold, Incident, Run, Saga, Sweep, Work
from sagas.operations import holding
from sagas.operations.facts import resolvable
from sagas.record import clock
from sagas.words.plan import Undo
from tests.schedules.actors import HANGS, Actor
from tests.schedules.stage import Stage
from tests.schedules.watch import Broken

ROUNDS = 150
STOPS = 5000


def calm(stage: Stage) -> None:
    """To the end, and once more after the zombies spoke. Raises `Broken` if it does not end."""
    _to_the_end(stage)
    for process in stage.processes:
        process.frozen = False
    _let_go(stage)
    while stage.broker.messages:  # what is left says nothing that is still so
        _deliver(stage, stage.broker.messages.pop(0))
    _to_the_end(stage)


def _let_go(stage: Stage) -> None:
    """All that can go on does, one after the other."""
    for _ in range(STOPS):
        actor = _somebody(stage)
        if actor is None:
            return
        stage.do(f"go {actor.name}")
    raise Broken(f"{actor} does not come to an end.")


def _somebody(stage: Stage) -> Actor | None:
    """Who can go on, now or when what it waits for has come; None when nobody is left, dying ones included."""
    until = time.monotonic() + HANGS
    while (actor := next(stage.actors(), None)) is None and (waiting := [*stage.waiting(), *stage.ghosts]):
        stage.fade()
        if time.monotonic() > until:
            raise AssertionError(f"{waiting[0]} waits in vain.")
    return actor


def _run(stage: Stage, actor: Actor | None) -> None:
    """That one goes on to its end; the others only where it waits."""
    while actor is not None and not actor.done:
        able = actor if actor.arrives() else _somebody(stage)
        if able is not None:
            stage.do(f"go {able.name}")


def _deliver(stage: Stage, message: tuple[int, ...]) -> int:
    process = next(process for process in stage.processes if not process.frozen)
    actor = process.deliver(message)
    _run(stage, actor)
    return actor.result if actor is not None else 0


def _to_the_end(stage: Stage) -> None:
    for place, process in enumerate(stage.processes):
        if process.dead:
            stage.do(f"start w{place}")
    if all(process.frozen for process in stage.processes):
        stage.do(f"thaw {stage.processes[0].name}")
    tried: Counter[Any] = Counter()
    for _ in range(ROUNDS):
        _let_go(stage)
        if not (_work(stage) or _repair(stage, tried) or _release(stage) or _wait(stage)):
            break
    for saga in Saga.objects.live():
        raise Broken(f"It does not end: {_what_is(saga)}")


def _work(stage: Stage) -> bool:
    """Deliver what is due; is there any that could be?"""
    due = Run.objects.due(clock.now()).order_by("pk").values_list("pk", "fence")
    return sum(_deliver(stage, found) for found in due) > 0


def _wait(stage: Stage) -> bool:
    """Put the clock to what comes next, and sweep; False when nothing comes any more."""
    clocks = [at for at in Run.objects.filter(work__isnull=False).values_list("at", flat=True) if at.year < 9999]
    clocks += (
        Saga.objects.live().filter(deadline_at__isnull=False, overdue_at=None).values_list("deadline_at", flat=True)
    )
    live = Saga.objects.live().exists() or Run.objects.filter(work__in=[Work.DUE, Work.RUNNING]).exists()
    if not clocks or not live:
        return False
    _pass(stage, max(min(clocks) - stage.machine.now(), timedelta(0)) + timedelta(seconds=1))
    return True


def _pass(stage: Stage, time: timedelta) -> None:
    """Let so much time pass, and sweep."""
    stage.machine.forward(time)
    stage.beat()
    Sweep.objects.all().delete()  # no mark of an earlier sweep excuses this one
    sweep()
    stage.watch.raises()


def _release(stage: Stage) -> bool:
    """Nobody holds the participant any more; does anything still wait for it, or is it to be seen to?"""
    for hold in Hold.objects.open().filter(released_at=None):
        holding.release(hold.participant, actor="a person", reason="because")
    if not Hold.objects.open().exists() and not Run.objects.filter(hold__isnull=False).exists():
        return False
    _pass(stage, timedelta(seconds=3))
    return True


def _repair(stage: Stage, tried: Counter[Any]) -> bool:
    """A person looks after what needs one; did that help?"""
    helped = [_ask("resume", saga) for saga in Saga.objects.live().exclude(paused_at=None)]
    for saga in Saga.objects.filter(state="failed", parent__saga__ended_at=None, parent__isnull=False):
        helped.append(_ask("retry", saga))
    for incident in Incident.objects.open().select_related("saga", "run").order_by("pk"):
        tried[incident.saga_id, incident.run_id] += 1
        helped.append(_look_after(stage, incident, tried[incident.saga_id, incident.run_id]))
    return any(helped)


def _look_after(stage: Stage, incident: Incident, times: int) -> bool:
    saga, run = incident.saga, incident.run
    if run is None or times > 8:
        return False
    about = {"step": run.path, "item": run.item}
    if times <= 3 and _ask("retry", saga, **about):
        return True
    if run.undo == Undo.STUCK or incident.reason == "late_success":
        stage.ledger.undo_by_hand(run.action_key)
        return _ask("waive", saga, **about)
    if Run.objects.filter(resolvable(), pk=run.pk, held=True).exists():
        landed = run.action_key in stage.ledger.there
        if not landed:
            stage.ledger.closed.add(run.action_key)
        return _ask("resolve", saga, landed=landed, **about)
    return run.held and _ask("skip", saga, **about)


def _ask(verb: str, saga: Saga, **about: Any) -> bool:
    try:
        getattr(operations, verb)(saga.pk, actor="a person", reason="because", **about)
    except NotAllowed:
        return False
    return True


def _what_is(saga: Saga) -> str:
    runs = Run.objects.filter(saga=saga, work__isnull=False) | Run.objects.filter(saga=saga, held=True)
    lines = [f"{run.path}[{run.item}] {run.state} {run.undo} {run.work} {run.doing} held={run.held}" for run in runs]
    lines += [incident.sentence for incident in Incident.objects.open().filter(saga=saga)]
    return f"{saga.definition} is {saga.state}, {saga.going}; {'; '.join(lines) or 'nothing is live in it'}"
