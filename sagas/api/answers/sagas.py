"""Sagas and their parts."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from gateway.answers import Answer, Page
from sagas.models.saga import Cause, Going
from sagas.operations.revealing import What
from sagas.words.lifecycle import SagaState, StepState
from sagas.words.outcome import Happened
from sagas.words.plan import Undo


class SagaLine(Answer):
    """A saga as it stands in a list."""

    id: str
    definition: str
    version: int
    business_key: str | None
    state: SagaState
    needs_person: bool = Field(description="Whether an incident is open.")
    labels: dict[str, str]
    priority: int
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    url: str


class StepDocument(Answer):
    """A step: its forward side, its way back, and what is known of its effect."""

    step: str
    item: int
    kind: str
    held: bool = Field(description="Whether it waits for a person.")
    parked_at: datetime | None = Field(description="Since when it waits for a participant that is held.")
    progress: Any
    state: StepState
    undo: Undo
    happened: Happened
    work: Literal["due", "running", "waiting"] | None
    at: datetime | None = Field(description="Its clock: when it is due, or how long it may run or wait.")
    tries: int
    key: str = Field(description="The idempotency key that its participant sees.")
    result: Any
    error: str | None
    code: str | None
    started_at: datetime | None
    ended_at: datetime | None


class IncidentDocument(Answer):
    """Something that needs a person."""

    id: int
    step: str | None
    item: int
    direction: Going
    reason: str
    reason_code: str
    sentence: str
    times: int
    owner: str | None
    opened_at: datetime
    last_at: datetime
    retried_at: datetime | None
    closed_at: datetime | None
    closed_as: str | None


class Paused(Answer):
    """Who paused it, since when and why."""

    by: str
    since: datetime
    why: str


class CallbackDocument(Answer):
    """Whether whoever wanted to be told of the end was told."""

    url: str = Field(description="The `callback_url`, without what stands behind its question mark.")
    state: Literal["pending", "told", "failed"]
    tries: int
    status: int | None = Field(description="What the receiver answered last.")
    error: str | None = Field(description="Why it was not told, the last time.")
    next_at: datetime | None = Field(description="When it is tried again.")
    done_at: datetime | None = Field(description="When it was told, or given up.")


class SagaDocument(SagaLine):
    """A saga in full."""

    next: str = Field(description="What it waits for, since when, what happens next and when.")
    going: Going
    cause: Cause | None
    failure: dict[str, Any] | None
    paused: Paused | None
    input: Any
    started_by: str
    parent: str | None
    cloned_from: str | None
    start_at: datetime | None
    deadline_at: datetime | None
    committed_at: datetime | None
    steps: list[StepDocument] = Field(description="The first 200.")
    incidents: list[IncidentDocument] = Field(description="The open ones.")
    callback: CallbackDocument | None
    links: dict[str, str] = Field(description="Its parts, and the verbs that its state allows.")


class SignalDocument(Answer):
    """Something that a saga was told."""

    name: str
    id: str
    payload: Any
    sender: str
    at: datetime
    flag: Literal["unexpected", "late"] | None
    taken_at: datetime | None


class ToldDocument(Answer):
    """What became of a signal."""

    saga: str
    url: str
    signal: SignalDocument
    taken: bool = Field(description="Whether a wait has taken it; else it is kept for one.")
    replayed: bool = Field(description="Whether it was stored before, under the same id.")


class JournalDocument(Answer):
    """All moves of one transaction."""

    rev: int
    at: datetime
    actor: str
    moves: list[dict[str, Any]]


class RevealedDocument(Answer):
    """What is stored in one place, without masks."""

    what: What
    value: Any


class StoredDocument(Answer):
    """A participant's callback is stored."""

    stored: Literal[True]
    replayed: bool


class SagaPage(Page[SagaLine]):
    """A page of sagas, the newest first."""


class StepPage(Page[StepDocument]):
    """A page of steps, in the order in which they came up."""


class JournalPage(Page[JournalDocument]):
    """A page of the journal, in its order."""


class SignalPage(Page[SignalDocument]):
    """A page of signals, in the order in which they came."""


class IncidentPage(Page[IncidentDocument]):
    """A page of incidents, in the order in which they were opened."""


class BatchResult(Answer):
    """What a request of its own would have been answered."""

    status: int
    saga: SagaLine | None
    problem: dict[str, Any] | None


class BatchDocument(Answer):
    """A result for each item, in their order."""

    results: list[BatchResult]
