"""Random tables of all kinds of rows: drawn as a sketch in JSON, which can be kept, and built from it.

{"name": "storm_0_s1", "rows": [{"row": "step", "name": "s0", …}, …], "deadline": 5, …}      times are in hours
"""

from collections.abc import Collection
from datetime import timedelta
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import Any, Protocol

from sagas import Retry, approval, child, each, parallel, saga, sleep, step, wait
from sagas.words.definition import Definition
from sagas.words.faults import faults_of
from sagas.words.rows import Step

Sketch = dict[str, Any]
CALLED = "shop"
"""The participant that every other step calls."""

SHAPES = ("wait", "approval", "sleep", "each", "parallel", "child", "pivot", "when", "probe", "optional", "deadline")
MORE = (*SHAPES, "local", "heartbeat")
"""And what not every participant can do."""


class Hands(Protocol):
    """The functions that all rows of a table have."""

    def action(self, ctx: Any) -> Any: ...
    def compensation(self, ctx: Any) -> Any: ...
    def probe(self, ctx: Any) -> Any: ...
    def accept(self, ctx: Any, payload: Any) -> Any: ...
    def sometimes(self, ctx: Any) -> bool: ...


class Sketches:
    """Draws tables; `shapes` are the kinds of rows, and what rows may have, beside plain steps."""

    def __init__(self, chance: Random, shapes: Collection[str] = SHAPES, prefix: str = "storm") -> None:
        self.chance, self.shapes, self.prefix = chance, shapes, prefix
        self.names = (f"s{n}" for n in count())

    def table(self, depth: int = 0, most: int = 4) -> Sketch:
        """A table of one to `most` rows, sometimes with a pivot and something after it; nothing is wrong in it."""
        sketch = {
            "name": f"{self.prefix}_{depth}_{next(self.names)}",
            "rows": [self._row(depth, group=0) for _ in range(self.chance.randint(1, most))],
            "deadline": 5 if self._draws("deadline", 0.2) else None,
            "stuck": self.chance.choice(["block", "continue"]),
        }
        return sketch if depth else self._with_pivot(sketch)

    def _draws(self, shape: str, chance: float) -> bool:
        return self.chance.random() < chance and shape in self.shapes

    def _with_pivot(self, sketch: Sketch) -> Sketch:
        if not self._draws("pivot", 0.3):
            return sketch
        pivot = {
            "row": "step",
            "name": next(self.names),
            "pivot": True,
            "calls": CALLED,
            "attempts": 3,
            "idempotent": self.chance.random() < 0.7,
            "probe": self._draws("probe", 0.5),
        }
        late = {"row": "wait", "name": "after", "hours": 1, "on_timeout": "continue"}
        after = [self._step(), *([late] if "wait" in self.shapes else [])]
        grown = {**sketch, "rows": [*sketch["rows"], pivot, *after[: self.chance.randint(0, 2)]]}
        return sketch if faults_of(built(grown, STAND_INS)) else grown

    def _row(self, depth: int, group: int) -> Sketch:
        kinds = ["wait", "approval", "sleep", "each"] + ["parallel"] * (2 if group < 2 else 0)
        kinds += ["child"] * (1 if depth < 2 else 0)
        kind = self.chance.choice(["step"] * 4 + [kind for kind in kinds if kind in self.shapes])
        when = self.chance.choice([None, None, None, True, False]) if "when" in self.shapes else None
        compensate = self.chance.choice(["sequence", "parallel"]) if not group else "sequence"
        match kind:
            case "step":
                return self._step()
            case "wait":
                return {
                    "row": "wait",
                    "name": next(self.names),
                    "hours": 0.5,
                    "on_timeout": self.chance.choice(["compensate", "continue"]),
                    "accept": self.chance.random() < 0.5,
                    "on_failure": self.chance.choice(["compensate", "compensate", "incident"]),
                    "when": when,
                }
            case "approval" | "sleep":
                return {"row": kind, "name": next(self.names), "when": when}
            case "each":
                return {
                    "row": "each",
                    "name": next(self.names),
                    "step": {**self._step(), "when": None},
                    "items": self.chance.randint(0, 5),
                    "concurrency": self.chance.randint(1, 3),
                    "max_failures": self.chance.choice([0, 0, 1]),
                    "compensate": compensate,
                    "when": when,
                }
            case "child":
                return {"row": "child", "name": next(self.names), "table": self.table(depth + 1), "when": when} | {
                    "on_failure": self.chance.choice(["compensate", "compensate", "incident"])
                }
        rows = [self._row(2, group + 1) for _ in range(self.chance.randint(2, 3))]
        join = self.chance.choice([None, None, 1, len(rows)])
        return {"row": "parallel", "rows": rows, "join": join, "compensate": compensate, "when": when}

    def _step(self) -> Sketch:
        whens = [None, None, None, None, "sometimes"] if "when" in self.shapes else [None]
        local, name = self._draws("local", 0.15), next(self.names)
        return {
            "row": "step",
            "name": name,
            "calls": CALLED if int(name[1:]) % 2 else "",
            "probe": self._draws("probe", 0.3) and not local,
            "local": local,
            "heartbeat": self._draws("heartbeat", 0.3) and not local,
            "attempts": self.chance.randint(1, 3),
            "undo_attempts": self.chance.randint(1, 3),
            "idempotent": self.chance.random() < 0.8,
            "optional": self._draws("optional", 0.15),
            "on_exhausted": self.chance.choice(["compensate", "suspend"]),
            "on_failure": self.chance.choice(["compensate", "compensate", "compensate", "incident"]),
            "when": self.chance.choice(whens),
        }


