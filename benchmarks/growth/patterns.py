"""One saga of each kind, run by the engine itself: what the tables are filled with are copies of these."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from benchmarks.growth.sagas import order, signup
from gateway.ids import uuid7
from sagas import operations
from sagas.engine import dispatch
from sagas.engine.delivery import deliver
from sagas.models import Run, Saga, Work
from sagas.record import clock

WORKER = uuid7()
ACTOR = "service:growth"
LONG_AGO = timedelta(days=90)
RECENTLY = timedelta(days=20)
"""A waiting sign-up is copied no further back than this, so that none of the copies is over."""


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """A kind of saga: how one comes about, how many of a thousand of its sort there are, and over what past."""

    make: Callable[[], Saga]
    share: int
    ends: bool
    past: timedelta

    def of(self, sagas: int) -> tuple[int, timedelta]:
        """How many of so many are of this kind, and since when they began."""
        return sagas * self.share // 1000, self.past


def start(name: str, **input: Any) -> Saga:
    """Begin one; nobody is rung for."""
    with dispatch.silenced():
        return operations.start(name, {"order": 1, **input}, actor=ACTOR, labels={"shop": "north"}).saga


def run(saga: Saga) -> None:
    """Do all of it that is due."""
    with dispatch.silenced():
        while due := Run.objects.filter(saga=saga, work=Work.DUE, at__lte=clock.now()).order_by("id").first():
            deliver(due.pk, due.fence, WORKER)


def completed() -> Saga:
    return _through(order.name)


def compensated() -> Saga:
    return _through(order.name, refused=True)


def stuck() -> Saga:
    return _through(order.name, refused=True, lost=True)


def given_up() -> Saga:
    saga = stuck()
    operations.give_up(saga.pk, actor="person:ann", reason="The shelf is gone, and so is the stock.")
    return saga


def waiting() -> Saga:
    return _through(signup.name)


def confirmed() -> Saga:
    saga = waiting()
    with dispatch.silenced():
        operations.signal(saga.pk, "email_confirmed", {"by": "ann@example.org"}, actor=ACTOR, id="first")
    run(saga)
    return saga


def _through(name: str, **input: Any) -> Saga:
    saga = start(name, **input)
    run(saga)
    return saga


PATTERNS = (
    Pattern(make=completed, share=750, ends=True, past=LONG_AGO),
    Pattern(make=compensated, share=100, ends=True, past=LONG_AGO),
    Pattern(make=confirmed, share=120, ends=True, past=LONG_AGO),
    Pattern(make=given_up, share=30, ends=True, past=LONG_AGO),
    Pattern(make=waiting, share=990, ends=False, past=RECENTLY),
    Pattern(make=stuck, share=10, ends=False, past=RECENTLY),
)
