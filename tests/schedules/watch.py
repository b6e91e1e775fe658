"""What must be so at every moment: looked at after every commit, in the database itself."""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sagas.models import Run
from sagas.record.turn import STANCES
from tests.schedules.actors import Cut, current
from tests.schedules.guard import Guard
from tests.schedules.machine import Machine

RUNS = "SELECT saga_id, kind, held, work, undo, hold_id FROM sagas_run"
INCIDENTS = "SELECT saga_id, count(*) FROM sagas_incident WHERE closed_at IS NULL GROUP BY saga_id"
SAGAS = """
    SELECT id, position, open_incidents, ended_at IS NULL AND paused_at IS NULL AND holds_key, parked_at IS NOT NULL
    FROM sagas_saga
"""


class Broken(Exception):
    """Something is not as it must be."""


class Watch(logging.Handler):
    """Looks after every commit, and listens to what the engine could only log."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(logging.ERROR)
        self._machine = machine
        self.commits = 0
        self.found: list[str] = []
        self.guard: Guard | None = None

    def at(self, boundary: str) -> None:
        """A boundary was passed."""
        if boundary == "committed":
            self.commits += 1
            self.found += wrong(self._machine)
            self.found += self.guard.wrong() if self.guard is not None else ()

    def emit(self, record: logging.LogRecord) -> None:
        actor, error = current(), record.exc_info and record.exc_info[1]
        if not isinstance(error, Cut) and (actor is None or not actor.was_cut):
            self.found.append(f"It was logged: {record.getMessage()} ({error!r})")

    @contextmanager
    def listening(self, logger: logging.Logger) -> Iterator[None]:
        before, logger.propagate = logger.propagate, False
        logger.addHandler(self)
        try:
            yield
        finally:
            logger.removeHandler(self)
            logger.propagate = before

    def raises(self) -> None:
        """Raises `Broken` if something was found."""
        if self.found:
            raise Broken(self.found[0])


def wrong(machine: Machine) -> list[str]:
    """Sagas whose row counts otherwise than their runs and incidents are, and sagas that nothing will ever move."""
    of_runs, of_incidents, of_sagas = machine.at_once(RUNS, INCIDENTS, SAGAS)
    runs: dict[Any, Counter[str]] = {}
    active: set[Any] = set()
    parked: set[Any] = set()
    for saga, kind, held, work, undo, hold in of_runs:
        if hold is not None:
            parked.add(saga)
        if work:
            active.add(saga)
        if held or work or undo == "stuck":
            runs.setdefault(saga, Counter())[Run(kind=kind, held=held, work=work, undo=undo).stance] += 1
    incidents: dict[Any, Any] = dict(of_incidents)  # type: ignore[arg-type]  # rows of two columns
    found = []
    for saga, position, counted, waits, stands in of_sagas:
        place = json.loads(position) if isinstance(position, str) else position
        tally, are = place.get("tally", [0, 0, 0, 0]), runs.get(saga, Counter())
        if tally != [are[stance] for stance in STANCES]:
            found.append(f"Saga {saga} counts {dict(zip(STANCES, tally, strict=True))}, and there are {dict(are)}.")
        if counted != incidents.get(saga, 0):
            found.append(f"Saga {saga} counts {counted} incidents, and there are {incidents.get(saga, 0)}.")
        if waits and saga not in active and not counted:
            found.append(f"Nothing will ever move saga {saga}.")
        if saga in parked and not stands:
            found.append(f"A row of saga {saga} waits for a participant, and its deadline goes on.")
    return found
