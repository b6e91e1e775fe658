"""One order as its saga's journal tells it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.markup import escape

from examples.shop.demo_stories import Story

SIGNS = {
    "succeeded": "[green]✓[/]",
    "failed": "[red]✗[/] {step} is refused",
    "again": "[yellow]↻[/] {step} is tried again {when}",
    "to ask": "[yellow]?[/] {step} may have happened; its service is asked {when}",
    "held": "[bold red]![/] {step} needs a person",
    "stuck": "[bold red]![/] {step} cannot be undone; a person is needed",
    "retried": "[magenta]→[/] {step} is tried again for the operator",
    "demanded": "[magenta]→[/] undoing {step} is tried again for the operator",
    "undone": "[blue]↶[/] {step} is undone",
    "skipped": "[yellow]-[/] {step} is skipped",
    "late": "[yellow]~[/] {step} answers too late",
}
"""How the journal's moves are shown; the others (opened, claimed, …) are not."""


@dataclass(frozen=True)
class Ended:
    """An order, its saga as the API shows it, and the saga's journal. It may not have ended yet."""

    story: Story
    saga: dict[str, Any]
    journal: list[dict[str, Any]]

    @property
    def ended(self) -> bool:
        return bool(self.saga["ended_at"])

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return self._since_begin(self.saga["ended_at"] or self.saga["updated_at"])

    def faults(self, paid: int) -> Iterator[str]:
        """What is not as it must be, a sentence each; `paid` is what the customer paid, in cents."""
        moves = (f"{move['step']} {move['did']}" for _, move in self._moves())
        for wanted in self.story.passes:
            if wanted not in moves:  # which takes all moves up to the wanted one, so the order counts
                yield f"Its journal does not show “{wanted}” where it must."
        if self.saga["state"] != self.story.ends:
            yield f"It is {self.saga['state']}, not {self.story.ends}. {self.saga['next']}"
        if paid != self.story.paid:
            yield f"The customer paid {paid} cents, not {self.story.paid}."

    def timeline(self) -> Iterator[str]:
        """The moves worth telling, a line each; steps that succeed one after the other share a line."""
        succeeded: list[str] = []
        since = 0.0
        for entry, move in self._moves():
            at = self._since_begin(entry["at"])
            if move["did"] == "succeeded":
                since = since if succeeded else at
                succeeded.append(move["step"])
            elif line := _line(move, entry["actor"]):
                yield from _together(since, succeeded)
                yield f"{at:6.1f} s  {line}"
                succeeded = []
        yield from _together(since, succeeded)

    def _moves(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """All moves of steps, each with the journal's entry that it stands in."""
        return ((entry, move) for entry in self.journal for move in entry["moves"] if "did" in move)

    def _since_begin(self, at: str) -> float:
        return (datetime.fromisoformat(at) - datetime.fromisoformat(self.saga["created_at"])).total_seconds()


def _together(since: float, steps: list[str]) -> Iterator[str]:
    if steps:
        yield f"{since:6.1f} s  {SIGNS['succeeded']} {', '.join(steps)}"


def _line(move: dict[str, Any], actor: str) -> str:
    by_itself = move["did"] == "demanded" and actor != "service"  # who calls with the API's key is "service"
    if move["did"] not in SIGNS or by_itself:
        return ""
    after = move.get("after", 0)
    line = SIGNS[move["did"]].format(step=move["step"], when=f"in {after:.1f} s" if after else "at once")
    return f"{line}\n            [dim]{escape(move['error'])}[/]" if move.get("error") else line