def built(sketch: Sketch, hands: Hands) -> Definition:
    """The definition of a sketch, all of whose functions are those hands."""
    deadline = timedelta(hours=sketch["deadline"]) if sketch["deadline"] else None
    rows = [_row(row, hands) for row in sketch["rows"]]
    return saga(sketch["name"], *rows, deadline=deadline, on_compensation_stuck=sketch["stuck"])


def _row(sketch: Sketch, hands: Hands) -> Any:
    name, when = sketch.get("name", ""), _when(sketch.get("when"), hands)
    match sketch["row"]:
        case "step":
            return _step(sketch, hands)
        case "wait":
            return wait(
                name,
                timeout=timedelta(hours=sketch["hours"]),
                on_timeout=sketch["on_timeout"],
                accept=hands.accept if sketch.get("accept") else None,
                on_failure=sketch.get("on_failure", "compensate"),
                when=when,
            )
        case "approval":
            return approval(name, timeout=timedelta(minutes=30), when=when)
        case "sleep":
            return sleep(timedelta(minutes=5), name=name, when=when)
        case "each":
            return each(
                name,
                _step(sketch["step"], hands),
                items=lambda ctx: list(range(sketch["items"])),
                concurrency=sketch["concurrency"],
                max_failures=sketch["max_failures"],
                compensate=sketch["compensate"],
                when=when,
            )
        case "child":
            return child(built(sketch["table"], hands), name=name, on_failure=sketch["on_failure"], when=when)
    rows = [_row(row, hands) for row in sketch["rows"]]
    return parallel(*rows, join=sketch["join"], compensate=sketch["compensate"], when=when)


def _step(sketch: Sketch, hands: Hands) -> Step:
    pivot = sketch.get("pivot", False)
    return step(
        hands.action,
        name=sketch["name"],
        participant=sketch.get("calls", ""),
        compensation=None if pivot else hands.compensation,
        probe=hands.probe if sketch["probe"] else None,
        retry=Retry(attempts=sketch["attempts"]),
        compensation_retry=Retry(attempts=sketch.get("undo_attempts", 1)),
        idempotent=sketch["idempotent"],
        optional=sketch.get("optional", False),
        on_exhausted=sketch.get("on_exhausted", "compensate"),
        on_failure=sketch.get("on_failure", "compensate"),
        when=_when(sketch.get("when"), hands),
        heartbeat=timedelta(seconds=10) if sketch.get("heartbeat") else None,
        local=sketch.get("local", False),
        pivot=pivot,
    )


def _when(sketch: Any, hands: Hands) -> Any:
    if sketch == "sometimes":
        return hands.sometimes
    return None if sketch is None else lambda ctx: sketch


def _nothing(*arguments: Any) -> Any:
    return None


STAND_INS: Any = SimpleNamespace(
    action=_nothing, compensation=_nothing, probe=_nothing, accept=_nothing, sometimes=_nothing
)
"""Hands for a table that is only looked at."""
