"""A turn without a lock: decided from what this worker knows of the saga, written only if nobody touched it since.

Every write to anything of a saga raises its `rev`. So what was read at one `rev`, whenever and without a lock, is
still so if the saga has that `rev` when the turn is written; the one statement that writes it (`postgres`) holds then,
and changes nothing otherwise. What does not fit into that raises `TakeTheLock`, with nothing changed: the same is done
again in a turn under the saga's lock, which is the reference, and all there is on SQLite. What a guess reads on its way
must be from that `rev` as well: rows of different moments do not go together, and it would decide what cannot be.

A guess is about one run, and may open others. It reads nothing that was changed in it, and tells nobody anything.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NoReturn, TypeVar

from django.db import connection
from django.db.models import Q

from sagas.conf import conf
from sagas.models import Run, Saga
from sagas.record import news, postgres, sharing
from sagas.record.turn import RUN_FIELDS, Stack, Turn, changes
from sagas.words import boundaries
from sagas.words.outcome import Happened
from sagas.words.plan import Undo
from sagas.words.rows import GROUPS

Row = TypeVar("Row", Run, Saga)
Found = TypeVar("Found")

HIGHEST = 12
"""So much of the stack is read at once: what one slice undoes, and a little."""


GUESSES = 3
"""So often a turn is guessed before it is taken under the lock: others at work on the saga may be quicker."""


class TakeTheLock(Exception):
    """This cannot be done without the saga's lock, or was not: see `Touched`. Nothing was changed."""


class Touched(TakeTheLock):
    """Somebody touched the saga since it was read; what is read now may hold."""


@contextmanager
def guess(saga: Saga, run: Run, actor: str, now: datetime, stack: Stack | None = None) -> Iterator["Guess"]:
    """A turn on that saga as it was read, about that run; `stack` is what was known of its way back at that `rev`.

    Raises `TakeTheLock`.
    """
    if not may_guess():
        raise TakeTheLock
    found = Guess(saga, run, actor, now, stack)
    yield found
    found.write()
    if found.moves:
        boundaries.committed()
        news.tell(found)


def may_guess() -> bool:
    """Only PostgreSQL can write a turn in one statement."""
    return connection.vendor == "postgresql" and conf().one_statement


class Unlocked(Turn):
    """What no turn can do without the saga's lock."""

    def runs(self, *conditions: Q, **which: Any) -> NoReturn:
        raise TakeTheLock

    def send(self, *arguments: Any, **options: Any) -> NoReturn:
        raise TakeTheLock

    def heard(self, message: Run) -> NoReturn:
        raise TakeTheLock

    def incident(self, *arguments: Any) -> NoReturn:
        raise TakeTheLock

    def flush(self) -> NoReturn:
        raise TakeTheLock

    def _take_in(self, written: postgres.Written) -> None:
        """The runs that were opened have ids and the database's times."""
        for run in self.opened:
            _shift(run, postgres.CLOCKS, written.now - self.now)
            run.pk = written.ids[run.path, run.item]
            run._state.adding = False
            self._touched[run.pk] = run
        self.opened = []
        self.now = self.latest = written.now


