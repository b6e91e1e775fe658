"""The shapes of what callers get, for the API's description; a test holds the documents to them."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, RootModel

from sagas.models.saga import Cause, Going
from sagas.operations.revealing import What
from sagas.words.lifecycle import SagaState, StepState
from sagas.words.outcome import Happened
from sagas.words.plan import Undo

AnyRow = TypeVar("AnyRow")


class Answer(BaseModel):
    """A document, or a part of one; it holds what is named and no more."""

    model_config = ConfigDict(extra="forbid")


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


class PreviewDocument(Answer):
    """What a verb would do."""

    verb: str
    dry_run: Literal[True]
    state: SagaState = Field(description="The state in which the saga would be then.")
    sentences: list[str]


class VerbDocument(RootModel[SagaDocument | PreviewDocument]):
    """The saga as the verb left it, or what the verb would do."""


class RevealedDocument(Answer):
    """What is stored in one place, without masks."""

    what: What
    value: Any


class StoredDocument(Answer):
    """A participant's callback is stored."""

    stored: Literal[True]
    replayed: bool


class Page(Answer, Generic[AnyRow]):
    """Some rows of a list, and the address of those after them; null at the end."""

    results: list[AnyRow]
    next: str | None


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


class DefinitionLine(Answer):
    """A definition, in its highest version."""

    name: str
    version: int
    fingerprint: str
    owner: str | None
    runbook: str | None
    deadline_seconds: float | None
    url: str
    diagram: str


class DefinitionList(Answer):
    """All definitions."""

    results: list[DefinitionLine]


class RowDocument(Answer):
    """One row of a table."""

    path: str
    kind: str
    heading: str
    groups: list[str] = Field(description="The groups around it, from the outside in.")
    notes: list[str]
    undone_by: str | None


class DefinitionDocument(DefinitionLine):
    """A definition in full."""

    versions: list[int]
    input_schema: dict[str, Any] | None
    rows: list[RowDocument]
    mermaid: str
    live: dict[str, int] = Field(description="How many of the caller's live in which state.")


class BatchResult(Answer):
    """What a request of its own would have been answered."""

    status: int
    saga: SagaLine | None
    problem: dict[str, Any] | None


class BatchDocument(Answer):
    """A result for each item, in their order."""

    results: list[BatchResult]


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


class GroupList(Answer):
    """Groups, the latest first; at most 200."""

    results: list[GroupDocument]


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


class ParticipantList(Answer):
    """All participants, those that are held first."""

    results: list[ParticipantDocument]


class HoldForesight(Answer):
    """What holding or releasing a participant would do."""

    verb: str
    dry_run: Literal[True]
    sentences: list[str]


class ParticipantAnswer(RootModel[ParticipantDocument | HoldForesight]):
    """The participant as the verb left it, or what the verb would do."""


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


class OutboxPage(Answer):
    """A page of events that leave."""

    results: list[OutboxDocument]
    next: str | None


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


class InboxPage(Answer):
    """A page of events that arrived."""

    results: list[InboxDocument]
    next: str | None


class LetterCount(Answer):
    """To how many events it was done."""

    events: int
