"""What a team's function returns or raises, hostile: the worker goes on, and the saga always has a next move."""

import dataclasses
import datetime
import decimal
import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import MagicMock

import pytest
from pydantic import BaseModel, computed_field, field_validator

from sagas import Abort, RetryLater, approval, each, operations, saga, step, wait
from sagas.errors import Denied, InvalidInput, Unknown
from sagas.models import Run, Saga
from tests.sagas.world import World, open_incidents, run_of

pytestmark = pytest.mark.django_db


class Broken(BaseModel):
    """A model that cannot be written as JSON."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def total(self) -> int:
        raise KeyError("total")


class Unsaid(Exception):
    """An error that cannot say what it is."""

    def __str__(self) -> str:
        raise ValueError("no words")


class Wordless(Exception):
    """An error whose words are no text."""

    def __str__(self) -> str:
        return None  # type: ignore[return-value]


class Touchy:
    """An object that nobody may look at."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("hands off")


@dataclasses.dataclass
class Charge:
    """A dataclass whose fields are no JSON."""

    at: Any = dataclasses.field(default_factory=object)


def circular() -> Any:
    round_: list[Any] = []
    round_.append(round_)
    return round_


def deep(levels: int) -> Any:
    found: Any = 1
    for _ in range(levels):
        found = [found]
    return found


def raising() -> Any:
    yield 1
    raise KeyError("in the middle")


RESULTS: dict[str, Callable[[], Any]] = {
    "a list that holds itself": circular,
    "a very deep list": lambda: deep(100_000),
    "33 levels": lambda: deep(33),
    "a large text": lambda: "x" * 300_000,
    "a set": lambda: {1, 2},
    "bytes that are no text": lambda: b"\xff\xfe",
    "NaN": lambda: float("nan"),
    "infinity": lambda: [float("inf")],
    "a float of 309 digits": lambda: 1e308,
    "a number of 400 digits": lambda: 10**400,
    "a number of 5000 digits": lambda: 10**5000,
    "U+0000": lambda: "a\x00b",
    "half of a pair": lambda: "\ud800",
    "half of a pair as a name": lambda: {"\ud800": 1},
    "names that are numbers": lambda: {1: 2, None: 3, (1, 2): 4},
    "an object": object,
    "a class": lambda: Broken,
    "a function": lambda: deep,
    "a model that raises": Broken,
    "a dataclass of objects": Charge,
    "a mock": MagicMock,
    "an object nobody may look at": Touchy,
    "a generator that raises": raising,
    "an endless iterator": itertools.count,
    "an exception": lambda: ValueError("x"),
    "a decimal that is none": lambda: decimal.Decimal("sNaN"),
    "the last moment": lambda: datetime.datetime.max,
    "very many times the same": lambda: [["x" * 1000] * 1000] * 100,
    "a script": lambda: "<script>stored(6)</script>",
}

ERRORS: dict[str, Callable[[], BaseException]] = {
    "an error without words": Unsaid,
    "an error whose words are no text": Wordless,
    "a refusal with U+0000": lambda: Abort("a\x00b", code="a\x00b"),
    "a refusal with half of a pair": lambda: Abort("\ud800", code="\ud800"),
    "a refusal with a code that is no text": lambda: Abort("no", code=404),  # type: ignore[arg-type]
    "a refusal with a long code": lambda: Abort("no", code="x" * 5000),
    "a refusal with words that are no text": lambda: Abort({"no": 1}),  # type: ignore[arg-type]
    "a long refusal": lambda: Abort("x" * 5_000_000),
    "a refusal with tags": lambda: Abort("<script>stored(7)</script>", code="<script>stored(8)</script>"),
    "a refusal after something strange": lambda: Abort("half", done=circular()),
    "later, in a number of seconds": lambda: RetryLater("later", after=30),  # type: ignore[arg-type]
    "later, in a text": lambda: RetryLater("later", after="soon"),  # type: ignore[arg-type]
    "later, before": lambda: RetryLater("later", after=timedelta(days=-999_999_999)),
    "much later": lambda: RetryLater("later", after=timedelta.max),
    "unknown, without a text": lambda: Unknown(code=object()),  # type: ignore[arg-type]
    "not let in": lambda: Denied("\x00", code="\x00"),
    "too deep": RecursionError,
    "no memory": MemoryError,
    "an error of errors": lambda: ExceptionGroup("\ud800", [ValueError("\x00")]),
    "control characters": lambda: ValueError("\x1b[2J\x07\r\n\u202e"),
}


