from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from sagas.api import events
from tests.sagas.world import World, a_world


@pytest.fixture
def world(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Where no request is held, since nothing moves before the next one."""
    settings.SAGAS = {**settings.SAGAS, "LONGEST_POLL": timedelta(0)}
    monkeypatch.setattr(events, "LONGEST", timedelta(0))
    monkeypatch.setattr(events, "STILL_HERE", timedelta(0))
    with a_world() as found:
        yield found
