"""A saga and its parent talk in messages: no transaction locks two sagas.

A message is a due run of the saga that it is for. A child's says only "look at me": what became of the child is read
when the message is heard. A parent's names a verb.
"""

from django.db.models import QuerySet

from sagas.models import Run, Saga
from sagas.record.turn import Turn
from sagas.words.lifecycle import SagaState
from sagas.words.outcome import Happened
from sagas.words.plan import Undo
from sagas.words.rows import Child


def born_of(run_id: int) -> QuerySet[Saga, Saga]:
    """The sagas that a row has begun, the latest first.

    By the database's clock: their ids follow those of the machines, and another one may have begun the first.
    """
    return Saga.objects.filter(parent_id=run_id).order_by("-created_at", "-id")


def own(t: Turn, run: Run, row: Child) -> None:
    """The child begins: from now on its parent owes its way back, and its place in the order of start is known."""
    if run.seq is None:
        run.seq, t.saga.next_seq = t.saga.next_seq, t.saga.next_seq + 1
    run.started_at = run.started_at or t.now
    run.happened = Happened.MAYBE
    if row.owes and run.undo == Undo.NONE:
        t.move(run, "owes", undo=Undo.OWED)


def outcome_of(state: str) -> Happened:
    """What a child's end says of its effects."""
    return {
        SagaState.COMPLETED: Happened.YES,
        SagaState.COMPENSATED: Happened.NO,
        SagaState.CANCELLED: Happened.NO,
    }.get(SagaState(state), Happened.MAYBE)
