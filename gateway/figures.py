"""How an installation stands, in figures: read from the database, at most every few seconds, and kept.

Apps offer theirs by the setting `GATEWAY["METRICS"]`: dotted paths of functions that return a list of `Figure`s. Each
is asked apart, so that one that fails takes no other with it. They are asked in a thread of their own, and nobody who
wants to know waits for long: while the database is away the last ones are told, with their age.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils.module_loading import import_string

from gateway import conf, counters
from gateway.borrowing import borrowed

logger = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=1.5)
FRESH = timedelta(seconds=3)
"""For so long what is known is good …"""
DEAR = 20
"""… or for so many times as long as it took to ask, where that is longer: it grows with the tables …"""
LONGEST = timedelta(seconds=15)
"""… but for no longer, since what was slow once, such as a database that has just come back, may be fast again."""
MOST_SAMPLES = 50_000

Labels = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One thing that is so many, or so old: what it means, and a number for each combination of the labels' values.

    `grows`: it is an age, in seconds, which has grown by as much as has passed since it was asked for.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    values: Mapping[Any, float] = field(default_factory=dict)
    grows: bool = False


@dataclass(frozen=True, kw_only=True)
class Board:
    """All figures as they were at one moment (`time.monotonic()`), what was counted, and who could not be asked."""

    at: float
    cost: float = 0.0
    figures: tuple[Figure, ...] = ()
    totals: Mapping[str, Mapping[Labels, Mapping[str, float]]] = field(default_factory=dict)
    failed: tuple[str, ...] = ()

    @property
    def age(self) -> float:
        """Seconds since the figures were read."""
        return time.monotonic() - self.at

    @property
    def _good_for(self) -> float:
        return max(FRESH.total_seconds(), min(DEAR * self.cost, LONGEST.total_seconds()))

    @property
    def is_fresh(self) -> bool:
        """Whether they need not be read again yet."""
        return self.age < self._good_for

    @property
    def is_stale(self) -> bool:
        """Whether they should have been read again, and could not be."""
        return self.age > 2 * self._good_for


class Looker:
    """Reads the figures in a thread, one at a time, and remembers the last ones that could be read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looking: threading.Thread | None = None
        self._board: Board | None = None

    def board(self, *, ask: bool = True) -> Board | None:
        """The figures, a few seconds old while the database answers; None if they could never be read.

        Without `ask`, as they were read last: for when the database is known to be away.
        """
        known = self._board
        if not ask or (known is not None and known.is_fresh):
            return known
        with self._lock:
            if self._looking is None or not self._looking.is_alive():
                self._looking = threading.Thread(target=self._look, name="figures", daemon=True)
                self._looking.start()
            looking = self._looking
        looking.join(PATIENCE.total_seconds())
        return self._board

    def _look(self) -> None:
        try:
            self._board = read()
        except Exception as error:
            logger.warning("The figures could not be read (%s).", type(error).__name__)
        finally:
            connection.close()  # the thread ends


def read() -> Board:
    """Ask for everything, now. Raises what the database raises when it is away."""
    with borrowed():
        counters.flush()
    began = time.monotonic()  # the wait for a connection is not what reading costs
    with borrowed():
        totals = counters.totals(MOST_SAMPLES)
    found: list[Figure] = []
    failed: list[str] = []
    for path in conf.current().METRICS:
        source: Callable[[], list[Figure]] = import_string(path)
        try:
            with borrowed():
                found += source()
        except Exception as error:
            failed.append(path)
            logger.warning("%s could not tell its figures (%s).", path, type(error).__name__)
    now = time.monotonic()
    return Board(at=now, cost=now - began, figures=tuple(found), totals=totals, failed=tuple(failed))


_looker = Looker()


def board(*, ask: bool = True) -> Board | None:
    """The figures as they are known; None if they could never be read. Without `ask` nobody waits for the database."""
    return _looker.board(ask=ask)
