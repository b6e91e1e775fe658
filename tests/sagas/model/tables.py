"""Random definitions with all kinds of rows under mixed policies, valid by construction."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from random import Random
from typing import Any

from sagas import Retry, approval, child, each, parallel, saga, sleep, step, wait
from sagas.words.definition import Definition
from sagas.words.rows import Each, Parallel, Row

FAR = timedelta(days=9)


def asked(context: object, payload: object = None) -> None:
    """Stands for every function of a team; the player never calls one."""


CHILD = saga("child_model", step(asked, name="inner", compensation=asked))
FINAL_CHILD = saga("final_child_model", step(asked, name="inner", no_compensation="final", pivot=True))
POLICIES = [Retry(attempts=n) for n in (1, 2, 3, 4)]


class Tables:
    """One table in the making: where the next row stands."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.names = count(1)
        self.past = self.surely_past = False

    def table(self) -> Definition:
        """A definition of one to four rows, sometimes with a point of no return, with nothing wrong in it."""
        rows: list[Row] = []
        length = self.chance.randint(1, 4)
        pivot = self.chance.randrange(length) if self.chance.random() < 0.35 else -1
        for number in range(length):
            rows.append(self._pivot() if number == pivot else self._row(depth=0, loose=False))
        return saga(
            "model",
            *rows,
            deadline=FAR if self.chance.random() < 0.3 else None,
            on_compensation_stuck="continue" if self.chance.random() < 0.35 else "block",
        )

    def _row(self, depth: int, loose: bool) -> Any:
        makers: list[Any] = [self._step, self._wait, self._approval, self._sleep, self._child]
        weights = [10.0, 1.5, 1.0, 0.7, 1.5]
        if depth < 2:
            makers += [self._parallel, self._each]
            weights += [(5.0, 3.0)[depth], (3.0, 2.0)[depth]]
        return self.chance.choices(makers, weights)[0](depth, loose)

    def _name(self, letter: str) -> str:
        return f"{letter}{next(self.names)}"

    def _when(self, likely: float = 0.1) -> Any:
        return asked if self.chance.random() < likely else None

    def _pivot(self) -> Any:
        when = self._when()
        row = self._a_step(pivot=True, when=when)
        self.past, self.surely_past = True, when is None
        return row

    def _step(self, depth: int, loose: bool) -> Any:
        return self._a_step(when=self._when())

    def _a_step(self, *, pivot: bool = False, when: Any = None) -> Any:
        chance = self.chance
        undoing = "nothing" if pivot else chance.choices(("compensation", "nothing", "reads"), (8, 1, 1))[0]
        local = chance.random() < 0.12
        asks = not local and chance.random() < (0.5 if pivot else 0.35)
        optional = not pivot and chance.random() < 0.15
        return step(
            asked,
            name=self._name("p" if pivot else "s"),
            compensation=asked if undoing == "compensation" else None,
            no_compensation="nothing to undo" if undoing == "nothing" else "",
            reads_only=undoing == "reads",
            probe=asked if asks else None,
            probe_is_final=asks and chance.random() < 0.5,
            idempotent=chance.random() < 0.7,
            optional=optional,
            on_exhausted=chance.choice(("compensate", "compensate", "suspend", "skip" if optional else "suspend")),
            on_failure="incident" if chance.random() < 0.1 else "compensate",
            retry=chance.choice(POLICIES),
            compensation_retry=chance.choice(POLICIES[:3]),
            total=FAR,
            pivot=pivot,
            local=local,
            when=when,
        )

    def _wait(self, depth: int, loose: bool) -> Row:
        accept = asked if self.chance.random() < 0.5 else None
        return wait(
            self.chance.choice(("paid", "shipped")),
            name=self._name("w"),
            accept=accept,
            on_timeout="continue" if self.past else self.chance.choice(("compensate", "continue")),
            on_failure=self._on_failure(),
            when=self._when(),
        )

    def _approval(self, depth: int, loose: bool) -> Row:
        return approval(
            self._name("a"),
            on_timeout="continue" if self.past else self.chance.choice(("compensate", "continue")),
            on_no=self.chance.choice(("compensate", "continue")),
            on_failure=self._on_failure(),
            when=self._when(),
        )

    def _sleep(self, depth: int, loose: bool) -> Row:
        return sleep(timedelta(hours=1), name=self._name("z"), when=self._when())

    def _child(self, depth: int, loose: bool) -> Row:
        left = self.chance.random() < 0.2
        final = (left or (self.surely_past and not loose)) and self.chance.random() < 0.5
        return child(
            FINAL_CHILD if final else CHILD,
            name=self._name("c"),
            no_compensation="it may stay" if left else "",
            on_failure=self._on_failure(),
            when=self._when(),
        )

    def _on_failure(self) -> Any:
        return "incident" if self.past or self.chance.random() < 0.2 else "compensate"

    def _parallel(self, depth: int, loose: bool) -> Row:
        width = self.chance.randint(2, 3)
        join = self.chance.randint(1, width) if self.chance.random() < 0.45 else None
        rows = [self._row(depth + 1, loose or join is not None) for _ in range(width)]
        return parallel(
            *rows, name=self._name("g"), join=join, compensate=self._compensate(depth), when=self._when(0.08)
        )

    def _each(self, depth: int, loose: bool) -> Row:
        return each(
            self._name("e"),
            self._a_step(),
            items=asked,
            concurrency=self.chance.randint(1, 3),
            max_failures=self.chance.choice((0, 0, 1, 2)),
            compensate=self._compensate(depth),
            when=self._when(0.08),
        )

    def _compensate(self, depth: int) -> Any:
        return "parallel" if depth == 0 and self.chance.random() < 0.4 else "sequence"


def a_table(chance: Random) -> Definition:
    return Tables(chance).table()


def depth_of(row: Row) -> int:
    return 1 + max((depth_of(member) for member in row.rows), default=0) if isinstance(row, Parallel | Each) else 0


def told(definition: Definition) -> Iterator[str]:
    """A line for each row, with what is not the default."""
    plain = {
        type(row): vars(row)
        for row in (
            step(asked, name="x"),
            wait("x"),
            approval("x"),
            sleep(FAR, name="x"),
            child(CHILD),
            parallel(name="x"),
            each("x", step(asked)),
        )
    }
    yield f"on_compensation_stuck={definition.on_compensation_stuck}"
    for place in definition.walk():
        default = plain[type(place.row)]
        said = {name: value for name, value in vars(place.row).items() if name not in ("rows", "step", "strays")}
        words = [f"{n}={_brief(v)}" for n, v in said.items() if n not in ("name", "total") and v != default.get(n)]
        yield f"{'  ' * len(place.groups)}{place.row.kind} {place.path}: {' '.join(words)}"


def _brief(value: object) -> object:
    match value:
        case Retry(attempts=attempts):
            return attempts
        case Definition(name=name):
            return name
    return "…" if value is asked else value
