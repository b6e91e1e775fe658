"""One story as its saga's journal tells it, in the coordinator's own words."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from rich.markup import escape

from examples.shop.demo_stories import Story
from sagas.engine import wording

Line = tuple[float, str, str]
"""When, in seconds from the beginning; the sign; what."""

OPERATOR = "service"
"""So the journal calls whoever comes with the API's key."""

SIGNS = {
    "good": "[green]✓[/]",
    "trouble": "[red]✗[/]",
    "back": "[blue]↶[/]",
    "person": "[magenta]→[/]",
    "plain": "[cyan]·[/]",
}
SIGN_OF_MOVE = {"again": "[yellow]↻[/]", "to ask": "[yellow]?[/]"}
NOT_SHOWN = {"asked", "listed", "passed", "took", "told to undo"}
"""What goes without saying here."""


@dataclass(frozen=True)
class Told:
    """A story, its saga as the API shows it, and the journal of the saga and its children. It may not have ended."""

    story: Story
    saga: dict[str, Any]
    journal: list[dict[str, Any]]

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return self._since_begin(self.saga["ended_at"] or self.saga["updated_at"])

    def faults(self, paid: int) -> Iterator[str]:
        """What is not as it must be, a sentence each; `paid` is what the customer paid, in cents."""
        moves = (f"{move['step']} {move['did']}" for _, move in self._moves() if {"step", "did"} <= set(move))
        for wanted in self.story.passes:
            if wanted not in moves:  # which takes all moves up to the wanted one, so the order counts
                yield f"Its journal does not show “{wanted}” where it must."
        if self.saga["state"] != self.story.ends:
            yield f"It is {self.saga['state']}, not {self.story.ends}. {self.saga['next']}"
        if paid != self.story.paid:
            yield f"The customer paid {paid} cents, not {self.story.paid}."

    def timeline(self) -> Iterator[str]:
        """The moves worth telling, a line each; rows that succeed one after the other share a line."""
        for (sign, what), found in groupby(self._lines(), lambda line: line[1:]):
            lines = list(found)
            times = f" ×{len(lines)}" if len(lines) > 1 else ""
            yield f"{lines[0][0]:6.1f} s  {sign} {escape(what)}{times}"

    def _lines(self) -> Iterator[Line]:
        """What is told, with rows that have succeeded put together."""
        for is_name, found in groupby(self._told(), lambda line: line[1] == ""):
            lines = list(found)
            if not is_name:
                yield from lines
                continue
            names = Counter(name for _, _, name in lines)
            all_of_them = (f"{name} ×{times}" if times > 1 else name for name, times in names.items())
            yield lines[0][0], SIGNS["good"], ", ".join(all_of_them)

    def _told(self) -> Iterator[Line]:
        """Line by line; a row that has succeeded is its name alone, without a sign."""
        kinds = {step["step"]: step["kind"] for step in self.saga["steps"]}
        for entry, move in self._moves():
            at = self._since_begin(entry["at"])
            if move.get("did") == "succeeded" and not move.get("error"):
                yield at, "", move["step"]
                continue
            tone, sentence = self._said(move, kinds, entry["actor"])
            if tone != "quiet":
                yield at, SIGN_OF_MOVE.get(move.get("did", ""), SIGNS[tone]), sentence

    def _said(self, move: Mapping[str, Any], kinds: Mapping[str, str], actor: str) -> wording.Said:
        step = move.get("step", "")
        match move:
            case {"did": did} if did in NOT_SHOWN:
                return wording.NOT_TOLD
            case {"did": "demanded"} if actor == OPERATOR:
                return "person", f"undoing {step} is tried again"
            case {"incident": _}:
                return wording.of_incident(move, step)
            case {"child": _}:
                return "plain", f"{step} begins, a saga of its own"
            case {"step": _}:
                return wording.of_step(move, step, kinds.get(step, "step"))
            case {"saga": "compensating"} if actor != OPERATOR:
                return wording.of_turning_back(self._why)
            case {"did": "deadline moved"}:
                return wording.of_saga(move)
        return wording.NOT_TOLD

    @property
    def _why(self) -> str:
        """Why it went back, where no row says so."""
        return str(self.saga["failure"]["error"]).rstrip(".") if self.saga["cause"] == "deadline" else ""

    def _moves(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """All moves, each with the journal's entry that it stands in."""
        return ((entry, move) for entry in self.journal for move in entry["moves"])

    def _since_begin(self, at: str) -> float:
        return (datetime.fromisoformat(at) - datetime.fromisoformat(self.saga["created_at"])).total_seconds()
