from collections.abc import Iterator

import pytest

from tests.sagas.world import World, a_world


@pytest.fixture
def world() -> Iterator[World]:
    with a_world() as found:
        yield found
