"""One sentence on what a saga waits for, since when, what happens next and when, and who can hasten it."""

from datetime import datetime, timedelta

from django.db.models import Q

from sagas.conf import conf
from sagas.models import Cause, Hold, Incident, Run, Saga, Work, Worker
from sagas.record.children import born_of
from sagas.record.payload import shown
from sagas.record.sight import FULL, Sight
from sagas.record.snapshot import Snapshot
from sagas.words.lifecycle import SagaState, StepState
from sagas.words.outcome import Happened
from sagas.words.plan import Undo
from sagas.words.verdict import Doing, Reason

ENDINGS = {
    SagaState.COMPLETED: "It completed at {at}; nothing is left to do.",
    SagaState.COMPENSATED: "It failed{why} and everything it had done was undone by {at}.",
    SagaState.CANCELLED: "It was cancelled{why} and everything it had done was undone by {at}.",
    SagaState.FAILED: "It was given up at {at}; effects may be left in place, and it can be retried.",
}


LONGEST_SAID = 240
SHOWN = 100
HELP = {
    Reason.DEFINITION_UNKNOWN: "",
    Reason.DEADLINE: " It goes on all the same; an operator can move the deadline.",
    Reason.OUTCOME_UNKNOWN: " It may have happened: find out, and resolve it, or retry it under the same key.",
    Reason.CRASHED: " Its workers died, which it may have caused: read their logs before you retry it.",
    Reason.CHILD_STUCK: " An operator can repair that saga.",
    Reason.CHILD_FAILED: " An operator can retry that saga.",
    Reason.RESULT_UNSTORABLE: " An operator can skip it and supply the result.",
    Reason.COMPENSATION_REFUSED: " An operator can retry it, or waive it when it was done by hand.",
    Reason.COMPENSATION_EXHAUSTED: " An operator can retry it, or waive it when it was done by hand.",
    Reason.COMPENSATION_ABSENT: " An operator can retry it, or waive it when it was done by hand.",
}
NOT_LANDED = " It is known not to have happened: an operator can retry it under a new key, or skip it."
WHAT = {
    Doing.ACTION: "tried",
    Doing.PROBE: "asked after",
    Doing.COMPENSATION: "undone",
    Doing.DECISION: "decided",
}


def explain(saga: Saga, sight: Sight = FULL, snapshot: Snapshot | None = None) -> str:
    """Why the saga does not move, or what it does, and what happens next. One short sentence or two, in UTC.

    It is for somebody with that `sight`; `snapshot` is what was read of it already.
    """
    saga = sight.look(saga)
    if saga.ended_at:
        return ENDINGS[SagaState(saga.state)].format(at=_time(saga.ended_at), why=_why(saga)) + _open_ends(saga)
    if saga.paused_at:
        why = f": {_short(saga.paused_why)}" if saga.paused_why else ""
        who = saga.paused_by.removeprefix("person:") or "someone"
        return f"Paused by {who} since {_time(saga.paused_at)}{why}. An operator can resume it."
    if saga.state == SagaState.PENDING:
        return _pending(saga)
    back = f"Going back{_why(saga)}: " if saga.is_going_back else ""
    if saga.open_incidents and (incidents := _incidents(saga)):
        return back + _incident(sight.look(incidents[0]), len(incidents))
    snapshot = snapshot or Snapshot(saga)
    runs = [sight.look(run) for run in snapshot.runs(Q(work__isnull=False), by="at", most=SHOWN)]
    if not runs:
        return f"{back}nothing is under way and nothing is due; this is a fault of ours, tell its operators."
    for work, told in ((Work.RUNNING, _running), (Work.DUE, _due), (Work.WAITING, _waiting)):
        found = [run for run in runs if run.work == work]
        if found:
            others = f" {len(runs) - 1} more under way." if len(runs) > 1 else ""
            return back + told(found[0], snapshot.now) + others
    raise AssertionError("a run does one of three things")


def _incidents(saga: Saga) -> list[Incident]:
    found = Incident.objects.open().filter(saga_id=saga.pk, retried_at=None).order_by("opened_at")
    return list(found.select_related("run"))


def _pending(saga: Saga) -> str:
    if not saga.holds_key:
        return f"It begins when the saga that holds the business key {saga.business_key!r} has ended."
    return f"It begins at {_time(saga.start_at)}; an operator can cancel it."


def _waiting(run: Run, now: datetime) -> str:
    since, until = _time(run.since), run.ends_at or run.at
    end = f" until {_time(until)}" if until is not None and until.year < 9999 else ""
    match run.kind:
        case Run.Kind.WAIT:
            return f"It waits for the signal of {run.path} since {since}{end}; an operator can reschedule that."
        case Run.Kind.APPROVAL:
            return f"{run.path} waits for a person's yes or no since {since}{end}."
        case Run.Kind.SLEEP:
            return f"It sleeps ({run.path}) since {since}{end}; an operator can reschedule that."
    child = born_of(run.pk).values_list("pk", "state").first()
    name = f"saga {child[0]}, which is {child[1]}" if child else "its child"
    doing = "has undone itself" if run.doing == Doing.COMPENSATION else "has ended"
    return f"{run.path} waits since {since} until {name}, {doing}."


