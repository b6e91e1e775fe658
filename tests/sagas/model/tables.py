"""Random definitions: linear, parallel and nested rows under mixed policies."""

from collections.abc import Iterator
from itertools import count
from random import Random

from sagas import Retry, parallel, saga, step
from sagas.definition import Definition, Parallel, Row


def an_action(context: object) -> None:
    """Stands for every function of a team; the player never calls one."""


def a_table(chance: Random) -> Definition:
    """A definition of one to four rows, with nothing wrong in it."""
    names = (f"s{n}" for n in count(1))
    rows = [_row(chance, names, depth=0) for _ in range(chance.randint(1, 4))]
    return saga("model", *rows)


def depth_of(row: Row) -> int:
    return 1 + max(depth_of(member) for member in row.rows) if isinstance(row, Parallel) else 0


def told(definition: Definition) -> list[str]:
    """A line for each step, with what is not the default."""
    plain = step(an_action, name="plain")
    lines = []
    for place in definition.places.values():
        policy = {name: value for name, value in vars(place.step).items() if value != getattr(plain, name)}
        policy |= {name: policy[name].attempts for name in ("retry", "compensation_retry") if name in policy}
        words = " ".join(f"{n}={'…' if v is an_action else v}" for n, v in policy.items() if n != "name")
        lines.append(f"{place.step.name} in {place.groups[-1] if place.groups else place.row}: {words}")
    return lines


def _row(chance: Random, names: Iterator[str], depth: int) -> Row:
    if depth < 3 and chance.random() < (0.35, 0.3, 0.15)[depth]:
        return parallel(*[_row(chance, names, depth + 1) for _ in range(chance.randint(2, 3))])
    undoing = chance.choices(("compensation", "nothing", "reads"), (8, 1, 1))[0]
    asks = chance.random() < 0.35
    optional = chance.random() < 0.15
    return step(
        an_action,
        name=next(names),
        compensation=an_action if undoing == "compensation" else None,
        no_compensation="nothing to undo" if undoing == "nothing" else "",
        reads_only=undoing == "reads",
        probe=an_action if asks else None,
        probe_is_final=asks and chance.random() < 0.5,
        idempotent=chance.random() < 0.7,
        optional=optional,
        on_exhausted=chance.choice(("compensate", "compensate", "suspend", "skip" if optional else "suspend")),
        retry=Retry(attempts=chance.randint(1, 4)),
        compensation_retry=Retry(attempts=chance.randint(1, 3)),
    )
