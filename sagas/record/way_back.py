"""Going back: turn round, and undo in strict reverse order of start."""

from typing import Any

from django.db.models import Q, QuerySet

from sagas.conf import conf
from sagas.models import Cause, Incident, Run, Saga, Work
from sagas.models.saga import Going
from sagas.record.children import born_of
from sagas.record.turn import FAR, Turn
from sagas.words.lifecycle import SagaState, StepState
from sagas.words.outcome import Happened
from sagas.words.plan import Await, Compensate, Finish, Rest, Top, Undo, backward
from sagas.words.rows import GROUPS, Each
from sagas.words.verdict import Doing, Reason


def turn_back(t: Turn, cause: Cause, failure: dict[str, Any]) -> None:
    """From here on the saga only undoes: what had not begun never will, what runs may still tell how it went."""
    saga = t.saga
    saga.going, saga.cause, saga.failure, saga.wanted_back = Going.BACK, cause, failure, ""
    saga.decisions += 1
    t.settle("superseded", direction=Going.FORWARD)
    t.become(SagaState.COMPENSATING)
    for run in t.at_work():
        if run.kind != Run.Kind.MESSAGE and run.doing != Doing.COMPENSATION:
            _call_off(t, run)
    for run in t.set_aside():
        if run.undo != Undo.STUCK:
            run.held = False
            t.move(run, "superseded", step=StepState.CANCELLED if run.state in ("due", "waiting") else None)
    forget_pending(t, Run.objects.filter(saga_id=saga.pk))
    spare_all(t)
    descend(t)


def never_begin(t: Turn, cause: Cause, failure: dict[str, Any]) -> None:
    """A saga that has not begun is cancelled: nothing was done."""
    for run in t.runs(work__isnull=False):
        if run.kind != Run.Kind.MESSAGE:
            t.rest(run)
            t.move(run, "called off", step=StepState.CANCELLED)
    t.saga.cause, t.saga.failure = cause, failure
    t.end(SagaState.CANCELLED)


def _call_off(t: Turn, run: Run) -> None:
    if run.work == Work.RUNNING and run.doing != Doing.DECISION:
        run.at = min(run.at or t.now, t.latest + conf().drain)
    elif run.kind == Run.Kind.CHILD and run.work == Work.WAITING:
        tell_child(t, run, "cancel")
    else:
        withdraw(t, run)


def withdraw(t: Turn, run: Run) -> None:
    """What has no attempt under way ends here."""
    unknown = run.happened != Happened.NO
    t.rest(run)
    t.move(run, "called off", step=StepState.UNKNOWN if unknown else StepState.CANCELLED)


def forget_pending(t: Turn, runs: QuerySet[Run]) -> None:
    """Items that never began never will: in one statement, however many they are."""
    if not t.definition.has_lists:
        return
    t.flush()
    forgotten = runs.filter(state=StepState.PENDING).update(state=StepState.CANCELLED)
    if forgotten:
        t.moves.append({"did": "items called off", "items": forgotten})


def spare(t: Turn, run: Run) -> None:
    """What is known not to have happened need not be undone."""
    if run.undo == Undo.OWED and run.happened == Happened.NO:
        t.move(run, "spared", undo=Undo.UNNEEDED)


def spare_all(t: Turn) -> None:
    """All that did not happen and is not under way need not be undone."""
    for run in t.owed_for_nothing():
        spare(t, run)


def lose(t: Turn, run: Run) -> None:
    """Its result does not count any more; what it may have done is undone at once, beside whatever goes on."""
    run.loser = True
    t.settle("superseded", path=run.path, item=run.item, direction=Going.FORWARD)
    if run.work == Work.RUNNING and run.doing in (Doing.ACTION, Doing.PROBE):
        return
    if run.kind == Run.Kind.CHILD and run.work == Work.WAITING:
        tell_child(t, run, "cancel")
        return
    if run.work:
        withdraw(t, run)
    elif run.held:
        run.held = False
        t.move(run, "superseded", step=StepState.CANCELLED if run.state in ("due", "waiting") else None)
    settle_debt(t, run)


def settle_debt(t: Turn, run: Run) -> None:
    """A loser that has come to its end: what it may have done is undone now."""
    spare(t, run)
    if run.undo == Undo.OWED:
        demand(t, run)


