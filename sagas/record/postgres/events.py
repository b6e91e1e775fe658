"""What the world is told, as a part of the statement that decides it."""

import json
from collections.abc import Sequence

from sagas.models import OutboxEvent
from sagas.record.postgres.rows import Parameters, filled, rounded, values

_GIVEN = {
    "saga": "uuid",
    "rev": "bigint",
    "number": "smallint",
    "target": "varchar",
    "tenant": "varchar",
    "type": "varchar",
    "document": "jsonb",
    "state": "varchar",
    "error": "varchar",
}
_ROW = {"place": "int", **_GIVEN}


def new_events(events: Sequence[OutboxEvent]) -> Parameters:
    """The parameters of `insert_events`."""
    return filled((_row(place, event) for place, event in enumerate(events)), _ROW, rounded(len(events)))


def insert_events(size: int) -> tuple[str, str]:
    """Parts of a statement, `x` and `e`: so many events of the sagas that are in `s`, with ids in their order."""
    given = ", ".join(f"x.{name}" for name in _GIVEN)
    insert = f"""e AS (
        INSERT INTO sagas_outboxevent ({", ".join(_GIVEN)}, at, tries, log)
        SELECT {given}, s.now, 0, '[]'::jsonb FROM s JOIN x ON x.saga = s.id ORDER BY x.place
    )"""  # noqa: S608 - names of our own columns
    return values("x", _ROW, rounded(size)), insert


def _row(place: int, event: OutboxEvent) -> list[str | None]:
    known = [str(place), event.saga.hex, str(event.rev), str(event.number), event.target, event.tenant, event.type]
    return [*known, json.dumps(event.document), str(event.state), event.error]
