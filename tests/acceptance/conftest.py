from collections.abc import Callable, Iterator
from functools import partial

import pytest

from examples.shop.client import Participants
from tests.acceptance.scene import Scene
from tests.harness.processes import folder


@pytest.fixture(scope="session")
def _shop() -> Iterator[Participants]:
    with Participants(folder("shop")) as shop:
        yield shop


@pytest.fixture
def shop(_shop: Participants) -> Participants:
    """The shop's participants, nothing wrong with them yet."""
    _shop.clear()
    return _shop


@pytest.fixture
def scene(postgres, redis, shop) -> Callable[..., Scene]:
    """Makes a product on PostgreSQL and Redis: `with scene() as scene:`."""
    return partial(Scene, postgres, redis, shop)
