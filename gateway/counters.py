"""What all processes of an installation count together: counters and histograms, added up in the database.

    STARTED = Counter("saga_started_total", "Sagas that were started.", ("definition",))
    STARTED.add("order")

Counting costs a microsecond and asks nobody: it is kept in this process and given to the database every few seconds,
in one statement, where it is added to what all others have counted. So whichever process is asked knows the whole, a
process that is gone takes nothing with it but the last seconds before a kill, and no file or port of a worker is read.

A label's value comes from the code: the name of a definition or a step, a state, a route. Never an id, never a text.
"""

import atexit
import json
import logging
import os
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import DataError, InterfaceError, OperationalError, connection, transaction

from gateway.borrowing import borrowed

logger = logging.getLogger(__name__)

EVERY = timedelta(seconds=5)
EXIT = timedelta(seconds=2)
BATCH = 200
SUM = "sum"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""What most times are sorted by: from a statement to a patient compensation."""

Key = tuple[str, str, str]
"""The name of a metric, its labels' values as JSON, and the part of it: nothing, "sum", or a bucket's upper bound."""

ADD = """
INSERT INTO gateway_sample (name, labels, part, value) VALUES {rows}
ON CONFLICT (name, labels, part) DO UPDATE SET value = gateway_sample.value + excluded.value
"""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What is counted: its name, what it means in a sentence, and the names of its labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        declared[self.name] = self


@dataclass(frozen=True, kw_only=True)
class Counter(Metric):
    """A number that only grows."""

    def add(self, *values: str, by: float = 1.0) -> None:
        """Count `by` more, under the values of the labels."""
        _tally.add(self.name, values, "", by)


@dataclass(frozen=True, kw_only=True)
class Histogram(Metric):
    """How often something took how many seconds."""

    bounds: tuple[float, ...] = field(default=SECONDS)

    def observe(self, seconds: float, *values: str) -> None:
        """Count one that took so long, under the values of the labels."""
        seconds = max(0.0, seconds)
        place = bisect_left(self.bounds, seconds)
        bound = str(self.bounds[place]) if place < len(self.bounds) else "+Inf"
        _tally.add(self.name, values, bound, 1.0)
        _tally.add(self.name, values, SUM, seconds)


declared: dict[str, Metric] = {}
"""Every metric that this process knows, by its name."""


class Tally:
    """What this process has counted and not given to the database yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[tuple[str, tuple[str, ...], str], float] = defaultdict(float)
        self._giving = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._begun = False

    def add(self, name: str, values: tuple[str, ...], part: str, by: float) -> None:
        with self._lock:
            self._counted[name, values, part] += by
        if self._begun and self._thread is None:
            self._start()

    def begin(self) -> None:
        """From now on what is counted is given to the database by itself."""
        self._begun = True

    def flush(self) -> None:
        """Give everything to the database. What it does not take is kept. Raises what the database raises."""
        with self._giving:
            with self._lock:
                counted, self._counted = self._counted, defaultdict(float)
            # In one order in all processes, or two of them could wait for each other's rows.
            rows = sorted(((name, json.dumps(values), part), by) for (name, values, part), by in counted.items())
            for first in range(0, len(rows), BATCH):
                try:
                    _give_all_that_can_be_stored(rows[first : first + BATCH])
                except Exception:
                    self._take_back(rows[first:])
                    raise

    def forget(self) -> None:
        """Drop what was not given yet; for tests."""
        with self._lock:
            self._counted.clear()

    def end(self) -> None:
        """Give what is left, and do not wait for it for long: the process ends."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(EXIT.total_seconds())

    def _take_back(self, rows: Sequence[tuple[Key, float]]) -> None:
        with self._lock:
            for (name, labels, part), by in rows:
                self._counted[name, tuple(json.loads(labels)), part] += by

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._give_on, name="counters", daemon=True)
                self._thread.start()

    def _give_on(self) -> None:
        last = False
        while not last:
            last = self._stopped.wait(EVERY.total_seconds())
            give()
        connection.close()


def _give_all_that_can_be_stored(rows: Sequence[tuple[Key, float]]) -> None:
    """One figure that the database will never take must not keep it from all others."""
    try:
        _give(rows)
    except DataError:
        if len(rows) == 1:
            logger.exception("A figure cannot be stored and is dropped: %s", rows[0][0][0])
            return
        for row in rows:
            _give_all_that_can_be_stored([row])


def _give(rows: Sequence[tuple[Key, float]]) -> None:
    statement = ADD.format(rows=", ".join(["(%s, %s, %s, %s)"] * len(rows)))
    with borrowed(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [value for key, by in rows for value in (*key, by)])


def begin() -> None:
    """Let this process, and what it forks, give what it counts to the database; called where a process begins."""
    _tally.begin()


def flush() -> None:
    """Give what this process has counted to the database. Raises what the database raises."""
    _tally.flush()


def give() -> None:
    """As `flush`, for those who cannot help it: what the database does not take now is given later."""
    try:
        _tally.flush()
    except (OperationalError, InterfaceError) as error:
        logger.debug("What was counted waits for the database: %s", type(error).__name__)
    except Exception:  # figures are worth less than the process
        logger.exception("What was counted could not be stored; it is tried again.")


def end() -> None:
    """Give what is left before this process ends, within two seconds."""
    _tally.end()


def forget() -> None:
    """Drop what this process has counted and not given yet; for tests."""
    _tally.forget()


def totals(most: int) -> Mapping[str, Mapping[tuple[str, ...], Mapping[str, float]]]:
    """What all processes have counted: by metric, by the labels' values, by part; at most so many rows."""
    from gateway.models import Sample

    found: dict[str, dict[tuple[str, ...], dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for name, labels, part, value in Sample.objects.order_by("name", "labels", "part").values_list(
        "name", "labels", "part", "value"
    )[:most]:
        found[name][tuple(json.loads(labels))][part] = value
    return found


_tally = Tally()


def _renew_after_fork() -> None:
    """What the parent has counted is the parent's to give; its thread is not here."""
    global _tally
    begun, _tally = _tally._begun, Tally()
    _tally._begun = begun


os.register_at_fork(after_in_child=_renew_after_fork)
atexit.register(end)
