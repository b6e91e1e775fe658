"""What callers send, and within which bounds."""

from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.shapes import PageQuery, Shape, Text
from sagas.lifecycle import SagaState
from sagas.operations import LONGEST_KEY

LONGEST_REASON = 2000
LONGEST_PATH = 63
MOST_LABELS = 20

Path = Annotated[Text, Field(max_length=LONGEST_PATH)]
LabelValue = Annotated[str, Field(max_length=255)]


class StartIn(Shape):
    """A saga to be."""

    definition: Path
    input: Any = None
    business_key: Annotated[Text, Field(max_length=LONGEST_KEY)] | None = None
    on_duplicate: Literal["return", "refuse"] = "return"
    labels: dict[Path, LabelValue] = Field(default_factory=dict, max_length=MOST_LABELS)
    priority: int = Field(0, ge=-100, le=100)
    version: int | None = Field(None, ge=1, le=2**31 - 1)


class CancelIn(Shape):
    """Why a saga is cancelled."""

    reason: Annotated[Text, Field(max_length=LONGEST_REASON)]


class RetryIn(CancelIn):
    """Why a saga is retried, and, if it is one step only, which."""

    step: Path | None = None


class SagaQuery(PageQuery):
    """Which sagas are listed."""

    definition: Path | None = None
    state: SagaState | None = None
    business_key: Annotated[Text, Field(max_length=LONGEST_KEY)] | None = None
    needs_person: bool | None = None