def descend(t: Turn) -> None:
    """Do what the top of the stack asks for."""
    if not t.saga.is_going_back or t.saga.ended_at:
        return
    runs = _place(t)
    tops = [Top(running=_is_running(run), undo=Undo(run.undo)) for run in runs]
    match backward(tops):
        case Compensate():
            for run in runs:
                if run.undo == Undo.OWED:
                    demand(t, run)
            if all(run.undo == Undo.STUCK or not run.work for run in runs):
                descend(t)
        case Finish():
            t.end(SagaState.CANCELLED if t.saga.cause == Cause.CANCELLED else SagaState.COMPENSATED)
        case Await() | Rest():
            pass


def _place(t: Turn) -> list[Run]:
    """The top of the stack: one run, or, of a group that is undone side by side, as many as may be at it at once."""
    if (known := t.place()) is not None:
        return known
    t.flush()
    unsettled = Run.objects.filter(saga_id=t.saga.pk).unsettled()
    if t.definition.on_compensation_stuck == "continue":
        unsettled = unsettled.exclude(Q(undo=Undo.STUCK) | Q(pk__in=_in_trouble(t)))
    top = unsettled.first()
    if top is None:
        left = Run.objects.filter(saga_id=t.saga.pk).unsettled().first()
        return [t.hold(left)] if left else []
    place = t.definition.places[top.path]
    outermost = t.definition.places[place.groups[0]].row if place.groups else None
    if not isinstance(outermost, GROUPS) or outermost.compensate != "parallel":
        return [t.hold(top)]
    width = outermost.concurrency if isinstance(outermost, Each) else None
    members = unsettled.filter(path__in=t.definition.within(place.groups[0]))
    at_work = members.filter(work__isnull=False)
    draining = at_work.filter(work__in=[Work.RUNNING, Work.WAITING]).exclude(doing=Doing.COMPENSATION).first()
    if draining is not None:
        return [t.hold(draining)]
    owed = members.filter(undo=Undo.OWED, work=None)
    found = list(owed if width is None else owed[: max(width - at_work.count(), 0)])
    return [t.hold(run) for run in found or [at_work.first() or top]]


def _in_trouble(t: Turn) -> QuerySet[Incident, int | None]:
    """What was stuck is tried again beside the others, which do not wait for it a second time."""
    troubled = Incident.objects.open().filter(saga_id=t.saga.pk, direction=Going.BACK, run__isnull=False)
    troubled = troubled.exclude(reason=Reason.LATE_SUCCESS)
    return troubled.values_list("run_id", flat=True)


def _is_running(run: Run) -> bool:
    """Is its forward side still under way: an attempt, or a child?"""
    return run.doing != Doing.COMPENSATION and run.work in (Work.RUNNING, Work.WAITING)


def demand(t: Turn, run: Run, *, once_more: bool = False) -> None:
    """The compensation is due now, with a fresh budget; `once_more` under a key of its own."""
    if once_more or run.undo_round == 0:
        run.undo_round += 1
        run.undo_tried = False
    run.undo_again = False
    run.tries = run.crashes = 0
    run.since = None
    t.due(run, Doing.COMPENSATION)
    t.move(run, "demanded", undo=Undo.DUE, about={"round": run.undo_round})
    if run.kind == Run.Kind.CHILD:
        _undo_child(t, run)


def _undo_child(t: Turn, run: Run) -> None:
    """A completed child is undone by its own table: it is told to, and its end is awaited."""
    t.wait(run, FAR)
    run.undo_tried = True
    t.move(run, "told to undo", undo=Undo.RUNNING)
    child = born_of(run.pk).first()
    if child is None or child.committed_at or child.state != SagaState.COMPLETED:
        t.rest(run)
        t.move(run, "stuck", undo=Undo.STUCK)
        sentence = f"Saga {child.pk if child else '?'} cannot be undone: it {_why_not(child)}."
        t.incident(run, Reason.COMPENSATION_REFUSED, "child_cannot_go_back", sentence)
        return
    tell_child(t, run, "undo")


def _why_not(child: Saga | None) -> str:
    if child is None:
        return "is gone"
    return "has passed its point of no return" if child.committed_at else f"is {child.state}"


def tell_child(t: Turn, run: Run, verb: str, **what: Any) -> None:
    """A message to the child of that row; no transaction locks two sagas."""
    child = born_of(run.pk).values_list("pk", flat=True).first()
    if child is not None:
        t.send(child, "parent", t.saga.rev + 1, {"verb": verb, "by": t.actor, **what}, run.queue)
