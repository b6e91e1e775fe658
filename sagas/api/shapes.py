"""What callers send, and within which bounds."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, RootModel, model_validator

from gateway.shapes import PageQuery, Query, Shape, Text
from sagas.conf import conf
from sagas.models import BulkItem
from sagas.operations import LONGEST_KEY, MOST_PRIORITY
from sagas.operations.bulk import VERBS
from sagas.operations.holding import MOST_A_SECOND
from sagas.operations.revealing import What
from sagas.operations.second import ASKABLE
from sagas.words.lifecycle import SagaState
from sagas.words.verdict import Reason

LONGEST_REASON = 2000
LONGEST_PATH = 63
MOST_LABELS = 20
MOST_AT_ONCE = 1000
MOST_ITEMS = 2**31 - 1

Path = Annotated[Text, Field(max_length=LONGEST_PATH)]
Key = Annotated[Text, Field(max_length=LONGEST_KEY)]
Item = Annotated[int, Field(ge=0, le=MOST_ITEMS)]
Code = Annotated[Text, Field(max_length=100)]
Label = Annotated[Text, Field(max_length=320, pattern=r"^[^:]{1,63}:")]
LabelValue = Annotated[str, Field(max_length=255)]
Time = Annotated[datetime, Field(strict=False)]
Labels = Annotated[dict[Path, LabelValue], Field(max_length=MOST_LABELS)]
Priority = Annotated[int, Field(ge=-MOST_PRIORITY, le=MOST_PRIORITY)]


class StartIn(Shape):
    """A saga to be."""

    definition: Path
    input: Any = None
    business_key: Key | None = None
    on_duplicate: Literal["return", "refuse", "replace", "queue"] = "return"
    labels: Labels = Field(default_factory=dict)
    priority: Priority = 0
    start_at: Time | None = None
    version: int | None = Field(None, ge=1, le=2**31 - 1)
    callback_url: Annotated[Text, Field(max_length=2000)] | None = Field(
        None, description="Is told once when the saga has ended; an https address that everybody can reach."
    )


class BatchIn(Shape):
    """Sagas to be; each item is what `POST sagas/` takes."""

    items: list[Any] = Field(min_length=1, max_length=MOST_AT_ONCE)


class SignalIn(Shape):
    """Something that the saga is told; `id` is the sender's own, so that a repeated one is known."""

    id: Key | None = None
    payload: Any = None


class CallbackIn(RootModel[Any]):
    """Any JSON: the payload of the signal that the address is for."""


class StartIfMissing(Shape):
    """How the saga begins that the signal is for, where there is none."""

    input: Any = None
    labels: Labels = Field(default_factory=dict)
    priority: Priority = 0


class KeyPath(Shape):
    """Whose business key it is, from the path."""

    definition: Path
    key: Key


class SignalByKeyIn(SignalIn):
    """A signal to whoever holds a business key."""

    start_if_missing: StartIfMissing | None = None


class VerbIn(Shape):
    """Why something is done."""

    reason: Annotated[Text, Field(max_length=LONGEST_REASON)]


class HaltIn(VerbIn):
    """Whether the children are halted, or go on, as well."""

    children: bool = True


class RetryIn(VerbIn):
    """Which step, if it is one only; `input` is edited for it and for later ones."""

    step: Path | None = None
    item: Item | None = None
    input: Any = None


class StepIn(VerbIn):
    """Which step is meant."""

    step: Path
    item: Item = 0


class SkipIn(StepIn):
    """The result that stands in for the step's."""

    result: Any = None


class ResolveIn(SkipIn):
    """Whether it happened."""

    landed: bool


class DecideIn(VerbIn):
    """A yes or a no, with the values of the approval's form."""

    step: Path
    approved: bool
    form: Any = None


class RescheduleIn(VerbIn):
    """The new time of a step's clock, or of the saga's deadline."""

    at: Time
    step: Path | None = None
    item: Item = 0


class CloneIn(VerbIn):
    """What the new saga has of its own."""

    input: Any = None
    business_key: Key | None = None
    confirm_effects: bool = False


class HoldIn(VerbIn):
    """Until when; without a time, until it is released."""

    until: Time | None = None


class CanaryIn(VerbIn):
    """Which saga may call it; without one, that which has waited longest."""

    saga: Annotated[UUID, Field(strict=False)] | None = None


class ReleaseIn(VerbIn):
    """How many steps a second are let go; without a rate, all at once."""

    rate: int | None = Field(None, ge=1, le=MOST_A_SECOND)


class RevealIn(VerbIn):
    """Which place: the input or a revision of it, something of a step, or a signal's payload by its name and id."""

    what: What = "input"
    step: Annotated[str, Field(max_length=LONGEST_PATH)] = ""
    item: Item = 0
    signal: Annotated[str, Field(max_length=LONGEST_PATH)] = ""
    id: Annotated[str, Field(max_length=LONGEST_KEY)] = ""
    revision: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None


class VerbQuery(Query):
    """Whether it is only said what would happen."""

    dry_run: bool = False


class StartQuery(Query):
    """How long the answer may be held."""

    wait: int = Field(0, ge=0, le=60, description="Hold the answer until the saga has ended, for so many seconds.")

    @property
    def time(self) -> timedelta:
        """How long that is, as the settings bound it."""
        return min(timedelta(seconds=self.wait), conf().longest_poll)


class WaitQuery(StartQuery):
    """How long the answer may be held, and for what."""

    state: SagaState | None = Field(None, description="Hold the answer while the saga is in this state, instead.")


