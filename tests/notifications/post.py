"""What the tests' notifications meet: a channel that follows a script, and a clock that can be put forward."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import F

from gateway.callers import Caller
from notifications import operations
from notifications.channels.channel import Channel, Letter, News
from notifications.channels.tracking import read_events
from notifications.models import Notification, ProviderHealth
from notifications.operations import Wanted

CALLER = Caller(name="a test")


class Pigeon(Channel):
    """Takes every letter, unless its script says otherwise: an exception to raise, or a function to call."""

    address: ClassVar[str] = "loft"
    letters: ClassVar[list[Letter]] = []
    script: ClassVar[list[Exception | Callable[[], Any]]] = []

    def __init__(self, name: str = "", secret: str = "") -> None:
        self.name = name
        self._secret = secret

    def check(self, address: str) -> None:
        if address == "nowhere":
            raise ValueError("No pigeon flies there.")

    def send(self, letter: Letter) -> str:
        self.letters.append(letter)
        if self.script:
            does = self.script.pop(0)
            if isinstance(does, Exception):
                raise does
            does()
        return f"pigeon {len(self.letters)}"

    def events(self, headers: Mapping[str, str], body: bytes) -> list[News]:
        return read_events([self._secret] if self._secret else [], headers, body)


class Raven(Pigeon):
    """Another channel, with the same script."""

    address: ClassVar[str] = "tower"


def a_notification(**values: Any) -> Notification:
    """One that was just accepted, for the pigeon."""
    asked = {"receiver": {"loft": "17"}, "content": {"text": "coo"}, **values}
    return operations.accept(CALLER, Wanted(**asked))


def later(by: timedelta) -> None:
    """Put the clock forward, which is to say: every clock that is set, back."""
    names = ("due_at", "lease_until", "rung_at", "expires_at")
    Notification.objects.update(**{name: F(name) - by for name in names})
    ProviderHealth.objects.update(open_until=F("open_until") - by)


def now(pk: UUID) -> Notification:
    """As it stands in the database."""
    return Notification.objects.get(pk=pk)


def results(pk: UUID) -> list[str]:
    """What its attempts came to, in order; an empty text for one under way."""
    return list(now(pk).attempts.values_list("result", flat=True))
