"""Whoever decides something says why, and it is written down with their name."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sagas.errors import InvalidInput
from sagas.models import Audit
from sagas.record import clock
from sagas.record.payload import text
from sagas.record.turn import LONGEST_ACTOR


def the_reason(given: str, verb: str = "it") -> str:
    """The reason as it is kept. Raises `InvalidInput` without one."""
    why = text(given).strip()
    if not why:
        fault = {"pointer": "/reason", "detail": "is missing"}
        raise InvalidInput(f"Say why: {verb} needs a reason.", errors=[fault])
    return why


def signed(actor: str) -> str:
    """Somebody's name as it is kept; to be compared with one that was."""
    return actor[:LONGEST_ACTOR]


def write_down(
    verb: str,
    *,
    actor: str,
    why: str,
    tenant: str,
    saga: UUID | None = None,
    path: str = "",
    item: int = 0,
    details: Mapping[str, Any] | None = None,
    at: datetime | None = None,
) -> None:
    """Add an entry, in the transaction of what was decided; of what is about no saga, `path` says what it is about."""
    Audit.objects.create(
        saga_id=saga,
        tenant=tenant,
        verb=verb,
        path=path,
        item=item,
        details=dict(details or {}),
        actor=signed(actor),
        reason=why,
        at=at or clock.now(),
    )
