"""Halting a saga: `pause` and `resume`."""

from uuid import UUID

from sagas.models import Saga
from sagas.operations.verb import must_be_live, refuse, verb
from sagas.record import halting
from sagas.record.payload import text


def pause(
    saga_id: UUID,
    *,
    actor: str,
    reason: str,
    tenant: str = "default",
    expect: int | None = None,
    children: bool = True,
) -> Saga:
    """Begin nothing new, forward or back; what runs is recorded, signals are kept, and its patience stands still.

    Raises `NotFound`, or `NotAllowed` with the codes `ended` and `paused`.
    """
    with verb(saga_id, "pause", actor=actor, reason=reason, tenant=tenant, expect=expect) as t:
        must_be_live(t)
        if t.saga.paused_at:
            refuse(t, f"The saga is paused already, by {t.saga.paused_by}.", "paused")
        halting.pause(t, t.actor, text(reason), children=children)
    return t.saga


def resume(
    saga_id: UUID,
    *,
    actor: str,
    reason: str,
    tenant: str = "default",
    expect: int | None = None,
    children: bool = True,
) -> Saga:
    """Go on after a pause: what came meanwhile is taken before any clock fires.

    Raises `NotFound`, or `NotAllowed` with the codes `ended` and `not_paused`.
    """
    with verb(saga_id, "resume", actor=actor, reason=reason, tenant=tenant, expect=expect) as t:
        must_be_live(t)
        if not t.saga.paused_at:
            refuse(t, "The saga is not paused.", "not_paused")
        halting.resume(t, children=children)
    return t.saga
