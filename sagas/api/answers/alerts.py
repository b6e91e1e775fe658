"""Alerts: what rings, and what rang."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from gateway.answers import All, Answer


class ToldPeople(Answer):
    """One thing that people were told, or are to be told."""

    what: Literal["new", "many", "old", "over"]
    to: str = Field(description="Whom the settings name for it today.")
    at: datetime | None = Field(description="When it was taken; null while it was not.")
    tries: int
    error: str | None
    is_lost: bool = Field(description="Whether nobody took it, and it is not tried any more.")


class AlertDocument(Answer):
    """The present or last episode of one trouble; of the installation itself, `definition` is null."""

    id: int
    episode: int
    title: str
    definition: str | None
    step: str | None
    reason_code: str
    severity: str
    owner: str | None
    began_at: datetime
    over_at: datetime | None = Field(description="Null while it rings.")
    quiet_until: datetime | None = Field(description="The cool-down: should it come back before, nobody is told.")
    muted_until: datetime | None
    told: list[ToldPeople]


class AlertList(All[AlertDocument]):
    """Those that ring, and then those that are over, the latest first; at most 100 of each."""
