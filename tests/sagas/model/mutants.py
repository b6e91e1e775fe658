"""Plausible mistakes in the plan, the verdict and the knowledge, each of which the model test must find."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

from sagas import outcome, plan, verdict
from sagas.outcome import Happened, Lost, NotNow, Probed, Refused, ShutOut, Unstorable
from sagas.plan import Await, Compensate, Do, Event, Rest, TurnBack, Undo
from sagas.verdict import Doing, Fail, Skip, Succeed, Suspend, Undone

learn, judge, forward, backward, close, begin_row = (
    outcome.learn,
    verdict.judge,
    plan.forward,
    plan.backward,
    plan._close,
    plan._open,
)


def learning(when: Callable[..., bool], known: Happened) -> Callable[..., Any]:
    """What is known is `known` after these outcomes."""

    def mutant(prior: Happened, came: Any, *, final: bool = False) -> Any:
        return known if when(prior, came, final) else learn(prior, came, final=final)

    return mutant


def judging(**numbers: Any) -> Callable[..., Any]:
    """The verdict with other numbers, or with another policy."""

    def mutant(step: Any, standing: Any, came: Any, *, chance: float | None = None) -> Any:
        policy = {name: value for name, value in numbers.items() if hasattr(step, name)}
        others = {name: value for name, value in numbers.items() if name not in policy}
        return judge(replace(step, **policy), replace(standing, **others), came, chance=chance)

    return mutant


def turning(found: type, into: Any, *of: type, back: bool = False) -> Callable[..., Any]:
    """Another verdict in place of one kind (after outcomes of these kinds)."""

    def mutant(step: Any, standing: Any, came: Any, *, chance: float | None = None) -> Any:
        judged = judge(step, standing, came, chance=chance)
        mine = (standing.doing is Doing.COMPENSATION) == back and isinstance(came, of or (object,))
        return into if isinstance(judged, found) and mine else judged

    return mutant


def folding(event: Event, fold: Callable[..., Any]) -> Callable[..., Any]:
    def mutant(definition: Any, position: Any, step: str, what: Event) -> Any:
        fold_it = fold if what is event else forward
        return fold_it(definition, position, step, what)

    return mutant


def joining_by(count: Callable[[int], int]) -> Callable[..., Any]:
    def mutant(definition: Any, position: Any, groups: tuple[str, ...]) -> Any:
        still_open = dict(position.open)
        for group in reversed(groups):
            still_open[group] = count(still_open[group])
            if still_open[group] > 0:
                return replace(position, open=still_open), Await() if position.busy else Rest()
            del still_open[group]
        return plan._open(definition, replace(position, open=still_open), position.row + 1)

    return mutant


def opening_one(definition: Any, position: Any, row: int) -> Any:
    position, move = begin_row(definition, position, row)
    return position, Do(steps=move.steps[:1]) if isinstance(move, Do) else move


def join_that_forgets_the_held(definition: Any, position: Any, groups: tuple[str, ...]) -> Any:
    if position.busy:
        return close(definition, position, groups)
    return plan._open(definition, replace(position, open={}), position.row + 1)


def waiting_for_siblings(definition: Any, position: Any, step: str, event: Event) -> Any:
    position, move = forward(definition, position, step, event)
    return position, Await() if position.busy else move


def turning_back_when_held(definition: Any, position: Any, step: str, event: Event) -> Any:
    return replace(position, busy=position.busy - 1), TurnBack(step=step)


def without_draining(top: Any) -> Any:
    return Compensate() if top and top.running and top.undo is Undo.OWED else backward(top)


MUTANTS: dict[str, tuple[ModuleType, str, Callable[..., Any]]] = {
    "a refusal clears an earlier doubt": (
        outcome,
        "learn",
        learning(lambda prior, came, final: isinstance(came, Refused) and not came.partly, Happened.NO),
    ),
    "not now clears an earlier doubt": (
        outcome,
        "learn",
        learning(lambda prior, came, final: isinstance(came, NotNow), Happened.NO),
    ),
    "a lost answer is no doubt": (
        outcome,
        "learn",
        learning(lambda prior, came, final: isinstance(came, Lost) and prior == Happened.NO, Happened.NO),
    ),
    "a lost answer makes what is known doubtful": (
        outcome,
        "learn",
        learning(lambda prior, came, final: isinstance(came, Lost), Happened.MAYBE),
    ),
    "every probe is final": (
        outcome,
        "learn",
        learning(lambda prior, came, final: came == Probed(landed=False) and prior != Happened.YES, Happened.NO),
    ),
    "a final probe takes back what is known": (
        outcome,
        "learn",
        learning(lambda prior, came, final: final and came == Probed(landed=False), Happened.NO),
    ),
    "a refusal in part is a refusal": (
        outcome,
        "learn",
        learning(lambda prior, came, final: isinstance(came, Refused) and prior == Happened.NO, Happened.NO),
    ),
    "a step that is not idempotent is repeated": (verdict, "judge", judging(idempotent=True)),
    "nobody is asked": (verdict, "judge", judging(probe=None)),
    "poison is forgotten": (verdict, "judge", judging(crashes=0)),
    "draining repeats": (verdict, "judge", judging(going_back=False)),
    "an optional step turns the saga back": (verdict, "judge", turning(Skip, Fail())),
    "a failing step is skipped": (verdict, "judge", turning(Fail, Skip())),
    "what cannot be stored has succeeded": (verdict, "judge", turning(Fail, Succeed(), Unstorable)),
    "being shut out turns the saga back": (verdict, "judge", turning(Suspend, Fail(), ShutOut)),
    "a compensation is silently given up": (verdict, "judge", turning(Suspend, Undone(), back=True)),
    "undone without draining": (plan, "backward", without_draining),
    "a held step turns the saga back": (plan, "forward", folding(Event.HELD, turning_back_when_held)),
    "a failure waits for its siblings": (plan, "forward", folding(Event.FAILED, waiting_for_siblings)),
    "a join counts two for one": (plan, "_close", joining_by(lambda still: still - 2)),
    "a join passes with its first": (plan, "_close", joining_by(lambda still: 0)),
    "a join forgets the held": (plan, "_close", join_that_forgets_the_held),
    "a row opens one member alone": (plan, "_open", opening_one),
}
