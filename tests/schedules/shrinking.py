"""A failing schedule made small: acts are dropped as long as it still fails, and then what the plan has too much of."""

from collections.abc import Callable
from dataclasses import replace

from tests.schedules.plan import Plan
from tests.schedules.schedule import Played, play

Fails = Callable[[Played], bool]
MOST = 300
"""So many schedules are played at most to make one smaller."""


def shrunk(found: Played, fails: Fails | None = None) -> Played:
    """The smallest failing schedule that was found near this one; `fails` says what counts as failing."""
    return _Shrinking(found, fails or (lambda played: bool(played.wrong))).smallest()


class _Shrinking:
    def __init__(self, found: Played, fails: Fails) -> None:
        self.best, self._fails = found, fails
        self._left = MOST

    def smallest(self) -> Played:
        if not self._tries(self.best.plan, self.best.acts):
            return self.best  # it does not fail when it is played again: nothing to go by
        size = -1
        while size != self._size():
            size = self._size()
            self._drop_acts()
            self._drop_rows()
            self._drop_script()
        return self.best

    def _size(self) -> int:
        return len(self.best.acts) + len(str(self.best.plan))

    def _drop_acts(self) -> None:
        length = max(len(self.best.acts) // 2, 1)
        while length:
            start = len(self.best.acts) - length
            while start >= -length + 1 and self.best.acts:
                acts = self.best.acts
                self._tries(self.best.plan, acts[: max(start, 0)] + acts[max(start, 0) + length :])
                start -= length
            length //= 2

    def _drop_rows(self) -> None:
        for number in reversed(range(len(self.best.plan.table["rows"]))):
            table = self.best.plan.table
            if len(table["rows"]) > 1:
                rows = table["rows"][:number] + table["rows"][number + 1 :]
                self._tries(replace(self.best.plan, table={**table, "rows": rows}), self.best.acts)

    def _drop_script(self) -> None:
        for name in list(self.best.plan.script):
            script = {key: comes for key, comes in self.best.plan.script.items() if key != name}
            self._tries(replace(self.best.plan, script=script), self.best.acts)

    def _tries(self, plan: Plan, acts: list[str]) -> bool:
        """Play that; if it fails, it is the best so far."""
        self._left -= 1
        if self._left < 0:
            return False
        played = play(plan, acts)
        if self._fails(played):
            self.best = played
            return True
        return False
