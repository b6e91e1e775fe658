"""What one attempt came to: three kinds of failure, success, and the few cases beside them."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sagas.words.events import Fact


class Happened(StrEnum):
    """What is known of a step's effect. On the way back everything that is not `no` is compensated."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


@dataclass(frozen=True, kw_only=True)
class Succeeded:
    """It was done; `result` is JSON, `published` what the step has told the world."""

    result: Any = None
    published: tuple[Fact, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Unstorable:
    """It was done, but its result cannot be stored (size, depth, characters, type)."""

    error: str
    code: str = "result_unstorable"
    published: tuple[Fact, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The participant said no. `partly` says that part of it happened, and `done` what."""

    error: str
    code: str = "abort"
    partly: bool = False
    done: Any = None


@dataclass(frozen=True, kw_only=True)
class NotNow:
    """It did not happen, and may later."""

    error: str
    code: str = "retry_later"
    after: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class Lost:
    """Nobody knows whether it happened: time-out after sending, an exception, an expired lease.

    `died` says that the process died with it, without a word: counted on its own, and tried again at once.
    """

    error: str
    code: str = "unknown"
    died: bool = False


@dataclass(frozen=True, kw_only=True)
class ShutOut:
    """They did not let us in: our token, our address. Says nothing about the request."""

    error: str
    code: str = "denied"


@dataclass(frozen=True, kw_only=True)
class Absent:
    """Nothing to undo was found there."""

    error: str
    code: str = "nothing_there"


@dataclass(frozen=True, kw_only=True)
class Probed:
    """A probe's answer: landed (with its result), not landed (`False`), or cannot tell (`None`)."""

    landed: bool | None
    result: Any = None
    published: tuple[Fact, ...] = ()
    error: str = ""
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """A function that only answers questions (`when`, `accept`, a list, a time) raised: the definition is at fault."""

    error: str
    code: str = "definition_error"


Outcome = Succeeded | Unstorable | Refused | NotNow | Lost | ShutOut | Absent | Probed | Wrong


def learn(prior: Happened, outcome: Outcome, *, final: bool = False) -> Happened:
    """What is known of the effect after an attempt, from what was known before it.

    A refusal and a "not now" speak of their own attempt only, so an earlier doubt stays. Only a probe takes
    knowledge back, and only a `final` one: where a request still on its way would be refused.
    """
    match outcome:
        case Succeeded() | Unstorable() | Refused(partly=True) | Probed(landed=True):
            return Happened.YES
        case Probed(landed=False) if final and prior is not Happened.YES:
            return Happened.NO
        case Lost() if prior is Happened.NO:
            return Happened.MAYBE
    return prior
