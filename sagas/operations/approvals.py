"""What waits for a person's yes or no, and whose it is to say: the same for the console and REST.

Who is in the group that an approval names decides it. One that names no group is for whoever may operate.
"""

from collections.abc import Collection, Iterator

from django.db.models import Q, QuerySet

from sagas.models import Approval, Run, Saga
from sagas.words import registry
from sagas.words import rows as words


def approval_of(saga: Saga, step: str) -> words.Approval | None:
    """The approval of that name in the saga's table; None where there is none, or the table is not known here."""
    table = registry.find(saga.definition, saga.version, saga.fingerprint)
    row = table.places[step].row if table and step in table.places else None
    return row if isinstance(row, words.Approval) else None


def is_for(row: words.Approval, groups: Collection[str] | None, *, operates: bool) -> bool:
    """Is it somebody's to decide who is in those groups? None is for one who is in all of them."""
    return operates if not row.group else groups is None or row.group in groups


def everything() -> Iterator[tuple[str, int, str, words.Approval]]:
    """Every approval in every table that this process knows, with the table's name and version, and its path."""
    for table in registry.everything():
        for place in table.walk():
            if isinstance(place.row, words.Approval):
                yield table.name, table.version, place.path, place.row


def waiting(tenant: str, definitions: Collection[str] | None) -> QuerySet[Run]:
    """What nobody has decided yet, of sagas that somebody may know of; None is of all definitions."""
    found = Approval.waiting().filter(saga__tenant=tenant)
    return found if definitions is None else found.filter(saga__definition__in=definitions)


def meant_for(found: QuerySet[Run], groups: Collection[str] | None, *, operates: bool) -> QuerySet[Run]:
    """Those of them that are somebody's to decide. What this process does not know of is nobody's: who could say?"""
    mine = Q(pk__in=[])
    for table, version, where, row in everything():
        if is_for(row, groups, operates=operates):
            mine |= Q(saga__definition=table, saga__version=version, path=where)
    return found.filter(mine)
