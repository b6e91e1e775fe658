"""What participants keep: which effects are there, by key. The one thing that is looked at besides REST."""

from collections import deque
from typing import Any

from sagas import Abort, RetryLater

SHOP = "shop"
"""The participant that people hold."""
MOODS = ("well", "no", "later", "lost before", "lost after")


class Ledger:
    """Applies each action once by its key, undoes it once, and refuses an action after its compensation."""

    def __init__(self) -> None:
        self.there: set[str] = set()
        self.undone: set[str] = set()
        self.calls: list[str] = []
        self.moods: deque[str] = deque()
        """How the next calls go; well, when nothing is said."""

    def action(self, ctx: Any) -> dict[str, str]:
        """A step's function."""
        self.calls.append(ctx.key)
        mood = self.moods.popleft() if self.moods else "well"
        match mood:
            case "no":
                raise Abort("the participant said no")
            case "later":
                raise RetryLater("not now")
            case "lost before":
                raise ConnectionError("lost on its way there")
        if ctx.key in self.undone:
            raise Abort("it was undone before it came")
        self.there.add(ctx.key)
        if mood == "lost after":
            raise ConnectionError("lost on its way back")
        return {"key": ctx.key}

    def compensation(self, ctx: Any) -> None:
        """What undoes it."""
        self.calls.append(ctx.key)
        mood = self.moods.popleft() if self.moods else "well"
        match mood:
            case "no":
                raise Abort("it cannot be undone")
            case "later" | "lost before":
                raise RetryLater("not now")
        self.undo(ctx.action.key)
        if mood == "lost after":
            raise ConnectionError("lost on its way back")

    def undo(self, key: str) -> None:
        """Undo it by hand, or because a compensation says so."""
        self.there.discard(key)
        self.undone.add(key)

    def of(self, saga: str, step: str = "") -> set[str]:
        """The effects of a saga, or of one of its steps, that are there."""
        begin = f"{saga}:{step}:" if step else f"{saga}:"
        return {key for key in self.there if key.startswith(begin)}
