"""Bulk operations are worked off: `run_bulk`, called every two seconds in any number of processes at once.

1. take   an operation that is due, by moving its clock ahead, so that nobody else takes it
2. ask    the verb for the sagas whose turn has come, at its rate
3. look   at those that were asked: recovered, or failed again
4. end    when none is left, or else put its clock to its next saga
"""

import logging
import time
from datetime import datetime, timedelta
from importlib import import_module
from traceback import format_tb

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Max

from gateway.borrowing import borrowed
from sagas.errors import SagaError
from sagas.models import BulkItem, BulkOperation, Callback, Run, Saga
from sagas.operations.bulk import pace
from sagas.operations.second import settled
from sagas.record import clock
from sagas.record.payload import unpack
from sagas.words.lifecycle import SagaState, StepState
from sagas.words.plan import Undo

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=1)
SLICE = timedelta(seconds=5)
AT_ONCE = 200
LOOK_AGAIN = timedelta(seconds=2)
PATIENCE = timedelta(days=1)
"""A saga whose trouble has neither gone nor come back after so long counts as not recovered."""

LEFT = [Undo.DONE, Undo.WAIVED, Undo.UNNEEDED]
UNDER_WAY = [Undo.DUE, Undo.RUNNING]
WANTED = {"cancel": {SagaState.CANCELLED}, "compensate": {SagaState.COMPENSATED, SagaState.CANCELLED}}
"""How a saga must have ended for those verbs to have done what was wanted."""
AT_ONCE_DONE = {"pause", "resume", "give_up"}
"""Verbs that have done all they do when they return."""


def run_bulk() -> int:
    """Go on with every bulk operation that is due; returns how many sagas were asked."""
    with borrowed():
        due = list(BulkOperation.objects.due(clock.now()).order_by("at"))
    return sum(_go_on(operation) for operation in due if _taken(operation))


def _taken(operation: BulkOperation) -> bool:
    with borrowed():
        mine = BulkOperation.objects.due(clock.now()).filter(pk=operation.pk, at=operation.at)
        return bool(mine.update(at=clock.now() + LEASE))


def _go_on(operation: BulkOperation) -> int:
    asked, end = 0, time.monotonic() + SLICE.total_seconds()
    with borrowed():
        now = clock.now()
        waiting = list(operation.items.filter(state=BulkItem.State.WAITING).order_by("id")[:AT_ONCE])
        last = operation.items.aggregate(last=Max("asked_at"))["last"]
    # What was not used while nobody ran it is not made up for.
    next_at = max(last + pace(operation), now - LOOK_AGAIN) if last else now
    for item in waiting:
        if next_at > now or time.monotonic() > end or not _still_running(operation):
            break
        _ask(operation, item)
        asked, next_at = asked + 1, next_at + pace(operation)
    for item in operation.items.filter(state=BulkItem.State.ASKED).order_by("id")[:AT_ONCE]:
        _look(operation, item)
    _put_down(operation, next_at)
    return asked


def _still_running(operation: BulkOperation) -> bool:
    return BulkOperation.objects.filter(pk=operation.pk, state=BulkOperation.State.RUNNING).exists()


def _ask(operation: BulkOperation, item: BulkItem) -> None:
    """The verb, and that it was asked for, in one transaction: nobody is asked twice, and nobody left out."""
    act = getattr(import_module("sagas.operations"), operation.verb)
    about = {"actor": operation.actor, "reason": operation.reason, "tenant": operation.tenant}
    with borrowed(), transaction.atomic():
        item.asked_at = clock.now()
        mine = BulkItem.objects.filter(pk=item.pk, state=BulkItem.State.WAITING)
        if not mine.update(state=BulkItem.State.ASKED, asked_at=item.asked_at):
            return
        item.runs = _in_trouble(item, item.asked_at)
        try:
            with transaction.atomic(), settled():  # what was begun was approved, if it had to be
                act(item.saga_id, **unpack(operation.arguments), **about)
        except SagaError as error:
            _note(item, BulkItem.State.NOT_ELIGIBLE, str(error))
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # one that nobody can ask must not keep the others from their turn
            frames = "".join(format_tb(error.__traceback__))  # what the error says may repeat what is sensitive
            logger.error("Saga %s tripped over %s (%s).\n%s", item.saga_id, operation, type(error).__name__, frames)
            _note(item, BulkItem.State.NOT_ELIGIBLE, f"{type(error).__name__}, a fault: the log of the workers has it.")
        else:
            done = operation.verb in AT_ONCE_DONE
            _note(item, BulkItem.State.RECOVERED if done else BulkItem.State.ASKED)