class Guess(Unlocked):
    """A turn on copies; `subject` is the run that it is about."""

    def __init__(self, saga: Saga, run: Run, actor: str, now: datetime, stack: Stack | None = None) -> None:
        super().__init__(_twin(saga), actor, now)
        self.subject = self.hold(_twin(run))
        self._known = stack
        self._stack: Stack | None = None

    @property
    def stack(self) -> Stack:
        """What is known of the stack beside the subject: from before, or read now, once."""
        # No `cached_property`: before Python 3.12 all threads would wait while one of them asks the database.
        if self._stack is None:
            self._stack = self._beside(self._known) if self._known is not None else self._read_stack()
        return self._stack

    def place(self) -> list[Run]:
        if self.saga.open_incidents or self._is_undone_beside_others(self.subject):
            raise TakeTheLock
        top = self._top()
        if top is None and not self.stack.whole:
            self._stack = self._read_stack()
            top = self._top()
        if top is not None and self._is_undone_beside_others(top):
            raise TakeTheLock
        return [] if top is None else [self.hold(top)]

    def _is_undone_beside_others(self, run: Run) -> bool:
        """The members of some groups are undone side by side; all others from the top of the stack, one by one."""
        groups = self.definition.places[run.path].groups
        outermost = self.definition.places[groups[0]].row if groups else None
        return isinstance(outermost, GROUPS) and outermost.compensate == "parallel"

    def _top(self) -> Run | None:
        standing = [run for run in [self.subject, *self.stack.runs] if run.is_unsettled]
        return max(standing, key=lambda run: run.seq or 0, default=None)

    def _read_stack(self) -> Stack:
        found = _still(postgres.unsettled(self.saga, HIGHEST))
        return self._beside(Stack(runs=found, whole=len(found) < HIGHEST))

    def _beside(self, stack: Stack) -> Stack:
        return Stack(runs=[_twin(run) for run in stack.runs if run.pk != self.subject.pk], whole=stack.whole)

    def at_work(self) -> list[Run]:
        if self.tally["busy"] or self.tally["waiting"]:
            raise TakeTheLock
        return []

    def set_aside(self) -> list[Run]:
        if self.tally["held"] or self.definition.members:
            raise TakeTheLock
        return []

    def owed_for_nothing(self) -> list[Run]:
        if not self.stack.whole:
            raise TakeTheLock
        owed = [run for run in [self.subject, *self.stack.runs] if run.undo == Undo.OWED and not run.work]
        return [self.hold(run) for run in owed if run.happened == Happened.NO]

    def another(self, queue: str) -> Run | None:
        if not self.tally["busy"]:
            return None
        found = _still(postgres.another(self.saga, self.subject, queue))
        return self.hold(found[0]) if found else None

    def items(self, path: str, numbers: Iterable[int]) -> list[Run]:
        return [self.hold(run) for run in _still(postgres.items(self.saga, path, numbers))]

    def settle(self, how: str, **which: Any) -> None:
        if self.saga.open_incidents:
            raise TakeTheLock

    def untaken(self, name: str) -> None:
        if _still(postgres.untaken(self.saga, name)):
            raise TakeTheLock

    def hand_over_key(self) -> None:
        saga = self.saga
        same = {"tenant": saga.tenant, "definition": saga.definition, "business_key": saga.business_key}
        if Saga.objects.queued().filter(**same).exists():
            raise TakeTheLock

    def write(self) -> None:
        if not self.moves:
            return
        if self.has_rested:
            raise TakeTheLock
        self.derive()
        self._count()
        change = self._change()
        try:
            written = sharing.write(change)
        except postgres.Refused:
            raise TakeTheLock from None
        if written is None:
            raise Touched
        self._learn(change, written)

    def _change(self) -> postgres.Change:
        """What this turn changed. Raises `TakeTheLock` if that is more than one statement writes."""
        changed = self._changed()
        runs = [self._change_of(pk, run) for pk, run in self._touched.items()]
        again = "ended_at" in changed and changed["ended_at"] is None
        if again or not changed.keys() <= postgres.OF_SAGA or not all(map(postgres.is_plain, self.opened)):
            raise TakeTheLock
        if self._tells_its_parent():
            raise TakeTheLock
        return postgres.Change(
            saga=self.saga,
            now=self.now,
            ends="ended_at" in changed,
            commits="committed_at" in changed,
            runs=[run for run in runs if run is not None],
            opened=self.opened,
            actor=self.actor,
            moves=self.moves,
            events=self._told(self.saga.rev + 1),
        )

    def _change_of(self, pk: int, run: Run) -> postgres.RunChange | None:
        before = self._before[pk]
        changed = changes(before, run, RUN_FIELDS).keys()
        if not changed <= postgres.OF_RUN or ("result" in changed and run.result is None):
            raise TakeTheLock
        fresh = frozenset(changed & set(postgres.CLOCKS))
        return postgres.RunChange(run=run, fence=before["fence"], fresh=fresh) if changed else None

    def _learn(self, change: postgres.Change, written: postgres.Written) -> None:
        """What was written relative to this turn's time is now known as it is in the database."""
        by, saga = written.now - self.now, self.saga
        for one in change.runs:
            _shift(one.run, one.fresh, by)
        self._take_in(written)
        if self._stack is not None:
            self.remembered = Stack(runs=[*self.stack.runs, self.subject], whole=self.stack.whole)
        saga.rev += 1
        saga.updated_at = written.now
        saga.ended_at = written.now if change.ends else saga.ended_at
        saga.committed_at = written.now if change.commits else saga.committed_at


def _still(read: list[Found] | None) -> list[Found]:
    """What was read of the saga, if that is still as it is remembered."""
    if read is None:
        raise Touched
    return read


def _shift(run: Run, clocks: Iterable[str], by: timedelta) -> None:
    held = run.__dict__
    for name in clocks:
        if (at := held[name]) is not None:
            held[name] = at + by


def _twin(row: Row) -> Row:
    """A copy that may be changed."""
    twin = object.__new__(type(row))
    twin.__dict__.update(row.__dict__)
    return twin
