from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from examples.shop.client import Participants
from sagas.engine.http import Service


@pytest.fixture(scope="session")
def _shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Participants]:
    with Participants(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


@pytest.fixture
def shop(_shop: Participants) -> Iterator[Participants]:
    """The shop's services, running, with nothing going wrong."""
    yield _shop
    _shop.clear()


@pytest.fixture
def key() -> str:
    """The key of an action of a saga that nobody else has."""
    return f"{uuid4()}:step:0:1"


@pytest.fixture
def service(shop: Participants, key: str) -> Callable[..., Service]:
    """A participant as an attempt calls it: `service("payments", undoing=True)` is its compensation."""
    rounds = count(1)

    def called(name: str, *, undoing: bool = False, seconds: float = 30, **options: Any) -> Service:
        settings = shop.services[name]
        undo = {"key": f"{key}:undo:{next(rounds)}", "action_key": key} if undoing else {"key": key}
        return Service(name=name, deadline=lambda: seconds, **{**settings, **undo, **options})

    return called
