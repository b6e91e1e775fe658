"""How workers hear of what is due: by messages, which may come twice or be lost, or without any."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from sagas.conf import conf
from sagas.engine import dispatch
from sagas.engine.door import Found
from sagas.engine.workers import Here
from sagas.models import Run
from sagas.record import clock
from sagas.testing.failure import Halt
from sagas.testing.post import Post
from sagas.testing.world import World


class Messages:
    """Messages come in the order in which they were sent, each so often; `emptied`: only those of the sweep come."""

    def __init__(self, world: World, *, copies: int = 1, emptied: bool = False) -> None:
        self._world = world
        self._copies = copies
        self._emptied = emptied
        self._coming: list[tuple[datetime, Found]] = []

    def caught(self) -> AbstractContextManager[None]:
        return dispatch.replaced(self._send)

    def next(self, sagas: Collection[UUID], now: datetime, refused: Collection[Found]) -> Found | None:
        for place, (at, found) in enumerate(self._coming):
            if at <= now:
                del self._coming[place]
                return found
        return None

    def hears_of(self, run: Run) -> datetime | None:
        coming = [at for at, found in self._coming if found == (run.pk, run.fence)]
        rung_again = run.rung_at + conf().ring_again_after if run.rung_at else clock.now()
        return min([*coming, rung_again])

    def _send(self, task: str, named: list[int], queue: str, *, countdown: timedelta | None = None, rank: Any) -> bool:
        if connection.in_atomic_block:
            raise Halt("A message was sent from within its transaction: it may come before the commit.")
        if self._emptied and not self._world.sweeping:
            return True
        at = clock.now() + (countdown or timedelta(0))
        for found in zip(named[::2], named[1::2], strict=True):
            self._coming += [(at, found)] * self._copies
        return True


class Door:
    """No message comes at all: an idle worker looks at the door, as it does with a broken broker."""

    def __init__(self, world: World) -> None:
        self._here = Here(queues=["sagas"])

    def caught(self) -> AbstractContextManager[None]:
        return dispatch.silenced()

    def next(self, sagas: Collection[UUID], now: datetime, refused: Collection[Found]) -> Found | None:
        return next((found for found in self._here.left_lying(20) if found not in refused), None)

    def hears_of(self, run: Run) -> datetime | None:
        return (run.at or clock.now()) + conf().look_after


POSTS: dict[str, Callable[[World], Post]] = {
    "told": Messages,
    "told twice": lambda world: Messages(world, copies=2),
    "emptied broker": lambda world: Messages(world, emptied=True),
    "no broker": Door,
}
