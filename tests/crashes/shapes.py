"""The tables that are explored: small ones, each with another kind of row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

from sagas import Abort, Retry, approval, child, each, parallel, saga, step, wait
from sagas.testing import answers_late, fails, times_out
from sagas.testing.cues import Cue
from sagas.testing.reading import tables_of
from sagas.words.definition import Definition
from sagas.words.rows import Step
from tests.crashes.ledger import Ledger, do_here, undo_here

LEDGER = Ledger()
SHOP = "shop"
SOON = Retry(attempts=6, first=timedelta(seconds=1))
FINAL = "nothing undoes it"


def act(name: str, **options: Any) -> Step:
    undo = {} if options.get("no_compensation") else {"compensation": LEDGER.compensation(name)}
    return step(LEDGER.action(name), participant=SHOP, retry=SOON, compensation_retry=SOON, **undo, **options)


@dataclass(frozen=True)
class Shape:
    """A table, what comes for what it waits for, and the trouble in which a death leaves a doubt for a person."""

    table: Definition
    answers: Mapping[str, Any] = field(default_factory=dict)
    doubt: str = ""

    @property
    def name(self) -> str:
        return self.table.name

    @cached_property
    def tables(self) -> dict[str, Definition]:
        return {table.name: table for table in tables_of(self.table)}

    @property
    def last_refuses(self) -> str:
        """The trouble that takes it furthest before it goes back."""
        return next(name for name in reversed(self.troubles) if name.endswith(" refuses"))

    @cached_property
    def troubles(self) -> dict[str, list[Cue]]:
        """What goes wrong at participants, by name: a refusal, an undoing that fails once, a late answer."""
        steps = [found for table in self.tables.values() for found in table.steps]
        refused = [fails(steps[-1].name, Abort("no"))]
        found: dict[str, list[Cue]] = {"nothing": []}
        for one in steps:
            found[f"{one.name} refuses"] = [fails(one.name, Abort("no"), item=1 if one.name == "pack" else None)]
        for one in steps[:-1]:
            if one.compensation is not None:
                once = fails(one.name, ConnectionError("lost"), times=1, undoing=True)
                found[f"undoing {one.name} fails once"] = [*refused, once]
        found |= {f"{one.name} answers late": [answers_late(one.name)] for one in steps if not one.local}
        if self.name == "linear":
            found["pay never answers"] = [times_out("pay", times=None)]
            found["pay refuses after a doubt"] = [fails("pay", Abort("no")), times_out("pay")]
        return found


SHAPES = {
    shape.name: shape
    for shape in (
        Shape(saga("linear", act("lock"), act("pay"), act("book"))),
        Shape(saga("parallel", parallel(act("lock"), act("pay")), act("book"))),
        Shape(saga("nested", parallel(act("lock"), parallel(act("pay"), act("book"), join=1)), act("post"))),
        Shape(saga("wait", act("lock"), wait("paid", timeout=timedelta(minutes=30)), act("book")), {"paid": {}}),
        Shape(saga("each", each("lines", act("pack"), items=lambda ctx: ["a", "b", "c"], concurrency=2), act("book"))),
        Shape(saga("child", act("lock"), child(saga("shipping", act("book"))), act("pay"))),
        Shape(saga("approval", act("lock"), approval("sure", timeout=timedelta(days=1)), act("pay"))),
        Shape(saga("local", step(do_here, name="note", compensation=undo_here, local=True, retry=SOON), act("pay"))),
        Shape(
            saga(
                "pivot",
                act("lock"),
                act("pay", pivot=True, no_compensation=FINAL),
                act("post", no_compensation=FINAL, on_failure="incident"),
            ),
            doubt="pay refuses",
        ),
    )
}
