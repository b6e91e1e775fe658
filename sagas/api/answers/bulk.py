"""Bulk operations."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, RootModel

from gateway.answers import Answer, Page


class BulkDocument(Answer):
    """A bulk operation: what was asked, and how many of its sagas are in which state."""

    id: str
    verb: str
    arguments: dict[str, Any]
    selection: dict[str, Any]
    reason: str
    actor: str
    rate: int = Field(description="Sagas a minute.")
    state: Literal["running", "paused", "cancelled", "done"]
    total: int
    counts: dict[str, int]
    created_at: datetime
    ended_at: datetime | None
    url: str
    links: dict[str, str]


class BulkForesight(Answer):
    """What a bulk operation would do; of the sagas it means, the first 200 are looked at."""

    dry_run: Literal[True]
    verb: str
    total: int
    looked_at: int
    eligible: int
    not_eligible: dict[str, int] = Field(description="How many would be refused, by their state.")
    groups: dict[str, int] = Field(description="How many incidents there are, by definition, step and reason code.")
    not_idempotent: dict[str, int] = Field(description="Steps that would be repeated, and are not idempotent.")


class BulkAnswer(RootModel[BulkDocument | BulkForesight]):
    """The operation, or what it would do."""


class BulkPage(Page[BulkDocument]):
    """A page of bulk operations, the newest first."""


class ItemDocument(Answer):
    """One saga of a bulk operation: what became of it."""

    saga: str
    business_key: str | None
    url: str
    state: Literal["waiting", "asked", "recovered", "failed_again", "not_eligible", "cancelled"]
    said: str | None = Field(description="Why it was refused.")
    asked_at: datetime | None
    ended_at: datetime | None


class ItemPage(Page[ItemDocument]):
    """A page of a bulk operation's sagas."""
