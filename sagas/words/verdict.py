"""What an attempt's outcome means for its own step: pure, from the policy and the numbers of the attempt."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sagas.words.outcome import Absent, Happened, Lost, NotNow, Outcome, Probed, Refused, ShutOut, Succeeded, Unstorable
from sagas.words.retry import Retry
from sagas.words.rows import Group, Leaf, Step

POISON = 3
"""A step whose process died so often in a row, without a word, is not tried again by itself."""


class Doing(StrEnum):
    """What an attempt is an attempt of."""

    DECISION = "decision"
    """The row's own functions are asked: whether it is taken, over which list, until when, with which input."""
    ACTION = "action"
    PROBE = "probe"
    COMPENSATION = "compensation"


class Reason(StrEnum):
    """Why something needs a person; stable, to group by."""

    REFUSED = "refused"
    RETRIES_EXHAUSTED = "retries_exhausted"
    OUTCOME_UNKNOWN = "outcome_unknown"
    SHUT_OUT = "shut_out"
    CRASHED = "crashed"
    DEFINITION_UNKNOWN = "definition_unknown"
    COMPENSATION_REFUSED = "compensation_refused"
    COMPENSATION_EXHAUSTED = "compensation_exhausted"
    COMPENSATION_ABSENT = "compensation_absent"
    LATE_SUCCESS = "late_success"
    RESULT_UNSTORABLE = "result_unstorable"
    DEFINITION_ERROR = "definition_error"
    DEADLINE = "deadline"
    CHILD_STUCK = "child_stuck"
    CHILD_FAILED = "child_failed"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The numbers of an attempt that has just come to its outcome.

    `tries` counts the attempts of this budget with this one, `elapsed` is the time since the first of them,
    `happened` what is known now, `crashes` the attempts in a row that ended without a word. `draining`: only what is
    known counts any more, since the saga goes back or the step is a loser. `committed`: the pivot has passed.
    """

    doing: Doing
    tries: int
    elapsed: timedelta
    happened: Happened
    crashes: int = 0
    draining: bool = False
    committed: bool = False


@dataclass(frozen=True, kw_only=True)
class Succeed:
    """The step succeeded; the saga may move on."""


@dataclass(frozen=True, kw_only=True)
class Skip:
    """An optional step did not work out; the saga moves on all the same."""


@dataclass(frozen=True, kw_only=True)
class Fail:
    """The step failed for good, and the saga goes back."""


@dataclass(frozen=True, kw_only=True)
class Drained:
    """The saga had been turned back: only what is known counts, nothing is repeated."""


@dataclass(frozen=True, kw_only=True)
class Again:
    """The same attempt once more, under the same key, after a pause; past the pivot a person is told all the same."""

    delay: timedelta
    tell: Reason | None = None


@dataclass(frozen=True, kw_only=True)
class Ask:
    """The participant is asked whether it happened, after a pause."""

    delay: timedelta
    tell: Reason | None = None


@dataclass(frozen=True, kw_only=True)
class Suspend:
    """A person must look at it."""

    reason: Reason


@dataclass(frozen=True, kw_only=True)
class Undone:
    """The compensation is done."""


Verdict = Succeed | Skip | Fail | Drained | Again | Ask | Suspend | Undone


def judge(row: Leaf | Group, standing: Standing, outcome: Outcome, *, chance: float | None = None) -> Verdict:
    """What becomes of the row now. `chance` in [0, 1) replaces the jitter's draw."""
    if standing.doing is Doing.DECISION:
        return _on_a_decision(row, standing, outcome)
    if not isinstance(row, Step):
        raise AssertionError(f"a {row.kind} makes no attempts")
    if standing.doing is Doing.COMPENSATION:
        return _on_the_way_back(row, standing, outcome, chance)
    if standing.draining:
        return Drained()
    if standing.crashes >= POISON:
        return Suspend(reason=Reason.CRASHED)
    match outcome:
        case Succeeded() | Probed(landed=True):
            return Succeed()
        case Unstorable() | Refused() if row.optional:
            return Skip()
        case Unstorable() if row.pivot or standing.committed:
            return Suspend(reason=Reason.RESULT_UNSTORABLE)
        case Refused() if row.pivot and standing.happened is not Happened.NO:
            return _in_doubt(row, standing, outcome)
        case Unstorable() | Refused():
            return _fail(row)
        case Lost() if standing.doing is Doing.ACTION and row.probe is not None:
            return _ask(row, outcome)
        case Probed(landed=None) | Lost() | NotNow() | ShutOut() if standing.doing is Doing.PROBE:
            return _ask_again(row, standing, chance)
        case Lost() | NotNow() | ShutOut() | Probed():
            return _try_again(row, standing, outcome, chance)
    raise AssertionError(f"{outcome!r} is not an outcome of a {standing.doing}")


