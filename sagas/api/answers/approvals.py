"""What waits for a person's yes or no."""

from datetime import datetime
from typing import Any

from pydantic import Field

from gateway.answers import Answer, Page


class ApprovalDocument(Answer):
    """A row that waits for a person's yes or no."""

    saga: str
    definition: str
    business_key: str | None
    step: str
    group: str | None = Field(description="Who is in it decides; without one, whoever may operate.")
    summary: str | None = Field(description="What the definition says of the saga in a line.")
    input: Any
    form: dict[str, Any] | None = Field(description="The JSON Schema of what a yes may grant.")
    since: datetime | None
    until: datetime | None = Field(description="When its time is over.")
    links: dict[str, str]


class ApprovalPage(Page[ApprovalDocument]):
    """A page of approvals, the oldest first."""
