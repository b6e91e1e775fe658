"""Whether a condition of the database is true of a row that is in hand, so that one is written once and asked of both.

It knows what conditions on the columns of one row are made of; what leads to other tables must be asked there.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Model, Q

LOOKUPS: Mapping[str, Callable[[Any, Any], bool]] = {
    "exact": lambda held, given: bool(held == given),
    "in": lambda held, given: held in given,
    "isnull": lambda held, given: (held is None) == given,
    "gt": lambda held, given: held is not None and held > given,
    "lte": lambda held, given: held is not None and held <= given,
}


def holds(condition: Q, row: Model) -> bool:
    """Is it true of that row? Raises `LookupError` for a lookup that is not among `LOOKUPS`."""
    if condition.connector == Q.XOR:
        raise LookupError("Ask the database for an exclusive or.")
    children: list[Any] = condition.children
    found = (holds(one, row) if isinstance(one, Q) else _holds(row, *one) for one in children)
    return (all(found) if condition.connector == Q.AND else any(found)) != condition.negated


def _holds(row: Any, name: str, given: Any) -> bool:
    *path, last = name.split("__")
    names, lookup = (path, last) if last in LOOKUPS else ([*path, last], "exact")
    held: Any = row
    for one in names:
        if not isinstance(held, Model):
            raise LookupError(f"Ask the database for {name!r}.")
        field: Any = held._meta.get_field(one)
        # A row of another table is compared by its key, so that it need not be read.
        held = getattr(held, field.attname if one == names[-1] else one)
    return LOOKUPS[lookup](held, given)
