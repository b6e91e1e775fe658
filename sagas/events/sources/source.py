"""What a kind of source is: it brings messages, and acknowledges each after it was taken."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from gateway.limits import clean_text
from sagas.events.arriving import Message

Take = Callable[[Message], object]
"""What is done with a message; when it has returned, what the message meant is committed."""

MOST_HEADERS, LONGEST_HEADER = 64, 1000


class Source(ABC):
    """A place where events come from."""

    @abstractmethod
    def run(self, take: Take, stopping: threading.Event) -> None:
        """Bring messages until the event is set; acknowledge each when it was taken, and not before.

        What `take` or the transport raises is raised: it is begun again after a pause, and what was not acknowledged
        comes again.
        """


def headers_of(given: Mapping[Any, Any] | None) -> dict[str, str]:
    """Headers as text, bounded; whatever is not text or a number is left out."""
    found: dict[str, str] = {}
    for name, value in list((given or {}).items())[:MOST_HEADERS]:
        plain = value.decode(errors="replace") if isinstance(value, bytes) else value
        if isinstance(plain, str | int | float):
            found[clean_text(str(name), 100)] = clean_text(str(plain), LONGEST_HEADER)
    return found


def a_word(given: object, longest: int = 255) -> str:
    """An id or a type that a transport carries; empty for what is none."""
    plain = given.decode(errors="replace") if isinstance(given, bytes) else given
    return plain if isinstance(plain, str) and 0 < len(plain) <= longest and clean_text(plain, longest) == plain else ""
