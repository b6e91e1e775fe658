"""One schedule, from its begin to its verdict."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.schedules.calming import calm
from tests.schedules.choosing import Choosing
from tests.schedules.judge import judged
from tests.schedules.plan import Plan
from tests.schedules.stage import Stage, staged
from tests.schedules.watch import Broken


@dataclass(kw_only=True)
class Played:
    """A schedule that was played: its acts, and what was wrong, a sentence each. `seen` counts what happened in it."""

    plan: Plan
    acts: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    commits: int = 0


def play(plan: Plan, acts: Sequence[str] | None = None) -> Played:
    """Play these acts, or draw them; then let everything come to its end, and judge."""
    played = Played(plan=plan)
    try:
        with staged(plan) as stage:
            try:
                _act(stage, played, acts)
                calm(stage)
                played.wrong = judged(stage)
            finally:
                played.seen += stage.seen
                played.commits = stage.watch.commits
    except (Broken, AssertionError) as error:
        earlier = [str(error.__context__)] if isinstance(error.__context__, Broken | AssertionError) else []
        played.wrong = [*earlier, str(error)]
    return played


def _act(stage: Stage, played: Played, acts: Sequence[str] | None) -> None:
    """Keeps the acts that were done, and the one that found what is wrong."""
    choosing = Choosing(stage)
    for number in range(stage.plan.length if acts is None else len(acts)):
        act = choosing.next() if acts is None else acts[number]
        if not act:
            return
        played.acts.append(act)
        if stage.do(act):
            played.seen[act.split()[0]] += 1
        else:
            played.acts.pop()
