"""Which saga is meant: by its id, the beginning of its id, or its business key."""

import re
from uuid import UUID

from sagas.errors import NotFound
from sagas.models import Saga

SHORTEST = 4
"""So much of an id must be given at least."""
SHOWN = 5


def find(given: str) -> Saga:
    """The one saga that is meant. Of several with one business key it is the open one that holds it.

    Raises `NotFound`, in plain words, for none and for several: nobody is to cancel a saga that was not meant.
    """
    found = {saga.pk: saga for saga in [*_by_id(given), *_by_key(given)]}
    if len(found) == 1:
        return found.popitem()[1]
    if not found:
        raise NotFound(f"There is no saga {given!r}: give its id, the beginning of its id, or its business key.")
    some = ", ".join(f"{saga.pk} ({saga.definition}, {saga.state})" for saga in list(found.values())[:SHOWN])
    raise NotFound(f"{given!r} may mean several sagas, among them {some}; give more of the id.")


def _by_id(given: str) -> list[Saga]:
    """Ids are compared as numbers, so that the beginning of one is a range of them."""
    short = given.replace("-", "").lower()
    if not re.fullmatch(f"[0-9a-f]{{{SHORTEST},32}}", short):
        return []
    low, high = UUID(short.ljust(32, "0")), UUID(short.ljust(32, "f"))
    return list(Saga.objects.filter(pk__gte=low, pk__lte=high).order_by("-pk")[: SHOWN + 1])


def _by_key(given: str) -> list[Saga]:
    if "\x00" in given:
        return []
    keyed = Saga.objects.filter(business_key=given).order_by("-pk")
    holders = list(keyed.live().filter(holds_key=True)[: SHOWN + 1])
    return holders or list(keyed[: SHOWN + 1])
