"""What a schedule is played on: drawn once from a seed, and kept in JSON with the acts of a failure."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from tests.sagas.tables import MORE, Sketch, Sketches

FAULTS = (
    "crash",  # a process dies
    "freeze",  # a process stands still, and wakes up later as a zombie
    "cut",  # the database's answer does not come, before or after it did what it was told
    "duplicate",  # a message comes twice
    "reorder",  # messages overtake each other
    "flush",  # the broker loses all it has
    "jump",  # much time passes at once
    "back",  # the database's clock is set back
    "skew",  # the machines' clocks are wrong
    "signal",  # signals come early, late and twice
    "rival",  # others start sagas with the same business key
    "cancel",  # somebody turns the saga back
    "pause",  # somebody pauses it, and lets it go on
    "operator",  # somebody retries, skips, resolves, waives, gives up, moves clocks
    "hold",  # somebody holds the participant that every other step calls, and releases it
    "participant",  # functions refuse, are late, fail before and after they did their work
)
COMES = ["no", "later", "before", "before", "after", "after", "partly"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`script` says what functions come to, call by call, until they do well for ever; `skews` is in seconds.
    `fine` switches before statements that only read as well; without `barrier` the participant honours
    keys, and an action may still come after its compensation.

    It has at most `length` acts; `momentum` is how likely the same actor goes on, `wildness` how likely a fault is.
    """

    seed: str
    table: Sketch
    script: dict[str, list[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    processes: int = 2
    slots: int = 1
    barrier: bool = True
    fine: bool = False
    settings: dict[str, bool] = field(default_factory=dict)
    skews: list[int] = field(default_factory=list)
    length: int = 60
    momentum: float = 0.7
    wildness: float = 0.2

    def __str__(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, given: dict[str, Any]) -> "Plan":
        return cls(**given)


def drawn(seed: str) -> Plan:
    """A plan, in which each fault and each shape of table is on or off (swarm testing: what is off lets the others
    be seen more often)."""
    chance = Random(f"{seed} plan")
    faults = _some(chance, FAULTS)
    shapes = _some(chance, MORE)
    table = Sketches(chance, shapes, "saga").table(most=6)
    names = list(functions(table))
    script = {}
    if "participant" in faults:
        mood = chance.choice([0.1, 0.3, 0.5])
        script = {name: [chance.choice(COMES)] * chance.randint(1, 3) for name in names if chance.random() < mood}
    processes = chance.randint(2, 4)
    return Plan(
        seed=seed,
        table=table,
        script=script,
        faults=faults,
        processes=processes,
        slots=chance.choice([1, 1, 2]),
        barrier=chance.random() < 0.6,
        fine=chance.random() < 0.3,
        settings={name: chance.random() < 0.7 for name in ("ONE_STATEMENT", "SHARED_COMMITS")},
        skews=[chance.choice([0, 3600, -3600]) if "skew" in faults else 0 for _ in range(processes)],
        length=chance.choice([60, 120, 240]),
        momentum=chance.choice([0.2, 0.5, 0.8, 0.95]),
        wildness=chance.choice([0.05, 0.15, 0.4]),
    )


def functions(sketch: Sketch) -> Iterator[str]:
    """The functions of a table, as the script names them."""
    for row in rows(sketch):
        if row["row"] == "step":
            yield from (f"{row['name']} {what}" for what in ("action", "undo"))
            yield from [f"{row['name']} probe"] if row["probe"] else []
        if row.get("accept"):
            yield f"{row['name']} accept"
        if row.get("when") == "sometimes":
            yield f"{row['name']} when"


def rows(sketch: Sketch) -> Iterator[Sketch]:
    """All rows of a table, and of what is in them."""
    for row in sketch["rows"]:
        yield row
        if "rows" in row:
            yield from rows(row)
        if "step" in row:
            yield row["step"]
        if "table" in row:
            yield from rows(row["table"])


def _some(chance: Random, of: tuple[str, ...]) -> list[str]:
    share = chance.choice([0.3, 0.6, 1.0])
    return [one for one in of if chance.random() < share]
