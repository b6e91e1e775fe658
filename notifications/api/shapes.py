"""What callers send."""

import unicodedata
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from django.utils.dateparse import parse_duration
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, model_validator

from gateway.shapes import PageQuery, Query, Shape, Text
from notifications.calling_off import Correction
from notifications.lifecycle import Status
from notifications.operations import Wanted

LONGEST_SUBJECT = 200
LONGEST_TEXT = 100_000
LONGEST_ADDRESS = 2_000
MOST_IN_A_BATCH = 1_000
WEEK = timedelta(weeks=1)


def _one_line(text: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text):
        raise ValueError("It is one line, without control characters")
    return text


def _as_object(content: Any) -> Any:
    return {"text": content} if isinstance(content, str) else content


def _as_time(given: Any) -> Any:
    if not isinstance(given, str):
        raise ValueError("A time is a text like 2026-03-01T09:00:00+01:00")
    try:
        return datetime.fromisoformat(given)
    except ValueError:
        raise ValueError("A time is written like 2026-03-01T09:00:00+01:00") from None


def _as_duration(given: Any) -> Any:
    found = parse_duration(given) if isinstance(given, str) else None
    if found is None:
        raise ValueError("A duration is written like PT10M (ISO 8601)")
    return found


def _as_channels(given: Any) -> Any:
    return None if given == "auto" else given


Line = Annotated[Text, AfterValidator(_one_line)]
Time = Annotated[AwareDatetime, BeforeValidator(_as_time)]
Name = Annotated[Line, Field(max_length=63)]
Channels = Annotated[list[Name], Field(min_length=1, max_length=20)]


class ReceiverPath(Shape):
    """Of whom something is kept, from the path."""

    receiver: Annotated[Line, Field(max_length=200)]


class TopicPath(Shape):
    """What somebody is told of, from the path."""

    topic: Name


class TemplatePath(Shape):
    """Which template is meant, from the path."""

    template: Name


class ContentIn(Shape):
    """What is to be said; a plain string is short for `{"text": …}`."""

    subject: Line | None = Field(None, max_length=LONGEST_SUBJECT)
    text: Text = Field(max_length=LONGEST_TEXT)
    html: Text | None = Field(None, max_length=LONGEST_TEXT)


class SaidIn(Shape):
    """What is to be said: a content, or a template with its data."""

    content: Annotated[ContentIn | None, BeforeValidator(_as_object)] = None
    template: Name | None = None
    data: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (self.content is None) == (self.template is None):
            raise ValueError("It has a content or a template, and not both")
        if self.data is not None and self.template is None:
            raise ValueError("The data are for a template; name it")
        return self

    def said(self) -> dict[str, Any]:
        """The same in the words of the verbs."""
        content = self.content.model_dump(exclude_none=True) if self.content else {}
        return {"content": content, "template": self.template or "", "data": self.data or {}}


class NotificationIn(SaidIn):
    """What is to be said, and to whom; two members are enough."""

    receiver: dict[str, Annotated[Line, Field(max_length=LONGEST_ADDRESS)]] = Field(max_length=20)
    channels: Annotated[Channels | None, BeforeValidator(_as_channels)] = None
    category: Name | None = None
    priority: Literal["urgent", "normal", "bulk"] = "normal"
    send_at: Time | None = None
    expires_at: Time | None = None
    digest_key: Name | None = None
    escalate_after: Annotated[timedelta, BeforeValidator(_as_duration), Field(gt=timedelta(), le=WEEK)] | None = None
    callback_url: Line | None = Field(None, max_length=LONGEST_ADDRESS)
    metadata: dict[Name, Annotated[Line, Field(max_length=500)]] = Field(default={}, max_length=20)
    mode: Literal["live", "sandbox"] = "live"

    def wanted(self) -> Wanted:
        """The same in the words of the verbs."""
        return Wanted(
            receiver=self.receiver,
            **self.said(),
            channels=self.channels,
            category=self.category or "",
            priority=self.priority,
            send_at=self.send_at,
            expires_at=self.expires_at,
            digest_key=self.digest_key or "",
            escalate_after=self.escalate_after,
            callback_url=self.callback_url or "",
            metadata=self.metadata,
            sandbox=self.mode == "sandbox",
        )


class NotificationBatchIn(Shape):
    """Many at once, each with its own answer; what each item is, its own reading says."""

    items: list[Any] = Field(min_length=1, max_length=MOST_IN_A_BATCH)


class ReasonIn(Shape):
    """Why somebody does something with a notification."""

    reason: Line = Field("", max_length=500, min_length=0)


class CancelIn(ReasonIn):
    """Why a message is called off, and what is said when it is too late for that."""

    correction: SaidIn | None = None

    def corrected(self) -> Correction | None:
        """The same in the words of the verb."""
        return None if self.correction is None else Correction(**self.correction.said())


class AcceptQuery(Query):
    """`dry_run` says what would happen and keeps nothing."""

    dry_run: bool = False


class ListQuery(PageQuery):
    """What the list can be narrowed to."""

    status: Status | None = None
    category: Name | None = None
    part_of: UUID | None = None
    digest: UUID | None = None
