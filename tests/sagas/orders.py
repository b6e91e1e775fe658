"""Small tables, and what tests ask of a saga, for the tests of the contract."""

from typing import Any

from sagas import parallel, saga, step
from sagas.models import Saga
from sagas.record.attempts import Claim
from sagas.words.definition import Definition
from sagas.words.rows import Row
from tests.sagas.world import World, open_incidents, run_of


def order(world: World, **options: Any) -> Definition:
    """Stock is locked, then money taken; `options` are those of the charge."""
    return saga(
        "order",
        step(world.lock, compensation=world.release),
        step(world.charge, **({"compensation": world.refund} | options)),
    )


def sides(world: World, *names: str, last: bool = True, **options: Any) -> Definition:
    """A step, then members side by side, then a last step that the tests may refuse."""
    members = (step(world.function(name), compensation=world.function(f"un{name}")) for name in names)
    return saga(
        "sides",
        step(world.first, compensation=world.unfirst),
        parallel(*members, **options),
        *([step(world.last, reads_only=True)] if last else []),
    )


def members(world: World, *names: str, **options: Any) -> list[Row]:
    """Steps of these names, each with a compensation `un…`."""
    return [step(world.function(name), compensation=world.function(f"un{name}"), **options) for name in names]


def at_charge(world: World, **options: Any) -> tuple[Saga, Claim]:
    """An order whose charge is under way."""
    found = world.start(order(world, **options))
    world.deliver_one(run_of(found, "lock"))
    return found, world.attempt(found, "charge")


def stands(found: Saga) -> tuple[str, list[tuple[str, str]]]:
    """Its state, and what of it needs a person."""
    found.refresh_from_db()
    return found.state, open_incidents(found)
