"""Which saga is meant: by its id, the beginning of its id, or its business key."""

from django.db.models import Q

from sagas.errors import NotFound
from sagas.models import Saga

SHORTEST = 4


def find(given: str) -> Saga:
    """The saga, and of a business key the open one or else the newest. Raises `NotFound` in plain words."""
    short = given.replace("-", "").lower()
    if len(short) >= SHORTEST and all(letter in "0123456789abcdef" for letter in short):
        low, high = short.ljust(32, "0"), short.ljust(32, "f")
        found = list(Saga.objects.filter(Q(pk__gte=low) & Q(pk__lte=high)).order_by("pk")[:6])
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(str(saga.pk) for saga in found[:5])
            raise NotFound(f"{given!r} begins the ids of several sagas, among them {ids}; give more of it.")
    keyed = Saga.objects.filter(business_key=given)
    names = sorted(set(keyed.values_list("definition", flat=True)))
    if len(names) > 1:
        raise NotFound(f"Sagas of {', '.join(names)} have the business key {given!r}; give the id of the one you mean.")
    by_key = keyed.filter(ended_at=None).order_by("-id").first() or keyed.order_by("-id").first()
    if by_key is None:
        raise NotFound(f"There is no saga {given!r}: give its id, the beginning of its id, or its business key.")
    return by_key
