"""What one asked for and another must approve."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from gateway.answers import Answer, Page


class ProposalDocument(Answer):
    """What one asked for and another must approve."""

    id: str
    verb: str
    saga: str | None = Field(description="The saga's address, if it is one.")
    count: int = Field(description="How many sagas are meant.")
    definitions: list[str]
    arguments: dict[str, Any]
    reason: str
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    state: Literal["open", "done", "refused", "outdated", "expired"]
    decided_by: str | None
    decided_why: str | None
    decided_at: datetime | None
    operation: str | None = Field(description="The bulk operation that came of it.")
    links: dict[str, str]


class ProposalPage(Page[ProposalDocument]):
    """A page of proposals, the newest first."""