class SagaFilter(Query):
    """Which sagas are meant."""

    definition: Path | None = None
    version: int | None = Field(None, ge=1, le=2**31 - 1)
    state: SagaState | None = None
    business_key: Key | None = None
    business_key_prefix: Key | None = Field(None, description="How the business key begins.")
    label: Label | None = Field(None, description="One label, as name:value.")
    needs_person: bool | None = Field(None, description="Whether an incident is open.")
    reason: Reason | None = Field(None, description="The reason of an open incident.")
    reason_code: Code | None = Field(None, description="The reason code of an open incident.")
    step: Path | None = Field(None, description="The step of an open incident.")
    callback: Literal["failed"] | None = Field(
        None, description="Nobody could be told of the end, and it was given up."
    )
    parent: UUID | None = Field(None, description="The saga whose children are listed.")
    created_after: Time | None = None
    created_before: Time | None = None
    updated_after: Time | None = None
    updated_before: Time | None = None


class SagaQuery(SagaFilter, PageQuery):
    """Which sagas are listed."""


class ApprovalQuery(PageQuery):
    """Whose approvals are listed."""

    everybody: bool = Field(False, description="A person sees all that wait, not only those that are theirs to decide.")


class GroupQuery(Query):
    """Which groups of incidents are listed."""

    definition: Path | None = None
    muted: bool = Field(False, description="Whether muted ones are shown as well.")


class AssignIn(Shape):
    """Who looks after it; nobody, if it is empty."""

    owner: Annotated[str, Field(max_length=150)]


class NoteIn(Shape):
    """What people should know."""

    note: Annotated[str, Field(max_length=LONGEST_REASON)]


class MuteIn(Shape):
    """Until when nobody wants to hear of it; null is from now on."""

    until: Time | None


class ItemQuery(PageQuery):
    """Which sagas of a bulk operation are listed."""

    state: BulkItem.State | None = None


class BulkArguments(Shape):
    """What the verb takes beside its reason: a step for `retry`, `skip` and `waive`, a result for `skip`."""

    step: Path | None = None
    item: Item | None = None
    result: Any = None
    children: bool = True


class BulkIn(Shape):
    """A verb for many sagas: those of the ids, or all that fit the filter."""

    verb: Literal[VERBS]  # type: ignore[valid-type]
    reason: Annotated[Text, Field(max_length=LONGEST_REASON)]
    ids: list[Annotated[UUID, Field(strict=False)]] | None = Field(None, min_length=1, max_length=MOST_AT_ONCE)
    filter: SagaFilter | None = None
    arguments: BulkArguments = Field(default_factory=BulkArguments)
    rate: int = Field(60, ge=1, le=60_000, description="Sagas a minute.")

    @model_validator(mode="after")
    def is_clear(self) -> Self:
        """One selection, and the arguments that the verb takes."""
        if (self.ids is None) == (self.filter is None):
            raise ValueError("Give either ids or a filter; an empty filter means all sagas.")
        takes = TAKES.get(self.verb, set())
        if strange := sorted(self.arguments.model_fields_set - takes):
            raise ValueError(f"{self.verb} takes no {strange[0]} here")
        if self.verb in ("skip", "waive") and self.arguments.step is None:
            raise ValueError(f"{self.verb} needs arguments.step")
        return self

    def selection(self) -> dict[str, Any]:
        """Which sagas were meant, as it is shown."""
        return self.model_dump(mode="json", include={"ids", "filter"}, exclude_none=True)


class ProposalIn(VerbIn):
    """A verb that a second person must approve: on one saga, or on those of the ids, or on all that fit the filter."""

    verb: Literal[tuple(sorted(ASKABLE))]  # type: ignore[valid-type]
    saga: Annotated[UUID, Field(strict=False)] | None = None
    ids: list[Annotated[UUID, Field(strict=False)]] | None = Field(None, min_length=1, max_length=MOST_AT_ONCE)
    filter: SagaFilter | None = None
    step: Path | None = None
    item: Item | None = None
    rate: int = Field(60, ge=1, le=60_000, description="Sagas a minute, for many.")

    @model_validator(mode="after")
    def is_clear(self) -> Self:
        """One selection."""
        if sum(given is not None for given in (self.saga, self.ids, self.filter)) != 1:
            raise ValueError("Give a saga, ids or a filter, and one of them only.")
        if (self.verb == "waive") != (self.step is not None):
            raise ValueError("waive needs a step, and nothing else takes one")
        return self

    def arguments(self) -> dict[str, Any]:
        """What the verb takes."""
        return {name: value for name, value in (("step", self.step), ("item", self.item)) if value is not None}

    def wanted(self) -> SagaFilter:
        """Which sagas are meant."""
        return self.filter or SagaFilter()

    def selection(self) -> dict[str, Any]:
        """Which sagas were meant, as it is shown."""
        return self.model_dump(mode="json", include={"ids", "filter"}, exclude_none=True)


TAKES = {
    "retry": {"step", "item"},
    "skip": {"step", "item", "result"},
    "waive": {"step", "item"},
    "pause": {"children"},
    "resume": {"children"},
}


class OutboxQuery(PageQuery):
    """Which events that leave are listed: those of a saga, or what is parked."""

    saga: UUID | None = None


class LettersIn(VerbIn):
    """Which parked events: some by their ids, or all of a target or source, at most 1,000 at a time."""

    ids: Annotated[list[Annotated[int, Field(gt=0, lt=2**63)]], Field(min_length=1, max_length=1000)] | None = None
    of: Annotated[str, Field(max_length=63, description="A target or source; empty: those without.")] | None = None
