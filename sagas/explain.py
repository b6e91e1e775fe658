"""One sentence on what a saga waits for, since when, what happens next and when, and who can hasten it."""

from datetime import datetime, timedelta

from sagas import clock
from sagas.conf import conf
from sagas.lifecycle import SagaState, StepState
from sagas.models import Cause, Incident, Run, Saga, Work, Worker
from sagas.plan import Undo
from sagas.verdict import Doing, Reason

ENDINGS = {
    SagaState.COMPLETED: "It completed at {at}; nothing is left to do.",
    SagaState.COMPENSATED: "It failed{why} and everything it had done was undone by {at}.",
    SagaState.CANCELLED: "It was cancelled{why} and everything it had done was undone by {at}.",
    SagaState.FAILED: "It was given up{why} at {at}; effects may be left in place.",
}


def explain(saga: Saga) -> str:
    """Why the saga does not move, or what it does, and what happens next. One short sentence or two, in UTC."""
    if saga.ended_at:
        return ENDINGS[SagaState(saga.state)].format(at=_time(saga.ended_at), why=_why(saga)) + _open_ends(saga)
    now = clock.now()
    if saga.paused_at:
        return f"Paused by {saga.paused_by or 'someone'} since {_time(saga.paused_at)}; an operator can resume it."
    back = f"Going back{_why(saga)}: " if saga.is_going_back else ""
    incidents = list(Incident.objects.open().filter(saga_id=saga.pk, retried_at=None).order_by("opened_at"))
    if incidents:
        return back + _incident(incidents[0], len(incidents))
    runs = list(Run.objects.filter(saga_id=saga.pk).active().order_by("at"))
    if not runs:
        return f"{back}nothing is under way and nothing is due; this is a fault of ours, tell its operators."
    running = [run for run in runs if run.work == Work.RUNNING]
    return back + (_running(running[0], now, len(runs)) if running else _due(runs[0], now))


def _incident(incident: Incident, number: int) -> str:
    others = f" (and {number - 1} more)" if number > 1 else ""
    again = f", seen {incident.times} times" if incident.times > 1 else ""
    said = incident.sentence.rstrip(".")
    since = _time(incident.opened_at)
    help_comes = "" if incident.reason == Reason.DEFINITION_UNKNOWN else " An operator can retry it."
    return f"{incident.path} needs a person since {since}{again}: {said}{others}.{help_comes}"


def _running(run: Run, now: datetime, number: int) -> str:
    doing = {Doing.ACTION: "is running", Doing.PROBE: "is being asked after", Doing.COMPENSATION: "is being undone"}
    others = f", {number - 1} more step(s) under way" if number > 1 else ""
    number_of_try = run.asks if run.doing == Doing.PROBE else run.tries
    until = f"if nothing is heard by {_time(run.at)} it is taken over" if run.at else ""
    return f"{run.path} {doing[Doing(run.doing)]} (try {number_of_try}{others}); {until}."


def _due(run: Run, now: datetime) -> str:
    what = {Doing.ACTION: "tried", Doing.PROBE: "asked after", Doing.COMPENSATION: "undone"}[Doing(run.doing)]
    if run.at is not None and run.at > now:
        why = f" after: {run.error.rstrip('.')}" if run.error else ""
        tries = f"try {run.tries + 1}" if run.tries else "first try"
        return f"{run.path} is {what} at {_time(run.at)} ({tries}{why}); an operator can retry it now."
    waiting = now - run.at if run.at else timedelta(0)
    due = f"{run.path} is due since {int(waiting.total_seconds())} s"
    alive = Worker.objects.alive(now, conf().gone_after).values_list("queues", flat=True)
    if waiting > conf().gone_after and not any(run.queue in queues for queues in alive):
        return f"{due}, but no living worker serves queue {run.queue!r}; start one, and it goes on by itself."
    return f"{due}; a worker of queue {run.queue!r} takes it next."


def _why(saga: Saga) -> str:
    failure = saga.failure or {}
    match saga.cause:
        case Cause.FAILED_STEP:
            return f" because {failure.get('step')} failed ({str(failure.get('error', '')).rstrip('.')})"
        case Cause.CANCELLED:
            return f" by {failure.get('by', 'someone')}" if failure.get("by") else ""
        case Cause.DEADLINE:
            return " because its deadline passed"
    return ""


def _open_ends(saga: Saga) -> str:
    if saga.open_incidents:
        return f" {saga.open_incidents} incident(s) need a person."
    skipped = Run.objects.filter(saga_id=saga.pk, state=StepState.SKIPPED).values_list("path", flat=True)
    warnings = f" Skipped: {', '.join(skipped)}." if saga.state == SagaState.COMPLETED and skipped else ""
    left = Run.objects.filter(saga_id=saga.pk, undo=Undo.WAIVED).values_list("path", flat=True)
    return warnings + (f" Undone by hand: {', '.join(left)}." if left else "")


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "an unknown time"
