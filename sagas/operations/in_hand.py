"""Facts of one saga, told from its rows where they have been read already."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from uuid import UUID

from django.db.models import Q

from sagas.models import Run
from sagas.models.run import retriable
from sagas.operations.facts import (
    Facts,
    Ids,
    children_given_up,
    in_doubt,
    is_never_repeated,
    movable,
    pivots_of,
    resolvable,
    undecided,
)
from sagas.record.snapshot import Snapshot

NONE: Ids = frozenset()


class InHand(Facts):
    """What `Facts` says of a live saga, without a statement for each; of one that has ended it asks as they do."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__([snapshot.saga])
        self._snapshot = snapshot
        self._me = frozenset([snapshot.saga.pk])

    @cached_property
    def awaiting_people(self) -> Ids:
        """The saga, if it has an approval that nobody has decided."""
        return self._me_if(undecided())

    @cached_property
    def at_the_pivot(self) -> Ids:
        """The saga, if its pivot is under way, or may have happened."""
        pivots = pivots_of(self._snapshot.saga)
        return self._me_if(in_doubt(), Q(path__in=pivots)) if pivots else NONE

    @cached_property
    def retriable(self) -> Ids:
        """The saga, if it has a row that would be tried."""
        saga, rows = self._snapshot.saga, self._snapshot.runs(retriable(self._snapshot.now))
        children = [row.pk for row in rows if row.kind == Run.Kind.CHILD]
        given_up = children_given_up(children) if children else {}
        fits = (
            row.pk not in given_up and not (row.held and is_never_repeated(saga, row.path, row.happened, row.code))
            for row in rows
        )
        return self._me if any(fits) else NONE

    @cached_property
    def resolvable(self) -> Ids:
        """The saga, if a person may say what became of one of its steps."""
        return self._me_if(resolvable())

    @cached_property
    def held(self) -> Mapping[UUID, Sequence[tuple[str, str]]]:
        """Its rows that are held, and what is known of their effects."""
        saga = self._snapshot.saga
        rows = self._snapshot.runs(Q(held=True)) if saga.open_incidents else []
        return {saga.pk: [(row.path, row.happened) for row in rows]}

    @cached_property
    def movable(self) -> Ids:
        """The saga, if it has a row whose clock a person may move."""
        return self._me_if(movable(self._snapshot.now))

    def _me_if(self, *conditions: Q) -> Ids:
        return self._me if self._snapshot.any_run(*conditions) else NONE
