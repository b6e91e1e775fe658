"""What an outcome means for its notification: a pure decision, without clock, database or network."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import TextChoices

from notifications.conf import Conf
from notifications.lifecycle import Status


class Result(TextChoices):
    """What one attempt came to."""

    SENT = "sent"
    """The provider took it."""
    REFUSED = "refused"
    """The provider will never take it."""
    NOT_NOW = "not_now"
    """It was not sent, and may be later."""
    UNKNOWN = "unknown"
    """It may have been sent: the connection broke at the wrong moment."""
    SILENT = "silent"
    """It may have been sent: the worker was not heard of again."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an attempt came to, with the provider's id for it, or a sentence and a code that say why not."""

    result: Result
    provider_id: str = ""
    error: str = ""
    code: str = ""


@dataclass(frozen=True)
class End:
    """Nothing more is done."""

    status: Status


@dataclass(frozen=True)
class Again:
    """It is tried once more after a pause."""

    pause: timedelta


def judge(results: Sequence[Result], conf: Conf, *, chance: float | None = None) -> End | Again:
    """Decide from the results of all attempts, the latest last; `chance` in [0, 1) replaces the draw of the pause.

    A refusal speaks of its own attempt only: after one that may have reached the receiver, the end is not "failed".
    """
    if Result.SENT in results:
        return End(Status.SENT)
    over = (
        results[-1] == Result.REFUSED
        or len(results) >= conf.attempts
        or list(results[-conf.silent_attempts :]) == [Result.SILENT] * conf.silent_attempts
    )
    if not over:
        return Again(pause_after(len(results), conf, chance=chance))
    return End(Status.UNKNOWN if {Result.UNKNOWN, Result.SILENT} & set(results) else Status.FAILED)


def pause_after(tries: int, conf: Conf, *, chance: float | None = None) -> timedelta:
    """Half to all of `first_pause * 2 ** (tries - 1)`, cut at `longest_pause`: nobody comes back all at once."""
    whole: timedelta = min(conf.first_pause * 2 ** min(tries - 1, 32), conf.longest_pause)
    drawn: float = random.random() if chance is None else chance  # noqa: S311 - jitter, no secret
    return whole * (0.5 + drawn / 2)