def at_rest(world: World, found: Saga) -> Saga:
    """Work until nothing has a clock any more: then it has ended, or somebody is told."""
    world.run_through(found)
    assert found.ended_at or open_incidents(found), f"it is {found.state}, and nobody is told"
    return found


@pytest.mark.parametrize("name", RESULTS)
def test_a_step_that_returned_has_happened_whatever_it_returned(world: World, name: str) -> None:
    world.script("charge", lambda ctx: RESULTS[name]())
    table = saga("two", step(world.charge, compensation=world.refund), step(world.ship, compensation=world.recall))
    found = at_rest(world, world.start(table))
    assert run_of(found, "charge").happened == "yes"
    assert world.called.count("charge") == 1, "a step that returned is never repeated"
    assert found.state == "completed" or "refund" in world.called
    operations.allowed(found)


@pytest.mark.parametrize("name", ERRORS)
def test_whatever_a_step_raises_is_an_outcome(world: World, name: str) -> None:
    world.script("ship", *(lambda ctx: raise_(ERRORS[name]()) for _ in range(20)))
    table = saga("two", step(world.charge, compensation=world.refund), step(world.ship, compensation=world.recall))
    found = at_rest(world, world.start(table))
    assert found.state == "compensated" or open_incidents(found) == [("ship", "shut_out")]
    assert "The worker that ran it" not in run_of(found, "ship").error
    assert Run.objects.filter(saga=found, crashes__gt=1).count() == 0


@pytest.mark.parametrize("name", ERRORS)
def test_whatever_a_compensation_raises_is_tried_again_or_told(world: World, name: str) -> None:
    world.script("ship", Abort("no"))
    world.script("refund", lambda ctx: raise_(ERRORS[name]()))
    table = saga("two", step(world.charge, compensation=world.refund), step(world.ship, compensation=world.recall))
    found = at_rest(world, world.start(table))
    if not found.ended_at:
        operations.retry(found.pk, actor="a test", reason="because")
        at_rest(world, found)
    assert found.state == "compensated"


@pytest.mark.parametrize("name", RESULTS | ERRORS)
def test_whatever_a_rows_own_function_does_a_person_can_go_on(world: World, name: str) -> None:
    def items(ctx: Any) -> Any:
        raise_(ERRORS[name]()) if name in ERRORS else None
        return RESULTS[name]() if name != "an endless iterator" else [object()]

    table = saga("some", each("lines", step(world.pack, compensation=world.unpack), items=items))
    found = at_rest(world, world.start(table))
    assert found.state in ("stuck", "completed", "compensated")


class Picky(BaseModel):
    """A model that trips over an input that it took before."""

    number: int = 0
    trips: bool = False

    @field_validator("number")
    @classmethod
    def trip(cls, given: int) -> int:
        return {0: 0}[given]


def test_an_input_that_todays_model_trips_over_is_told_to_a_person(world: World) -> None:
    table = saga("picky", step(world.charge, compensation=world.refund), input=Picky)
    found = world.start(table, {})
    Saga.objects.filter(pk=found.pk).update(input={"number": 5})
    at_rest(world, found)
    assert open_incidents(found) == [("charge", "shut_out")]
    assert "charge" not in world.called


def test_what_was_accepted_at_the_limit_is_taken_by_its_wait_and_its_approval(world: World) -> None:
    table = saga("patient", wait("paid", timeout=timedelta(hours=1)), approval("agreed", timeout=timedelta(hours=1)))
    found = world.start(table)
    world.work(found)
    operations.signal(found.pk, "paid", deep(32), actor="a test")
    world.work(found)
    form, accepted = deep(32), False
    while not accepted:
        try:
            operations.decide(found.pk, step="agreed", approved=True, form=form, actor="a test", reason="because")
            accepted = True
        except InvalidInput:
            form = form[0]
    world.work(found)
    found.refresh_from_db()
    assert (found.state, open_incidents(found)) == ("completed", [])


def raise_(error: BaseException) -> None:
    raise error