def _in_trouble(item: BulkItem, now: datetime) -> list[int]:
    """The rows that a retry would take: all that are held or stuck; where none is, those that wait for their try."""
    runs = Run.objects.filter(saga_id=item.saga_id).retriable(now).values_list("pk", "work")
    held = [pk for pk, work in runs if not work]
    return held or [pk for pk, _ in runs]


def _look(operation: BulkOperation, item: BulkItem) -> None:
    """What became of a saga that was asked."""
    with borrowed():
        saga = Saga.objects.get(pk=item.saga_id)
        outcome = _outcome(saga, item, operation.verb)
        if outcome is None and item.asked_at and item.asked_at < clock.now() - PATIENCE:
            outcome = False
        if outcome is not None:
            _note(item, BulkItem.State.RECOVERED if outcome else BulkItem.State.FAILED_AGAIN)


def _outcome(saga: Saga, item: BulkItem, verb: str) -> bool | None:
    if verb == "tell_again":
        callback = Callback.objects.get(saga_id=saga.pk)
        return None if callback.done_at is None else not callback.error
    return _as_wanted(saga, verb) if verb in WANTED else _left_trouble(saga, item)


def _as_wanted(saga: Saga, verb: str) -> bool | None:
    if saga.ended_at is not None:
        return saga.state in WANTED[verb]
    return False if saga.state == SagaState.STUCK else None


def _left_trouble(saga: Saga, item: BulkItem) -> bool | None:
    """True when every row has left its trouble, False when one is back in it or the saga went back; else not known."""
    found = [_of_run(saga, run, item.asked_at) for run in Run.objects.filter(pk__in=item.runs)]
    if any(left is False for left in found):
        return False
    return True if all(found) else None


def _of_run(saga: Saga, run: Run, asked_at: datetime | None) -> bool | None:
    if run.undo in LEFT:
        return True if run.undo != Undo.UNNEEDED or saga.is_going_back else None
    if run.undo == Undo.STUCK or run.held:
        return False
    if run.undo in UNDER_WAY:  # its forward side may have succeeded long ago: that is not what was in trouble
        return None
    if run.state in (StepState.SUCCEEDED, StepState.SKIPPED):
        return True
    return False if saga.is_going_back or saga.ended_at is not None else None


def _note(item: BulkItem, state: BulkItem.State, said: str = "") -> None:
    item.state, item.said = state, said
    item.ended_at = None if state == BulkItem.State.ASKED else clock.now()
    item.save(update_fields=["state", "said", "runs", "asked_at", "ended_at"])


def _put_down(operation: BulkOperation, next_at: datetime) -> None:
    with borrowed():
        now = clock.now()
        open_states = [BulkItem.State.WAITING, BulkItem.State.ASKED]
        left = set(operation.items.filter(state__in=open_states).values_list("state", flat=True).distinct())
        mine = BulkOperation.objects.filter(pk=operation.pk, state=BulkOperation.State.RUNNING)
        if not left:
            mine.update(state=BulkOperation.State.DONE, ended_at=now)
        elif BulkItem.State.WAITING in left:
            mine.update(at=next_at if BulkItem.State.ASKED not in left else min(next_at, now + LOOK_AGAIN))
        else:
            mine.update(at=now + LOOK_AGAIN)
