"""Turning a saga back: `cancel` and `compensate`."""

from typing import Any
from uuid import UUID

from sagas.models import Cause, Saga
from sagas.operations.verb import must_be_live, refuse, verb
from sagas.record.payload import text
from sagas.record.pivot import open_pivot
from sagas.record.turn import Turn
from sagas.record.way_back import never_begin, turn_back
from sagas.words.lifecycle import SagaState


def cancel(saga_id: UUID, *, actor: str, reason: str, tenant: str = "default", expect: int | None = None) -> Saga:
    """Turn the saga back; it ends `cancelled`. One that already goes back is left as it is.

    Raises `NotFound`, or `NotAllowed` with the codes `ended`, `at_the_pivot` (the point of no return is being passed;
    try again) and `committed` (it has been passed).
    """
    failure = {"code": "cancelled", "error": text(reason), "by": actor}
    with verb(saga_id, "cancel", actor=actor, reason=reason, tenant=tenant, expect=expect) as t:
        must_be_live(t)
        if t.saga.state == SagaState.PENDING:
            never_begin(t, Cause.CANCELLED, failure)
        else:
            _back(t, Cause.CANCELLED, failure)
    return t.saga


def compensate(saga_id: UUID, *, actor: str, reason: str, tenant: str = "default", expect: int | None = None) -> Saga:
    """Turn the saga back; it ends `compensated`. Allowed and refused as `cancel` is."""
    with verb(saga_id, "compensate", actor=actor, reason=reason, tenant=tenant, expect=expect) as t:
        must_be_live(t)
        if t.saga.state == SagaState.PENDING:
            refuse(t, "The saga has not begun: there is nothing to undo.", "not_begun")
        _back(t, Cause.TURNED_BACK, {"code": "turned_back", "error": text(reason), "by": actor})
    return t.saga


def _back(t: Turn, cause: Cause, failure: dict[str, Any]) -> None:
    if t.saga.is_going_back:
        return
    if t.saga.committed_at:
        refuse(t, "The saga has passed its point of no return: it only goes forward.", "committed")
    if (pivot := open_pivot(t)) is not None:
        sentence = f"The saga is at its point of no return: whether {pivot.path} happened is open. Try again."
        refuse(t, sentence, "at_the_pivot")
    turn_back(t, cause, failure)
