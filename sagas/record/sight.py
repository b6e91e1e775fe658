"""What somebody may see of payloads, and of what participants and functions said of them.

Whoever may operate sees all but what is sealed; whoever may only look sees how everything stands, and a mask in place
of what sagas were given and gave. A row is masked as it is loaded, so no page and no document can show it by mistake:
`VALUES`, `WORDS` and `INSIDE` name every such column, and a test finds a new one that nobody thought of.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model

from sagas.models import (
    Audit,
    BulkItem,
    BulkOperation,
    InboxEvent,
    Incident,
    Journal,
    OutboxEvent,
    Proposal,
    Revision,
    Run,
    Saga,
    Signal,
)
from sagas.record import payload
from sagas.words.sensitive import MASK

Row = TypeVar("Row", bound=Model)

SEEING = ("sagas.change_saga", "sagas.see_payloads")
"""Each of these permissions lets a person see payloads."""

VALUES: Mapping[type[Model], tuple[str, ...]] = {
    Saga: ("input",),
    Revision: ("input",),
    Run: ("given", "result", "late", "progress"),
    Signal: ("payload",),
    Audit: ("details",),
}
"""Columns with JSON of callers, participants and functions."""
WORDS: Mapping[type[Model], tuple[str, ...]] = {
    Run: ("error",),
    Incident: ("sentence",),
    BulkItem: ("said",),
    OutboxEvent: ("error",),
    InboxEvent: ("reason",),
}
"""Columns with texts that may repeat such JSON."""
INSIDE: Mapping[type[Model], Mapping[str, tuple[str, ...]]] = {
    Saga: {"failure": ("error",)},
    Journal: {"moves": ("error",)},
    OutboxEvent: {"document": ("data",), "log": ("error",)},
    BulkOperation: {"arguments": ("result", "input")},
    Proposal: {"arguments": ("result", "input")},
}
"""Columns with JSON of our own in which certain names stand for one or the other."""


@dataclass(frozen=True)
class Sight:
    """Whether somebody sees payloads."""

    is_full: bool

    def look(self, row: Row) -> Row:
        """The row as they may see it. It is changed in memory, and must not be saved then."""
        if not self.is_full:
            kind: Any = row._meta.concrete_model
            for name in VALUES.get(kind, ()):
                setattr(row, name, self.value(getattr(row, name)))
            for name in WORDS.get(kind, ()):
                setattr(row, name, self.words(getattr(row, name)))
            for name, hidden in INSIDE.get(kind, {}).items():
                setattr(row, name, _hiding(getattr(row, name), hidden))
        return row

    def value(self, stored: Any) -> Any:
        """A stored JSON value, still sealed where it is; nothing stays nothing, so that one sees that it is not there.

        It goes to people through `payload.shown`, as ever.
        """
        return stored if self.is_full or stored in (None, {}) else MASK

    def words(self, said: str) -> str:
        """A text that participants or functions had a part in."""
        return said if self.is_full or not said else MASK

    def shown(self, stored: Any) -> Any:
        """A value as it goes to people."""
        return payload.shown(self.value(stored))


FULL, VEILED = Sight(True), Sight(False)


def _hiding(stored: Any, hidden: tuple[str, ...]) -> Any:
    if isinstance(stored, list):
        return [_hiding(one, hidden) for one in stored]
    if not isinstance(stored, dict):
        return stored
    return {name: MASK if name in hidden and value not in (None, "") else value for name, value in stored.items()}