def _incident(incident: Incident, number: int) -> str:
    others = f" (and {number - 1} more)" if number > 1 else ""
    again = f", seen {incident.times} times" if incident.times > 1 else ""
    said = _short(incident.sentence)
    since = _time(incident.opened_at)
    help_comes = HELP.get(Reason(incident.reason), " An operator can retry it.")
    if incident.reason == Reason.OUTCOME_UNKNOWN and incident.run and incident.run.happened == Happened.NO:
        help_comes = NOT_LANDED
    what = incident.where if incident.path else "The saga"
    return f"{what} needs a person since {since}{again}: {said}{others}.{help_comes}"


def _running(run: Run, now: datetime) -> str:
    doing = {
        Doing.ACTION: "is running",
        Doing.PROBE: "is being asked after",
        Doing.COMPENSATION: "is being undone",
        Doing.DECISION: "is being decided by the definition's functions",
    }
    number_of_try = run.asks if run.doing == Doing.PROBE else run.tries
    progress = f", {shown(run.progress)}" if run.progress is not None else ""
    until = f"if nothing is heard by {_time(run.at)} it is taken over" if run.at else ""
    return f"{_name(run)} {doing[Doing(run.doing)]} (try {number_of_try}{progress}); {until}."


def _due(run: Run, now: datetime) -> str:
    what = WHAT[Doing(run.doing)]
    if run.hold is not None:
        return _parked(run, run.hold)
    if run.at is not None and run.at > now:
        why = f" after: {run.error.rstrip('.')}" if run.error else ""
        tries = f"try {run.tries + 1}" if run.tries else "first try"
        return f"{_name(run)} is {what} at {_time(run.at)} ({tries}{why}); an operator can retry it now."
    waiting = now - run.at if run.at else timedelta(0)
    due = f"{_name(run)} is due since {int(waiting.total_seconds())} s"
    if waiting > conf().gone_after and not _is_served(run.queue, now):
        return f"{due}, but no living worker serves queue {run.queue!r}; start one, and it goes on by itself."
    return f"{due}; a worker of queue {run.queue!r} takes it next."


def _is_served(queue: str, now: datetime) -> bool:
    alive = Worker.objects.alive(now, conf().gone_after).values_list("queues", flat=True)
    return any(queue in queues for queues in alive)


def _parked(run: Run, hold: Hold) -> str:
    since = f"{_name(run)} waits since {_time(run.parked_at)}"
    if hold.released_at is not None:
        return f"{since}: {hold.participant} was released by {hold.released_by}, and its steps are let go in turn."
    end = f" until {_time(hold.until)}" if hold.until else ""
    why = hold.reason.rstrip(".")
    held = f"{hold.participant} is held by {hold.held_by}{end}: {why}"
    return f"{since}: {held}. Its clocks stand still; an operator can release {hold.participant}."


def _why(saga: Saga) -> str:
    failure = saga.failure or {}
    match saga.cause:
        case Cause.FAILED_STEP:
            return f" because {failure.get('step')} failed ({_short(str(failure.get('error', '')))})"
        case Cause.CANCELLED:
            return f" by {failure.get('by', 'someone')}" if failure.get("by") else ""
        case Cause.DEADLINE:
            return " because its deadline passed"
        case Cause.TURNED_BACK:
            return f" because {failure.get('by', 'someone')} turned it back"
        case Cause.PARENT:
            return " because its parent goes back"
    return ""


def _short(said: str) -> str:
    """The begin of what a participant or a function said; all of it stands with its row."""
    return said.rstrip(".") if len(said) <= LONGEST_SAID else f"{said[: LONGEST_SAID - 1].rstrip()}…"


def _name(run: Run) -> str:
    return f"{run.path}[{run.item}]" if run.item else run.path


def _open_ends(saga: Saga) -> str:
    if saga.open_incidents:
        return f" {saga.open_incidents} incident(s) need a person."
    skipped = Run.objects.filter(saga_id=saga.pk, state=StepState.SKIPPED).values_list("path", flat=True)
    warnings = f" Skipped: {', '.join(skipped)}." if saga.state == SagaState.COMPLETED and skipped else ""
    left = Run.objects.filter(saga_id=saga.pk, undo=Undo.WAIVED).values_list("path", flat=True)
    return warnings + (f" Undone by hand: {', '.join(left)}." if left else "")


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "an unknown time"
