"""Chat, and whatever else Apprise reaches (the extra `chat`): rooms by name, whose addresses are in the settings."""

import logging
import re
import threading
from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured

from notifications.channels.aside import aside
from notifications.channels.channel import Channel, ChannelError, Letter
from notifications.channels.http import meaning
from notifications.verdict import Result

_STATUS = re.compile(r"error=(\d{3})\b")


class Apprise(Channel):
    """`rooms` are Apprise's addresses by name, such as {"sales": "slack://…"}; callers name a room and see no address.

    Apprise answers yes or no and writes the reason into its log. So that is read here, and goes nowhere else: it may
    show an address. A no without an HTTP status counts as "it may have been sent".
    """

    address: ClassVar[str] = "chat"

    def __init__(self, rooms: Mapping[str, str]) -> None:
        self._rooms = rooms

    def check(self, address: str) -> None:
        """Refuse rooms that there are not."""
        if address not in self._rooms:
            raise ValueError(f"There is no such room; there are: {', '.join(sorted(self._rooms))}.")

    def send(self, letter: Letter) -> str:
        """Post it; chats have no ids that Apprise would tell."""
        apprise = _apprise()
        if letter.address not in self._rooms:
            raise ChannelError("The room was taken out of the settings.", code="no_room")
        aside(lambda: _post(apprise, self._rooms[letter.address], letter))
        return ""


def _post(apprise: Any, room: str, letter: Letter) -> None:
    logger, said = logging.getLogger("apprise"), _Said()
    logger.addHandler(said)
    try:
        posting = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False, http_redirects=False))
        if not posting.add(room):
            raise ChannelError("Apprise does not understand the room's address.", Result.DENIED, code="room_address")
        if posting.notify(title=letter.subject, body=letter.text):
            return
    finally:
        logger.removeHandler(said)
    found = _STATUS.search(said.text)
    result = meaning(int(found[1])) if found else Result.UNKNOWN
    raise ChannelError(f"Apprise could not post it. {said.text}".strip(), result, code=found[1] if found else "")


class _Said(logging.Handler):
    """What Apprise writes about this thread's posting."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread and len(self.text) < 500:
            self.text = f"{self.text} {record.getMessage()}".strip()


def _apprise() -> Any:
    try:
        import apprise  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise ImproperlyConfigured(
            "Chat goes through Apprise, which is not installed: install the extra chat."
        ) from None
    logger = logging.getLogger("apprise")
    logger.propagate = False  # at DEBUG it writes whole addresses, and of one that it does not understand the token
    logger.setLevel(logging.WARNING)
    return apprise
