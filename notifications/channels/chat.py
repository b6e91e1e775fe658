"""Chat, and whatever else Apprise reaches (the extra `chat`): rooms by name, whose addresses are in the settings."""

from collections.abc import Mapping
from typing import ClassVar

from django.core.exceptions import ImproperlyConfigured

from notifications.channels.channel import Channel, ChannelError, Letter
from notifications.verdict import Result


class Apprise(Channel):
    """`rooms` are Apprise's addresses by name, such as {"sales": "slack://…"}; callers name a room and see no address.

    Apprise says yes or no and not why, so a no counts as "it may have been sent".
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
        try:
            import apprise  # type: ignore[import-not-found, unused-ignore]
        except ImportError:
            raise ImproperlyConfigured(
                "Chat goes through Apprise, which is not installed: install the extra chat."
            ) from None
        if letter.address not in self._rooms:
            raise ChannelError("The room was taken out of the settings.", code="no_room")
        posting = apprise.Apprise()
        if not posting.add(self._rooms[letter.address]):
            raise ChannelError("Apprise does not understand the room's address.", Result.DENIED, code="room_address")
        if not posting.notify(title=letter.subject, body=letter.text):
            raise ChannelError("Apprise could not post it, and does not say why.", Result.UNKNOWN, code="apprise")
        return ""
