"""What became of the chains, read from the participants' ledgers: nobody else knows."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.soak.checker import ledgers
from tests.soak.checker.ledgers import GUARDED, ROWS


@dataclass
class Outcome:
    """How many orders ended how."""

    accepted: int = 0
    finished: int = 0
    undone: int = 0
    refused_at_once: int = 0
    lost: int = 0
    half_done: int = 0
    doubled: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """Orders of which nobody will ever hear, or whose effects are left in part."""
        return self.lost + self.half_done


def of_chains(folder: Path, orders: Iterable[dict[str, Any]]) -> Outcome:
    """Look at every order that was accepted."""
    books = {service: ledgers.read(folder, service) for service in ROWS}
    outcome = Outcome(doubled=sum(ledgers.doubled(book)["doubled"] for book in books.values()))
    for order in orders:
        outcome.accepted += 1
        done, net = Counter[str](), Counter[str]()
        for service, book in books.items():
            for entry in book.by_saga.get(order["order_id"], []):
                done[service] += entry.kind == "action"
                net[service] += 1 if entry.kind == "action" else -1
        _count(outcome, order, done, net)
    return outcome


def _count(outcome: Outcome, order: dict[str, Any], done: Counter[str], net: Counter[str]) -> None:
    if all(net[service] >= 1 for service in ROWS):
        outcome.finished += 1
    elif not any(done.values()):
        if order["fails"] == "reserve":
            outcome.refused_at_once += 1
        else:
            outcome.lost += 1
    elif not any(net[service] for service in GUARDED) and net["loyalty"] <= 0:
        outcome.undone += 1
    else:
        outcome.half_done += 1
        outcome.examples.append(f"{order['order_id']}: left in place {dict(net)}")
