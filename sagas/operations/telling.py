"""Whoever wanted to be told of a saga's end, and was not, is told after all: `tell_again`."""

from uuid import UUID

from sagas.models import Callback, Saga
from sagas.operations.verb import refuse, verb


def tell_again(saga_id: UUID, *, actor: str, reason: str, tenant: str = "default", expect: int | None = None) -> Saga:
    """Try now to tell the end of a saga to its `callback_url`, with all tries anew.

    Also where it waits for its next try. The receiver knows it by the same `webhook-id`, should it have come after all.
    Raises `NotFound`, or `NotAllowed` with the codes `not_ended`, `no_callback`, `told` and `not_tried`.
    """
    with verb(saga_id, "tell_again", actor=actor, reason=reason, tenant=tenant, expect=expect) as t:
        if t.saga.ended_at is None:
            refuse(t, "The saga has not ended, so there is nothing to tell yet.", "not_ended")
        found = Callback.objects.filter(saga_id=t.saga.pk)
        if not found.untold().update(tries=0, at=t.now, done_at=None):
            callback = found.first()
            if callback is None:
                refuse(t, "Nobody wanted to be told of its end: it was started without a callback_url.", "no_callback")
            if callback.done_at is not None:
                refuse(t, "Its end was told already.", "told")
            refuse(t, "Its end is about to be told for the first time; wait for what comes of it.", "not_tried")
        t.moves.append({"did": "tells again"})
    return t.saga
