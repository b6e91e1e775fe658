"""Why a story is not as it was told."""

from typing import Any


class StoryFailed(AssertionError):
    """What was expected and what is, in a sentence, and below it the saga's timeline."""


class Halt(BaseException):
    """The story cannot go on: a participant was called that nobody scripted, or the engine broke a promise.

    No `Exception`: neither a step's own `except` nor the engine's must take it for an answer.
    """


class Crash(BaseException):
    """The worker dies here."""


class Hang(Crash):
    """This attempt is never heard of again, and its worker lives on."""


def a_list(names: Any) -> str:
    """Names for a sentence."""
    return ", ".join(str(name) for name in names) or "nothing"
