"""What the attempts of a delivery mean for it: a pure decision, without clock, database or network."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import TextChoices

from gateway.pauses import doubling
from notifications.conf import Conf
from notifications.lifecycle import Status


class Result(TextChoices):
    """What one attempt came to: the error classes, and what each of them says of the receiver and of the provider."""

    SENT = "sent"
    """The provider took it."""
    REFUSED = "refused"
    """The provider will never take this message."""
    GONE = "gone"
    """There is no such address: nothing is ever sent to it again."""
    NOT_NOW = "not_now"
    """It was not sent, and this receiver may be reached later."""
    OUT = "out"
    """It was not sent: the provider is out of order, or has had enough of us for a while."""
    DENIED = "denied"
    """It was not sent: the provider does not let us in, which somebody has to put right."""
    UNKNOWN = "unknown"
    """It may have been sent: the connection broke at the wrong moment."""
    SILENT = "silent"
    """It may have been sent: the worker was not heard of again."""


IN_DOUBT = {Result.UNKNOWN, Result.SILENT}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an attempt came to, with the provider's id for it, or a sentence and a code that say why not."""

    result: Result
    provider_id: str = ""
    error: str = ""
    code: str = ""
    retry_after: timedelta | None = None
    """What the provider asked for."""
    captured: Mapping[str, Any] | None = None
    """What would have been sent, in the sandbox."""


@dataclass(frozen=True)
class End:
    """Nothing more is done through this channel."""

    status: Status


@dataclass(frozen=True)
class Again:
    """It is tried once more after a pause."""

    pause: timedelta


def judge(
    results: Sequence[Result],
    conf: Conf,
    *,
    repeat: bool = True,
    doubt_before: bool = False,
    elsewhere: bool = False,
    retry_after: timedelta | None = None,
    chance: float | None = None,
) -> End | Again:
    """Decide from the results of all attempts through one channel, the latest last.

    `repeat`: a message that may have been sent is sent again (at least once), or is left to a person (at most once).
    `doubt_before`: an attempt that does not count any more may have reached the receiver. `elsewhere`: there is
    another provider to try at once. `chance` in [0, 1) replaces the draw of the pause.
    A refusal speaks of its own attempt only: after one that may have reached the receiver, the end is not "failed".
    """
    if Result.SENT in results:
        return End(Status.SENT)
    last, doubt = results[-1], bool(IN_DOUBT & set(results))
    silent = list(results[-conf.silent_attempts :]) == [Result.SILENT] * conf.silent_attempts
    if last in (Result.REFUSED, Result.GONE) or silent or len(results) >= conf.attempts or (doubt and not repeat):
        if doubt or doubt_before:
            return End(Status.UNKNOWN)
        return End(Status.BOUNCED if last == Result.GONE else Status.FAILED)
    if elsewhere:
        return Again(timedelta())
    return Again(max(pause_after(len(results), conf, chance=chance), retry_after or timedelta()))


def pause_after(tries: int, conf: Conf, *, chance: float | None = None) -> timedelta:
    """Half to all of `first_pause * 2 ** (tries - 1)`, cut at `longest_pause`: nobody comes back all at once."""
    whole = doubling(tries, first=conf.first_pause, longest=conf.longest_pause)
    drawn: float = random.random() if chance is None else chance  # noqa: S311 - jitter, no secret
    return whole * (0.5 + drawn / 2)
