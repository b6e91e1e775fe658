"""In which language somebody reads, and by which clock: what the request says, then what is kept of the receiver."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from notifications.models import Receiver


@dataclass(frozen=True, kw_only=True)
class Reader:
    """What is known of somebody who reads."""

    locales: tuple[str, ...] = ()
    """The first is the one that is wished for most; none when nothing is known."""
    zone: str = ""
    """A time zone, empty when nothing is known."""

    @property
    def clock(self) -> str:
        """The time zone in which times are written for it: its own, or the service's."""
        return self.zone or timezone.get_default_timezone_name()


def reader_of(receiver: Mapping[str, Any], profile: Receiver | None) -> Reader:
    """What the request says of it outweighs what is kept."""
    wished = (receiver.get("locale", ""), profile.locale if profile else "")
    zone = receiver.get("timezone") or (profile.timezone if profile else "")
    return Reader(locales=tuple(dict.fromkeys(locale for locale in wished if locale)), zone=zone)
