"""Sagas that begin, many in one statement, where the database can do that; otherwise one by one (`Locked.insert`)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

from sagas.models import Saga
from sagas.record import news, postgres
from sagas.record.guess import TakeTheLock, Unlocked, may_guess
from sagas.record.opening import begin_saga
from sagas.record.snapshot import Snapshot
from sagas.words import boundaries
from sagas.words.definition import Definition

MOST = 64
"""So many sagas begin in one statement at most."""


class Newborn(Unlocked):
    """A saga that is not stored yet, with its first rows; its time is a placeholder until then."""

    def __init__(self, saga: Saga, actor: str) -> None:
        super().__init__(saga, actor, datetime.now(UTC))

    def settle(self, how: str, **which: Any) -> None:
        """It has no incidents yet."""

    def untaken(self, name: str) -> None:
        """Nobody knew of it."""

    def hand_over_key(self) -> NoReturn:
        raise TakeTheLock

    def birth(self) -> postgres.Birth:
        """What is stored of it. Raises `TakeTheLock` if that is more than one statement writes."""
        self.derive()
        self._count()
        if not postgres.is_plain_saga(self.saga) or not all(map(postgres.is_plain, self.opened)):
            raise TakeTheLock
        return postgres.Birth(
            saga=self.saga,
            now=self.now,
            opened=self.opened,
            actor=self.actor,
            moves=self.moves,
            events=self._told(1),
        )

    def learn(self, written: postgres.Written) -> None:
        """It is stored: now its times are the database's, and its runs have ids."""
        by, saga = written.now - self.now, self.saga
        saga.rev, saga.created_at, saga.updated_at = 1, written.now, written.now
        saga.deadline_at = saga.deadline_at + by if saga.deadline_at is not None else None
        saga._state.adding = False
        saga._state.db = "default"
        self._take_in(written)

    @property
    def snapshot(self) -> Snapshot:
        """As it stands when it has been stored."""
        return Snapshot(self.saga, now=self.now, runs=self._touched.values())


def conceive(saga: Saga, table: Definition, actor: str) -> Newborn:
    """A saga that is to begin. Raises `TakeTheLock` if it cannot be stored in one statement; then take a new draft."""
    if not may_guess() or saga.start_at is not None:
        raise TakeTheLock
    newborn = Newborn(saga, actor)
    begin_saga(newborn, table)
    return newborn


def bear(newborns: Sequence[Newborn]) -> list[bool]:
    """Store them in one statement; False for those whose business key an open saga holds."""
    found = postgres.begin([newborn.birth() for newborn in newborns])
    for newborn, written in zip(newborns, found, strict=True):
        if written is not None:
            newborn.learn(written)
    if any(found):
        boundaries.committed()
    for newborn, written in zip(newborns, found, strict=True):
        if written is not None:
            news.tell(newborn)
    return [written is not None for written in found]
