"""What goes wrong in a story, said beforehand: refusals, lost answers, late ones, messages that come twice, crashes.

A cue names a step, or the function that undoes it or asks after it: `fails("charge", …)`, `fails("refund", …)`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from sagas.words.verdict import Doing

When = Literal["before", "after"]


class Kind(StrEnum):
    FAILS = "fails"
    TIMES_OUT = "times out"
    ANSWERS_LATE = "answers late"
    DUPLICATED = "is duplicated"
    CRASHES = "crashes"


@dataclass(frozen=True, kw_only=True)
class Cue:
    """One thing that goes wrong, `times` times (None: for ever), with one `item` of an `each` if it is named.

    `when` says whether it goes wrong before the function does its work, or after it; `within` names the table it goes
    wrong in, where a saga has children.
    """

    name: str
    kind: Kind
    doing: Doing | None = None
    error: BaseException | type[BaseException] | None = None
    when: When = "after"
    times: int | None = 1
    item: int | None = None
    within: str = ""


def fails(
    name: str,
    error: BaseException | type[BaseException],
    *,
    times: int | None = None,
    item: int | None = None,
    undoing: bool = False,
) -> Cue:
    """The function raises that error instead of doing its work: every time, or the first `times` times."""
    doing = Doing.COMPENSATION if undoing else None
    return Cue(name=name, kind=Kind.FAILS, doing=doing, error=error, when="before", times=times, item=item)


def times_out(
    name: str, when: When = "after", *, times: int | None = 1, item: int | None = None, undoing: bool = False
) -> Cue:
    """No answer comes: "after" the function did its work, or "before" it, so that nothing happened."""
    doing = Doing.COMPENSATION if undoing else None
    return Cue(name=name, kind=Kind.TIMES_OUT, doing=doing, when=when, times=times, item=item)


def answers_late(name: str, *, item: int | None = None, undoing: bool = False) -> Cue:
    """The work is done, but the answer comes when the attempt has been given up and another one was made."""
    return Cue(name=name, kind=Kind.ANSWERS_LATE, doing=Doing.COMPENSATION if undoing else None, item=item)


def duplicates(name: str, *, item: int | None = None, undoing: bool = False) -> Cue:
    """The message that brings it comes twice, while the function works and after it."""
    return Cue(name=name, kind=Kind.DUPLICATED, doing=Doing.COMPENSATION if undoing else None, item=item)


def crashes(
    name: str, when: When = "before", *, times: int | None = 1, item: int | None = None, undoing: bool = False
) -> Cue:
    """The worker dies: "before" the function did its work, or "after" it, without a word to the coordinator."""
    doing = Doing.COMPENSATION if undoing else None
    return Cue(name=name, kind=Kind.CRASHES, doing=doing, when=when, times=times, item=item)
