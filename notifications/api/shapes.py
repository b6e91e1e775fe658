"""What callers send and get."""

import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from gateway.shapes import PageQuery, Shape, Text
from notifications.lifecycle import Status
from notifications.models import Attempt, Notification

LONGEST_SUBJECT = 200
LONGEST_TEXT = 100_000
LONGEST_ADDRESS = 2_000


def _one_line(text: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text):
        raise ValueError("It is one line, without control characters")
    return text


def _as_object(content: Any) -> Any:
    return {"text": content} if isinstance(content, str) else content


class ContentIn(Shape):
    """What is to be said; a plain string is short for `{"text": …}`."""

    subject: Annotated[Text, AfterValidator(_one_line)] | None = Field(None, max_length=LONGEST_SUBJECT)
    text: Text = Field(max_length=LONGEST_TEXT)


class NotificationIn(Shape):
    """What is to be said, and to whom."""

    receiver: dict[str, Annotated[Text, Field(max_length=LONGEST_ADDRESS)]] = Field(max_length=20)
    content: Annotated[ContentIn, BeforeValidator(_as_object)]


class ListQuery(PageQuery):
    """What the list can be narrowed to."""

    status: Status | None = None


def accepted(notification: Notification) -> dict[str, Any]:
    """The answer to a request that was accepted."""
    return {"id": str(notification.pk), "status": notification.status}


def summary(notification: Notification) -> dict[str, Any]:
    """A notification in a list. What was said is not repeated: it may be a secret, and whoever asks has sent it."""
    return {
        "id": str(notification.pk),
        "status": notification.status,
        "receiver": notification.receiver,
        "channel": notification.channel,
        "tries": notification.tries,
        "error": notification.error or None,
        "created_at": notification.created_at,
        "updated_at": notification.updated_at,
        "next_attempt_at": notification.due_at,
        "ended_at": notification.ended_at,
    }


def full(notification: Notification) -> dict[str, Any]:
    """A notification with all that was tried."""
    return summary(notification) | {"attempts": [_attempt(attempt) for attempt in notification.attempts.all()]}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "channel": attempt.channel,
        "result": attempt.result or None,
        "provider_id": attempt.provider_id or None,
        "code": attempt.code or None,
        "error": attempt.error or None,
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
    }
