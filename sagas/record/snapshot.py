"""A saga as it stands: what a page or a document says of it is asked of what was read once."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import reduce
from operator import and_, attrgetter

from django.db.models import Q

from sagas.models import Run, Saga
from sagas.models.run import RunQuerySet
from sagas.record import clock
from sagas.record.matching import holds

MOST = 200
"""Of a saga with more rows than that the first are in hand, and questions about all are asked of the database."""


class Snapshot:
    """A saga, its rows and the time, each read when it is first needed, or as somebody has them in hand already."""

    def __init__(self, saga: Saga, *, now: datetime | None = None, runs: Iterable[Run] | None = None) -> None:
        self.saga = saga
        self._now = now
        self._whole = runs is not None
        self._runs = None if runs is None else self._known(runs)

    @property
    def now(self) -> datetime:
        """When that is, by the database's clock."""
        if self._now is None:
            self._now = clock.now()
        return self._now

    @property
    def first_runs(self) -> list[Run]:
        """Its rows in the order in which they came up, `MOST` at most."""
        if self._runs is None:
            found = list(self._rows().order_by("id")[: MOST + 1])
            self._runs, self._whole = self._known(found[:MOST]), len(found) <= MOST
        return self._runs

    def runs(self, *conditions: Q, by: str = "id", most: int | None = None) -> list[Run]:
        """Those of its rows that all conditions hold for; these name columns of rows and of their saga."""
        first = self.first_runs
        if not self._whole:
            return list(self._rows().filter(*conditions).order_by(by)[:most])
        condition = _all(conditions)
        return sorted((run for run in first if holds(condition, run)), key=attrgetter(by))[:most]

    def any_run(self, *conditions: Q) -> bool:
        """Is there one?"""
        condition = _all(conditions)
        if any(holds(condition, run) for run in self.first_runs):
            return True
        return not self._whole and self._rows().filter(condition).exists()

    def _rows(self) -> RunQuerySet:
        return Run.objects.filter(saga_id=self.saga.pk).exclude(kind=Run.Kind.MESSAGE)

    def _known(self, runs: Iterable[Run]) -> list[Run]:
        found = list(runs)
        for run in found:
            run.saga = self.saga
        return found


def _all(conditions: Sequence[Q]) -> Q:
    return reduce(and_, conditions, Q())
