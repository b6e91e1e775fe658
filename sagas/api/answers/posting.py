"""Events on their way out and in."""

from datetime import datetime
from typing import Literal

from pydantic import Field, RootModel

from gateway.answers import Answer, Page


class LineDocument(Answer):
    """A target of events, or a source of them."""

    name: str
    kind: str | None = Field(description="Null for one that the settings do not name any more.")
    waiting: int = Field(description="How many are to be sent, or wait for their saga; counted up to 100,000.")
    parked: int = Field(description="How many of yours need a person.")
    oldest_at: datetime | None
    trouble: str | None = Field(description="Why it cannot be reached.")
    trouble_since: datetime | None


class PostDocument(Answer):
    """How events stand."""

    out: list[LineDocument]
    in_: list[LineDocument] = Field(alias="in")


class TryDocument(Answer):
    """One try at a webhook."""

    at: datetime
    status: int | None = None
    error: str | None = None
    ms: int | None = None


class OutboxDocument(Answer):
    """An event for one target."""

    id: int
    event_id: str
    type: str
    target: str | None = Field(description="Null where no target takes its type.")
    saga: str
    state: str
    reason: str | None
    tries: int
    at: datetime
    due_at: datetime | None = Field(description="When it is tried again.")
    log: list[TryDocument]


class OutboxPage(Page[OutboxDocument]):
    """A page of events that leave."""


class InboxDocument(Answer):
    """An event that arrived."""

    id: int
    event_id: str
    type: str | None
    source: str = Field(description="The source in the settings.")
    origin: str | None = Field(description="What the event says of where it comes from.")
    state: str
    reason: str | None
    at: datetime


class InboxPage(Page[InboxDocument]):
    """A page of events that arrived."""


class LetterCount(Answer):
    """To how many events it was done."""

    events: int


class LetterForesight(Answer):
    """What replaying or dropping events would do."""

    verb: str
    dry_run: Literal[True]
    ids: list[int] = Field(description="Which events it would be done to; send them to mean these and no others.")
    sentences: list[str]


class LetterAnswer(RootModel[LetterCount | LetterForesight]):
    """To how many events it was done, or what would be done to which."""
