"""Participants, and their holds."""

from datetime import datetime
from typing import Literal

from pydantic import Field, RootModel

from gateway.answers import All, Answer


class CallingStep(Answer):
    """A step that calls a participant."""

    definition: str
    step: str


class CanaryDocument(Answer):
    """A saga that may call a participant that is held, and what came of it."""

    saga: str
    url: str
    at: datetime
    by: str
    step: str | None
    outcome: str
    went_well: bool | None = Field(description="Null while it is not known.")


class ParticipantDocument(Answer):
    """A service that steps call, as it stands."""

    name: str
    state: Literal["called", "held", "releasing"]
    steps: list[CallingStep]
    held_by: str | None
    held_at: datetime | None
    until: datetime | None = Field(description="When the hold ends by itself.")
    reason: str | None
    released_by: str | None
    released_at: datetime | None
    rate: int | None = Field(description="How many steps a second are let go; null is all at once.")
    let_go: int = Field(description="How many have been let go.")
    waiting: int = Field(description="How many steps wait for it; 10,001 means more than 10,000.")
    errors: list[str] = Field(description="What the latest open incidents of its steps say.")
    canaries: list[CanaryDocument]
    url: str
    links: dict[str, str] = Field(description="The verbs that its state allows.")


class ParticipantList(All[ParticipantDocument]):
    """All participants, those that are held first."""


class HoldForesight(Answer):
    """What holding or releasing a participant would do."""

    verb: str
    dry_run: Literal[True]
    sentences: list[str]


class ParticipantAnswer(RootModel[ParticipantDocument | HoldForesight]):
    """The participant as the verb left it, or what the verb would do."""
