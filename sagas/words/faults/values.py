"""What a keyword of a row may be."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TypeGuard

from pydantic import BaseModel

from sagas.words.retry import Retry
from sagas.words.sensitive import hides_a_secret

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
WORDS = {
    "on_exhausted": ("compensate", "suspend", "skip"),
    "on_failure": ("compensate", "incident"),
    "on_timeout": ("compensate", "continue"),
    "on_no": ("compensate", "continue"),
    "compensate": ("sequence", "parallel"),
    "on_compensation_stuck": ("block", "continue"),
}


def of_name(name: object, advice: str) -> Iterator[str]:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        yield f"the name must be lower-case letters, digits and underscores, 63 at most; {advice}."


def of_words(thing: object) -> Iterator[str]:
    for word, known in WORDS.items():
        said = getattr(thing, word, known[0])
        if said not in known:
            yield f"{word} must be {', '.join(map(repr, known[:-1]))} or {known[-1]!r}, not {said!r}."


def of_models(thing: object, *words: str) -> Iterator[str]:
    for word in words:
        model = getattr(thing, word)
        if model is not None and not is_model(model):
            yield f"{word}= must be a pydantic model class, not {model!r}."
        elif model is not None and hides_a_secret(model):
            yield f"{word}: a SecretStr would be stored as asterisks, and be lost; mark it Sensitive[SecretStr]."


def of_bounds(thing: object, *words: str) -> Iterator[str]:
    """Bounds that must be there."""
    for word in words:
        if getattr(thing, word) is None:
            yield f"{word}=None would let it wait for ever; give it a timedelta."
    yield from of_times(thing, *words)


def of_times(thing: object, *words: str) -> Iterator[str]:
    """Lengths of time that may be left out."""
    for word in words:
        given = getattr(thing, word)
        if given is not None and not (isinstance(given, timedelta) and given > timedelta(0)):
            yield f"{word} must be a timedelta longer than nothing, not {given!r}."


def of_counts(thing: object, **least: int) -> Iterator[str]:
    for word, smallest in least.items():
        if not is_count(given := getattr(thing, word), smallest):
            yield f"{word} must be a whole number from {smallest}, not {given!r}."


def of_policies(thing: object, *words: str) -> Iterator[str]:
    for word in words:
        policy = getattr(thing, word)
        if isinstance(policy, Retry):
            yield from (f"{word}: {fault}" for fault in _of_policy(policy))
        else:
            yield f"{word} must be a Retry(...), not {policy!r}."


def _of_policy(policy: Retry) -> Iterator[str]:
    if policy.attempts is None:
        yield "attempts=None never gives up; give it a number."
    else:
        yield from of_counts(policy, attempts=1)
    if not (isinstance(policy.first, timedelta) and isinstance(policy.longest, timedelta)):
        yield "first and longest must be timedeltas."
    elif policy.first < timedelta(0) or policy.longest < policy.first or policy.factor < 1:
        yield "0 <= first <= longest and factor >= 1 must hold."


def is_count(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_model(value: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(value, type) and issubclass(value, BaseModel)
