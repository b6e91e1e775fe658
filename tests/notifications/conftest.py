from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from kombu import Exchange, Queue

from gateway import doorbell
from orchestrator.celery import app
from tests.notifications.door import Service
from tests.notifications.post import Pigeon

EMAIL = "notifications.channels.email.Email"


@pytest.fixture
def pigeon(settings: Any) -> Iterator[type[Pigeon]]:
    """A channel that follows a script, beside e-mail."""
    settings.NOTIFICATIONS = {
        "PROVIDERS": {
            "pigeon": {"channel": "pigeon", "path": "tests.notifications.post.Pigeon"},
            "mail": {"channel": "email", "path": EMAIL},
        }
    }
    Pigeon.letters.clear()
    Pigeon.script.clear()
    return Pigeon


@pytest.fixture
def bell(monkeypatch: pytest.MonkeyPatch) -> doorbell.Doorbell:
    """A doorbell that nothing happened to yet."""
    new = doorbell.Doorbell()
    monkeypatch.setattr(doorbell, "_doorbell", new)
    return new


@pytest.fixture
def rung(bell: doorbell.Doorbell) -> Iterator[Callable[[], list[str]]]:
    """Ask which notifications have been rung for since the last time."""
    with app.connection_for_write() as connection:
        queue = Queue("notifications", Exchange("notifications"), routing_key="notifications")(
            connection.default_channel
        )
        queue.declare()
        queue.purge()

        def messages() -> list[str]:
            assert bell.flush(timedelta(seconds=5))
            found = []
            while message := queue.get(no_ack=True):
                found.append(message.payload[0][0])
            return found

        yield messages


@pytest.fixture
def service() -> Service:
    """Another service."""
    return Service()
