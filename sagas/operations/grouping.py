"""Incidents of one cause are looked after together: `groups`, `assign`, `note` and `mute`.

A group is all open incidents of one definition, step and reason code. It has an id that says just that, so that it
needs no row until somebody has something to say about it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, QuerySet

from gateway.base64url import decoded, encoded
from sagas.errors import NotFound
from sagas.models import Incident, IncidentGroup
from sagas.operations.audit import signed
from sagas.operations.starting import a_time
from sagas.record import clock
from sagas.record.payload import text

MOST_GROUPS = 200
PARTS = ("definition", "path", "reason_code")


@dataclass(frozen=True, kw_only=True)
class Group:
    """Open incidents of one cause: how many, since when, and what people have said about them."""

    definition: str
    path: str
    reason_code: str
    count: int
    sagas: int
    first_at: datetime
    last_at: datetime
    owner: str = ""
    note: str = ""
    muted_until: datetime | None = None

    @property
    def id(self) -> str:
        """What the group is called in an address."""
        return encoded("\n".join(getattr(self, part) for part in PARTS).encode())


def groups(tenant: str, definitions: Collection[str] | None = None, **which: str) -> list[Group]:
    """The groups that need a person, the latest first; at most 200. `definitions` are those one may know, None is all.

    `which` narrows them by definition, path or reason code.
    """
    counted = (
        _open(tenant, definitions)
        .filter(**which)
        .values(*PARTS)
        .annotate(
            count=Count("pk"), sagas=Count("saga", distinct=True), first_at=Min("opened_at"), latest=Max("last_at")
        )
        .order_by("-latest")[:MOST_GROUPS]
    )
    said = {
        tuple(getattr(row, part) for part in PARTS): row for row in IncidentGroup.objects.filter(tenant=tenant, **which)
    }
    return [_group(found, said.get(tuple(found[part] for part in PARTS))) for found in counted]


def assign(group: str, owner: str, **about: Any) -> Group:
    """Somebody looks after a group; an empty owner is nobody. Raises `NotFound`."""
    return _say(group, {"owner": text(owner)[:150]}, **about)


def note(group: str, what: str, **about: Any) -> Group:
    """Leave a note on a group; it takes the place of the last one. Raises `NotFound`."""
    return _say(group, {"note": text(what)}, **about)


def mute(group: str, until: datetime | None, **about: Any) -> Group:
    """Tell nobody about a group until then; None ends that. Raises `NotFound` and `InvalidInput`."""
    return _say(group, {"muted_until": a_time(until, "/until") if until else None}, **about)


def _say(
    group: str, said: dict[str, Any], *, actor: str, tenant: str, definitions: Collection[str] | None = None
) -> Group:
    which: dict[str, Any] = dict(zip(PARTS, _read(group), strict=True))
    if not groups(tenant, definitions, **which):
        raise NotFound("There is no such group of incidents.")
    changed = {**said, "changed_by": signed(actor), "changed_at": clock.now()}
    IncidentGroup.objects.update_or_create(tenant=tenant, **which, defaults=changed)
    return groups(tenant, definitions, **which)[0]


def _open(tenant: str, definitions: Collection[str] | None) -> QuerySet[Incident]:
    found = Incident.objects.open().filter(tenant=tenant)
    return found if definitions is None else found.filter(definition__in=definitions)


def _group(found: dict[str, Any], said: IncidentGroup | None) -> Group:
    known: dict[str, Any] = {"owner": said.owner, "note": said.note, "muted_until": said.muted_until} if said else {}
    last = found.pop("latest")
    return Group(**found, last_at=last, **known)


def _read(group: str) -> tuple[str, str, str]:
    try:
        text_of = decoded(group).decode()
        definition, path, code = text_of.split("\n")
    except ValueError:
        raise NotFound("There is no such group of incidents.") from None
    if "\x00" in text_of:
        raise NotFound("There is no such group of incidents.")
    return definition, path, code
