"""What must be so while a participant is held: who has heard of it begins nothing there, and clocks stand still."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sagas.testing.reading import tables_of
from sagas.words.definition import Definition
from sagas.words.rows import Step
from tests.schedules.machine import Machine
from tests.schedules.processes import Process

RUNNING = """
    SELECT r.id, r.fence, r.worker, r.path, s.definition, s.id, p.saga_id, q.saga_id
    FROM sagas_run r JOIN sagas_saga s ON s.id = r.saga_id
    LEFT JOIN sagas_run p ON p.id = s.parent_id LEFT JOIN sagas_saga t ON t.id = p.saga_id
    LEFT JOIN sagas_run q ON q.id = t.parent_id
    WHERE r.work = 'running' AND r.kind = 'step' AND r.doing <> 'decision'
"""
HELD = "SELECT participant, until, canaries FROM sagas_hold WHERE released_at IS NULL AND ended_at IS NULL"
DECIDED = "SELECT count(*) FROM sagas_audit WHERE verb IN ('hold', 'release', 'canary')"
STANDING = """
    SELECT id FROM sagas_saga WHERE ended_at IS NULL
    AND (paused_at IS NOT NULL OR id IN (SELECT saga_id FROM sagas_run WHERE hold_id IS NOT NULL))
"""
OVERDUE = "SELECT id, definition, created_at FROM sagas_saga WHERE cause = 'deadline' OR overdue_at IS NOT NULL"
EXACT = timedelta(seconds=5)


class Guard:
    """Looks after every commit, and remembers what it saw at the one before."""

    def __init__(self, machine: Machine, table: Definition, processes: Callable[[], Sequence[Process]]) -> None:
        self._machine, self._processes = machine, processes
        self._tables = {one.name: one for one in tables_of(table)}
        self._begun: set[tuple[int, int]] = set()
        self._overdue: set[Any] = set()
        self._stood: dict[Any, timedelta] = {}
        self._standing: list[Any] = []
        self._looked = machine.now()

    def wrong(self) -> Iterator[str]:
        """What must not be so, a sentence each."""
        running, held, [(decided,)], standing, overdue = self._machine.at_once(
            RUNNING, HELD, DECIDED, STANDING, OVERDUE
        )
        in_force = {
            participant: canaries
            for participant, until, canaries in held
            if until is None or moment(until) > self._machine.now()
        }
        for run, fence, worker, path, definition, *family in running:
            if (run, fence) not in self._begun:
                self._begun.add((run, fence))
                may = self._may_call(definition, path, family, in_force) or not self._knows(worker, decided)
                if not may:
                    yield f"An attempt of {definition} {path} was begun by who knew that its participant is held."
        self._pass([saga for (saga,) in standing])
        for saga, definition, created_at in overdue:
            if saga not in self._overdue:
                self._overdue.add(saga)
                yield from self._early(saga, definition, moment(created_at))

    def _may_call(self, definition: str, path: str, family: list[Any], in_force: dict[str, Any]) -> bool:
        """Is its participant not held, or the saga, or one above it, a canary?"""
        row = self._tables[definition].places[path].row
        names = row.participants if isinstance(row, Step) else ()
        mine = [str(in_force[name]).replace("-", "") for name in names if name in in_force]
        ids = [str(saga).replace("-", "") for saga in family if saga is not None]
        return all(any(saga in canaries for saga in ids) for canaries in mine)

    def _knows(self, worker: Any, decided: int) -> bool:
        """Had each thread of that process begun, when the process had heard of all that was decided since?"""
        of = [one for one in self._processes() if one.here.id.hex == str(worker).replace("-", "") and not one.dead]
        return bool(of) and all(actor.decided == decided for one in of for actor in one.actors)

    def _pass(self, standing: list[Any]) -> None:
        now = self._machine.now()
        for saga in self._standing:
            self._stood[saga] = self._stood.get(saga, timedelta(0)) + max(now - self._looked, timedelta(0))
        self._standing, self._looked = standing, now

    def _early(self, saga: Any, definition: str, created_at: datetime) -> Iterator[str]:
        deadline, stood = self._tables[definition].deadline, self._stood.get(saga, timedelta(0))
        if deadline and self._machine.now() - created_at - stood < deadline - EXACT:
            yield f"The deadline of {definition} was taken for over, and it had stood still for {stood}."


def moment(given: Any) -> datetime:
    """A time; SQLite keeps it as text, without its zone."""
    found: datetime = datetime.fromisoformat(given) if isinstance(given, str) else given
    return found if found.tzinfo else found.replace(tzinfo=UTC)
