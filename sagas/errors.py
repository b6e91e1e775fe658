"""What can go wrong, as one tree.

    SagaError
    ├── Abort            the participant said no: never retried, the saga goes back
    ├── RetryLater       not now: retried by the step's policy under the same key
    ├── Unknown          it may have happened: retried, probed or shown to a person, as the step says
    ├── Denied           they did not let *us* in: retried patiently, then shown to a person
    ├── NothingThere     there is nothing at that address (404, 410) while something is being undone
    ├── TurnedBack       the saga was turned back while this attempt ran
    ├── DefinitionUnknown  no installed app defines a saga of that name and version
    ├── InvalidInput     the input does not fit the definition
    ├── NotFound         there is no such saga
    └── NotAllowed       the verb does not fit the saga's state; says what does

`Abort` and `RetryLater` are an author's whole vocabulary; the client behind `ctx.service` raises the others.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pydantic import ValidationError


class SagaError(Exception):
    """The root: a sentence for a person, and a stable code to group by."""

    code = "error"

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").partition("\n")[0])
        if code is not None:
            self.code = code


class Abort(SagaError):
    """The participant said no; the saga goes back.

    `done` is what happened all the same: given, the step counts as done in part and its compensation receives
    that value as the action's result.
    """

    code = "abort"
    NOTHING: Any = object()

    def __init__(self, message: str, *, done: Any = NOTHING, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.done = done


class RetryLater(SagaError):
    """It did not happen now; it may work later. `after` is the earliest time that makes sense."""

    code = "retry_later"

    def __init__(self, message: str, *, after: timedelta | None = None, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.after = after


class Unknown(SagaError):
    """It may have happened: the answer was lost on its way."""

    code = "unknown"


class Denied(SagaError):
    """The participant did not let us in, which says nothing about the customer's request."""

    code = "denied"


class NothingThere(SagaError):
    """There is nothing to undo at that address."""

    code = "nothing_there"


class TurnedBack(SagaError):
    """The saga was turned back while this attempt ran; stop here, what was done is undone."""

    code = "turned_back"


class DefinitionUnknown(SagaError):
    """No installed app defines a saga of that name and version."""

    code = "definition_unknown"


class InvalidInput(SagaError):
    """The input does not fit the definition.

    `errors` has one entry a fault: {"pointer": "/lines/0/sku", "detail": "a sentence"}.
    """

    code = "invalid_input"

    def __init__(self, message: str, *, errors: Sequence[dict[str, str]] = ()) -> None:
        super().__init__(message)
        self.errors = list(errors)

    def in_full(self, most: int | None = None) -> str:
        """The message, and behind it what is wrong where, as sentences."""
        return str(self) + "".join(f" {fault['pointer'] or 'It'}: {fault['detail']}." for fault in self.errors[:most])


class NotFound(SagaError):
    """There is no such saga."""

    code = "not_found"


class NotAllowed(SagaError):
    """The verb does not fit the saga as it stands; `allowed` lists the verbs that do."""

    code = "not_allowed"

    def __init__(self, message: str, *, code: str | None = None, allowed: Sequence[str] = ()) -> None:
        super().__init__(message, code=code)
        self.allowed = list(allowed)


def words_of(error: BaseException) -> str:
    """What an error says, or, of one that cannot say it, its name. A model's error says nothing of the values."""
    try:
        if isinstance(error, ValidationError):
            return "; ".join(f"{_place(fault['loc'])}{fault['msg']}" for fault in error.errors(include_url=False))
        return str(error)
    except Exception:
        return f"{type(error).__name__}, which cannot say what it is"


def _place(location: Sequence[str | int]) -> str:
    return f"{'.'.join(map(str, location))}: " if location else ""
