"""The shapes of what callers get, for the API's description; tests hold the documents to them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, RootModel

from gateway.answers import All, Answer, Page
from notifications.calling_off import Arrived
from notifications.lifecycle import Status
from notifications.models import Reason
from notifications.verdict import Result

Verb = Literal["cancel", "retry"]


class AcceptedDocument(Answer):
    """What was accepted."""

    id: str
    status: Status


class NotificationLine(Answer):
    """A notification as it stands in a list. What was said is not repeated."""

    id: str
    status: Status
    receiver: dict[str, str]
    part_of: str | None = Field(description="The notification to a topic that it was made of.")
    digest: str | None = Field(description="The notification in which this one was said, with others.")
    digest_key: str | None
    digest_size: int | None = Field(description="Of a digest: how many are said in it.")
    channel: str | None = Field(description="The one that is, or was last, tried.")
    category: str
    template: str | None
    locale: str | None
    priority: Literal["urgent", "normal", "bulk"]
    mode: Literal["live", "sandbox"]
    metadata: dict[str, str]
    tries: int
    error: str | None
    created_at: datetime
    updated_at: datetime
    next_attempt_at: datetime | None
    expires_at: datetime | None
    ended_at: datetime | None


class DeliveryDocument(Answer):
    """A channel that was tried."""

    channel: str
    address: str
    status: Status
    provider_id: str | None
    created_at: datetime
    ended_at: datetime | None
    captured: dict[str, str] | None = Field(None, description="What a sandbox kept instead of sending it.")


class AttemptDocument(Answer):
    """One try through one provider."""

    number: int
    channel: str
    provider: str
    result: Result | None = Field(description="Null while it is under way.")
    provider_id: str | None
    code: str | None
    error: str | None
    started_at: datetime
    ended_at: datetime | None
    seconds: float | None


class EventDocument(Answer):
    """Something that happened."""

    kind: str
    detail: str | None
    actor: str | None
    at: datetime


class Engagement(Answer):
    """What the receiver did: when for the first time, and how often."""

    first_at: datetime | None
    times: int


class LookedAfter(NotificationLine):
    """A notification, and what can be done with it."""

    allowed: list[Verb]


class NotificationDocument(LookedAfter):
    """A notification in full."""

    deliveries: list[DeliveryDocument]
    attempts: list[AttemptDocument]
    events: list[EventDocument]
    engagement: dict[str, Engagement]


class CancelledDocument(LookedAfter):
    """A notification that was called off, and the truth about it."""

    arrived: Arrived
    correction: AcceptedDocument | None = Field(description="What is sent after it, as it was too late.")


class NeverCameDocument(Answer):
    """Nothing was accepted under the key, and nothing will be."""

    id: None
    status: None
    arrived: Literal["no"]
    correction: None


class CancelledByKeyDocument(RootModel[CancelledDocument | NeverCameDocument]):
    """What calling off by a key came to."""


class LegDocument(Answer):
    """A channel that would be taken."""

    channel: str
    address: str
    providers: list[dict[str, Any]]


class ClosedDocument(Answer):
    """A channel that would not be taken, and why."""

    channel: str
    status: Status
    why: str


class ExplainedDocument(Answer):
    """What would happen now."""

    outcome: Status
    why: str
    content: dict[str, str]
    at: datetime | None = None
    category: str | None = None
    template: str | None = None
    locale: dict[str, Any] | None = None
    timezone: dict[str, Any] | None = None
    expires_at: datetime | None = None
    route: list[LegDocument] = []
    closed: list[ClosedDocument] = []


class AcceptAnswer(RootModel[AcceptedDocument | ExplainedDocument]):
    """What was accepted; with `dry_run`, what would happen."""


class NotificationBatchResult(Answer):
    """What one item came to."""

    status: int
    replayed: bool
    body: dict[str, Any] = Field(description="The notification that was accepted, or the problem.")


class NotificationBatch(Answer):
    """A result for each item, in order."""

    results: list[NotificationBatchResult]


class Quiet(Answer):
    """From when to when somebody is left in peace."""

    begins: str
    ends: str


class ReceiverDocument(Answer):
    """What is kept of a receiver."""

    id: str
    addresses: dict[str, str]
    locale: str | None
    timezone: str | None
    quiet_hours: Quiet | None
    preferences: dict[str, dict[str, bool]]


class InboxMessage(Answer):
    """A message in an inbox."""

    id: str
    subject: str | None
    text: str
    created_at: datetime
    read_at: datetime | None


class SuppressionDocument(Answer):
    """An address to which nothing is sent."""

    id: str
    channel: str
    address: str | None = Field(description="Null once its owner was erased; it is recognised all the same.")
    category: str | None
    reason: Reason
    detail: str | None
    created_at: datetime


class ErasureDocument(Answer):
    """A receiver that was forgotten, or is being; whose that was cannot be told."""

    id: str
    done: bool
    notifications: int = Field(description="So many were forgotten so far.")
    cancelled: int = Field(description="So many of these had not been sent yet.")
    actor: str
    reason: str | None
    created_at: datetime
    ended_at: datetime | None


class TemplateDocument(Answer):
    """A version of a template."""

    name: str
    version: int
    locale: str
    texts: dict[str, dict[str, str]]
    fields: dict[str, str]
    example: dict[str, Any]
    author: str
    created_at: datetime
    published_at: datetime | None


class TemplatePreview(Answer):
    """What a template would say."""

    locale: str
    why: str
    timezone: str
    subject: str | None = None
    text: str
    html: str | None = None


class ProviderDocument(Answer):
    """A provider, and how it does."""

    name: str
    channel: str
    breaker: Literal["closed", "open", "trying"]
    failures: int
    open_until: datetime | None
    error: str | None
    per_minute: int | None = Field(description="So many messages it takes at most.")
    free_at: datetime | None = Field(description="When the next message is within its rate.")


class SubscriberDocument(Answer):
    """A receiver that is told what is sent to a topic."""

    receiver: str


class TakenDocument(Answer):
    """How many events were taken."""

    taken: int


class NotificationPage(Page[NotificationLine]):
    """Some of a list, and where the rest begins."""


class InboxMessages(Page[InboxMessage]):
    """Some of a list, and where the rest begins."""


class ErasurePage(Page[ErasureDocument]):
    """Some of a list, and where the rest begins."""


class SuppressionPage(Page[SuppressionDocument]):
    """Some of a list, and where the rest begins."""


class SubscriberPage(Page[SubscriberDocument]):
    """Some of a list, and where the rest begins."""


class TemplateList(All[TemplateDocument]):
    """All of them."""


class ProviderList(All[ProviderDocument]):
    """All of them."""
