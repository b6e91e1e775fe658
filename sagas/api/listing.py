"""Which sagas a list shows."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models.fields.json import KeyTransform

from sagas.api.shapes import SagaFilter
from sagas.errors import InvalidInput
from sagas.models import Callback, Incident
from sagas.models.saga import SagaQuerySet
from sagas.operations.starting import a_time

EQUAL = ("definition", "state", "business_key")
CREATED = {"created_after": "created_at__gte", "created_before": "created_at__lt"}
UPDATED = {"updated_after": "updated_at__gte", "updated_before": "updated_at__lt"}
SIFTED = ("version", "label", *UPDATED)
"""What no index answers: one on what changes with every step would cost each step more than the list is worth."""
MOST_SIFTED = 100_000
SLACK = timedelta(days=1)
"""How far the clock that an id was made by may have been from the database's."""


def narrowed(sagas: SagaQuerySet, asked: SagaFilter) -> SagaQuerySet:
    """All of the sagas that the query asks for, however full the table.

    Raises `InvalidInput` for a time that cannot be, and where what no index answers would have to be looked for among
    more than `MOST_SIFTED`.
    """
    found = found_by_index(sagas, asked)
    if not is_sifted(asked):
        return found
    if found.order_by()[: MOST_SIFTED + 1].count() > MOST_SIFTED:
        names = ", ".join(name for name in SIFTED if getattr(asked, name) is not None)
        fault = (
            f"looks for {names} among more than {MOST_SIFTED:,} sagas; say which more closely, "
            "by definition, state, needs_person, business_key_prefix or created_after"
        )
        raise InvalidInput(f"The filter {fault}.", errors=[{"pointer": "/filter", "detail": fault}])
    return sifted(found, asked)


def is_sifted(asked: SagaFilter) -> bool:
    """Does it ask for anything that no index answers?"""
    return any(getattr(asked, name) is not None for name in SIFTED)


def sifted(sagas: SagaQuerySet, asked: SagaFilter) -> SagaQuerySet:
    """Those that are left after what no index answers. Raises like `narrowed`."""
    found = sagas if asked.version is None else sagas.filter(version=asked.version)
    if asked.label is not None:
        name, _, value = asked.label.partition(":")
        found = found.alias(label=KeyTransform(name, "labels")).filter(label=value)
    return found.filter(**{UPDATED[name]: at for name, at in _times(asked, UPDATED).items()})


def found_by_index(sagas: SagaQuerySet, asked: SagaFilter) -> SagaQuerySet:
    """Those that fit what an index answers. Raises like `narrowed`."""
    given = {name: value for name, value in asked if value is not None}
    found = sagas.filter(**{name: given[name] for name in EQUAL if name in given})
    times = _times(asked, CREATED)
    found = _by_id(found.filter(**{CREATED[name]: at for name, at in times.items()}), times)
    if asked.business_key_prefix is not None:
        found = found.filter(business_key__startswith=asked.business_key_prefix)
    if asked.parent is not None:
        found = found.filter(parent__saga_id=asked.parent)
    if asked.callback is not None:
        found = found.filter(pk__in=Callback.objects.given_up().values("saga"))
    if asked.needs_person is not None:
        found = found.needing_a_person() if asked.needs_person else found.filter(open_incidents=0)
    return _by_incident(found, asked)


def _times(asked: SagaFilter, names: Iterable[str]) -> dict[str, datetime]:
    given = {name: getattr(asked, name) for name in names}
    return {name: a_time(at, f"/{name}") for name, at in given.items() if at is not None}


def _by_id(sagas: SagaQuerySet, times: dict[str, datetime]) -> SagaQuerySet:
    """Ids sort by time, and the list by ids: without this a page of long ago would read all that came after it."""
    if "created_after" in times:
        sagas = sagas.filter(pk__gte=_first_id(times["created_after"] - SLACK))
    if "created_before" in times:
        sagas = sagas.filter(pk__lt=_first_id(times["created_before"] + SLACK))
    return sagas


def _first_id(at: datetime) -> UUID:
    return UUID(int=max(0, int(at.timestamp() * 1000)) << 80)


def _by_incident(sagas: SagaQuerySet, asked: SagaFilter) -> SagaQuerySet:
    wanted = {"path": asked.step, "reason": asked.reason, "reason_code": asked.reason_code}
    which = {name: value for name, value in wanted.items() if value is not None}
    if not which:
        return sagas
    return sagas.needing_a_person().filter(pk__in=Incident.objects.open().filter(**which).values("saga"))