def _on_a_decision(row: Leaf | Group, standing: Standing, outcome: Outcome) -> Verdict:
    if standing.draining:
        return Drained()
    if standing.crashes >= POISON:
        return Suspend(reason=Reason.CRASHED)
    match outcome:
        case Succeeded():
            return Succeed()
        case Refused():
            return _fail(row)
        case Lost(died=True):
            return Again(delay=timedelta(0))
        case NotNow():
            return Again(delay=timedelta(seconds=1))
    return Suspend(reason=Reason.DEFINITION_ERROR)


def _fail(row: Leaf | Group) -> Verdict:
    return Suspend(reason=Reason.REFUSED) if getattr(row, "on_failure", "") == "incident" else Fail()


def _ask(step: Step, outcome: Outcome) -> Verdict:
    at_once = isinstance(outcome, Lost) and outcome.died
    return Ask(delay=timedelta(0) if at_once else step.probe_after or step.timeout or timedelta(0))


def _in_doubt(step: Step, standing: Standing, outcome: Outcome) -> Verdict:
    """The pivot was refused, and an earlier attempt of it may have landed: that never turns the saga back."""
    if standing.happened is Happened.MAYBE and step.probe is not None and standing.doing is Doing.ACTION:
        return _ask(step, outcome)
    return Suspend(reason=Reason.OUTCOME_UNKNOWN)


def _try_again(step: Step, standing: Standing, outcome: Outcome, chance: float | None) -> Verdict:
    if standing.happened is not Happened.NO and not step.idempotent:
        return Suspend(reason=Reason.OUTCOME_UNKNOWN)
    delay = _pause(step.retry, standing.tries, outcome, chance)
    too_long = step.total is not None and standing.elapsed + delay > step.total
    if not (step.retry.spent(standing.tries) or too_long):
        return Again(delay=delay)
    if step.exhausted == "skip":
        return Skip()
    if standing.committed:
        return Again(delay=step.retry.longest, tell=Reason.RETRIES_EXHAUSTED)
    if isinstance(outcome, ShutOut):
        return Suspend(reason=Reason.SHUT_OUT)
    if step.pivot and standing.happened is not Happened.NO:
        return Suspend(reason=Reason.OUTCOME_UNKNOWN)
    return Fail() if step.exhausted == "compensate" else Suspend(reason=Reason.RETRIES_EXHAUSTED)


def _ask_again(step: Step, standing: Standing, chance: float | None) -> Verdict:
    if not step.retry.spent(standing.tries):
        return Ask(delay=step.retry.delay(standing.tries, chance=chance))
    if standing.committed:
        return Ask(delay=step.retry.longest, tell=Reason.OUTCOME_UNKNOWN)
    return Suspend(reason=Reason.OUTCOME_UNKNOWN)


def _on_the_way_back(step: Step, standing: Standing, outcome: Outcome, chance: float | None) -> Verdict:
    if standing.crashes >= POISON:
        return Suspend(reason=Reason.CRASHED)
    match outcome:
        case Succeeded() | Unstorable():
            return Undone()
        case Absent():
            known = standing.happened is Happened.YES
            return Suspend(reason=Reason.COMPENSATION_ABSENT) if known else Undone()
        case Refused():
            return Suspend(reason=Reason.COMPENSATION_REFUSED)
    if step.compensation_retry.spent(standing.tries):
        return Suspend(reason=Reason.COMPENSATION_EXHAUSTED)
    return Again(delay=_pause(step.compensation_retry, standing.tries, outcome, chance))


def _pause(policy: Retry, tries: int, outcome: Outcome, chance: float | None) -> timedelta:
    match outcome:
        case Lost(died=True):
            return timedelta(0)
        case NotNow(after=after):
            return policy.delay(tries, after=after, chance=chance)
        case ShutOut():
            return policy.longest
        case Probed(landed=False):
            return timedelta(0)
    return policy.delay(tries, chance=chance)
