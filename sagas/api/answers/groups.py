"""Incidents by their cause."""

from datetime import datetime

from pydantic import Field

from gateway.answers import All, Answer


class GroupDocument(Answer):
    """All open incidents of one definition, step and reason code."""

    id: str
    definition: str
    step: str | None
    reason_code: str
    count: int
    sagas: int
    first_at: datetime
    last_at: datetime
    owner: str | None
    note: str | None
    muted_until: datetime | None
    url: str = Field(description="The sagas of the group.")


class GroupList(All[GroupDocument]):
    """Groups, the latest first; at most 200."""
