"""Somebody who holds and releases a participant now and then, and sees to it that nobody calls it meanwhile."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from django.db.models import Q

from sagas.errors import InvalidInput, NotAllowed, NotFound
from sagas.models import Hold, Run, Saga
from sagas.operations import holding
from sagas.record import clock, holds
from sagas.record.attempts import Claim
from sagas.words.rows import Step
from tests.sagas.tables import CALLED

AS = {"actor": "ann", "reason": "because"}
EXACT = timedelta(seconds=5)
"""A clock is the database's; real time goes on a little as well."""


class Holding:
    """`known` says whether the only process here has looked since the last change; `wrong` is what must not be so."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self.known = True
        self.wrong: list[str] = []
        self.done: list[str] = []
        self._stood: dict[UUID, timedelta] = {}
        self._passed = timedelta(0)

    # What is done

    def hold(self) -> None:
        """For as long as it takes, or for some minutes."""
        minutes = self._chance.choice([None, None, 5, 60])
        self._do("hold", until=clock.now() + timedelta(minutes=minutes) if minutes else None)

    def canary(self) -> None:
        self._do("canary")

    def release(self) -> None:
        """All at once, or one after the other."""
        self._do("release", rate=self._chance.choice([None, 1, 100]))

    def look(self) -> None:
        """What a process does every second."""
        holds.look()
        self.known = True

    def _do(self, verb: str, **about: Any) -> None:
        try:
            getattr(holding, verb)(CALLED, **AS, **about)
        except (NotAllowed, NotFound, InvalidInput):
            return
        self.known = False
        self.done.append(verb)
        if self._chance.random() < 0.6:
            self.look()

    # What must be so

    def watched(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """A step's function that is not called while its participant is held."""

        def call(ctx: Any) -> Any:
            self.begun(ctx._claim)
            return function(ctx)

        return call

    def begun(self, claim: Claim) -> None:
        """An attempt has begun, and nothing has happened since."""
        if self.known and isinstance(claim.row, Step) and CALLED in claim.row.participants and self._held(claim.saga):
            self.wrong.append(f"An attempt of {claim.run} began, and {CALLED} is held.")

    def _held(self, saga: Saga) -> bool:
        open_ones = Hold.objects.filter(tenant=saga.tenant, participant=CALLED, released_at=None, ended_at=None)
        in_force = open_ones.filter(Q(until=None) | Q(until__gt=clock.now())).first()
        if in_force is None:
            return False
        passing = {one["saga"] for one in in_force.canaries}
        while str(saga.pk) not in passing and saga.parent is not None:
            saga = saga.parent.saga
        return str(saga.pk) not in passing

    def passes(self, by: timedelta) -> None:
        """So much time is about to pass: it does not for sagas that wait for the participant, or are paused."""
        parked = Run.objects.filter(hold__isnull=False).values("saga")
        for saga in Saga.objects.live().filter(Q(pk__in=parked) | ~Q(paused_at=None)).values_list("pk", flat=True):
            self._stood[saga] = self._stood.get(saga, timedelta(0)) + by

    def check(self) -> None:
        """Raises `AssertionError`, which says what is wrong."""
        assert not self.wrong, self.wrong[0]
        waiting = Run.objects.filter(hold__isnull=False)
        for run in waiting.filter(Q(saga__parked_at=None) | ~Q(work="due") | Q(parked_at=None)).select_related("saga"):
            raise AssertionError(f"{run} waits for a participant; its saga knows since {run.saga.parked_at}")

    def is_due(self, saga: Saga, deadline: timedelta, now: datetime) -> bool:
        """May its deadline be over now? What stood still does not count."""
        return now - saga.created_at - self._stood.get(saga.pk, timedelta(0)) > deadline - EXACT
