"""The participants' own books, read as they lie on the disk, and what must be so of them."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.soak.checker.record import UNDONE, Story
from tests.soak.checker.sums import Sums

ROWS = {"stock": "reserve", "payments": "charge", "loyalty": "award"}
"""Which row of the sagas has its effect at which participant."""
GUARDED = ("stock", "payments")
"""Those with the barrier."""
BOOKS = {
    "stock": "SELECT sku, opening, on_hand FROM stock_item",
    "payments": 'SELECT "user", opening, balance FROM payments_account',
    "loyalty": 'SELECT "user", opening, balance FROM loyalty_account',
}
ENTRIES = 'SELECT kind, key, action_key, "of", quantity FROM participant_entry ORDER BY id'
CALLS = "SELECT key, count(*) FROM participant_call WHERE method = 'POST' GROUP BY key"


@dataclass(frozen=True)
class Entry:
    """One effect."""

    kind: str
    key: str
    action_key: str
    of: str
    quantity: int

    @property
    def saga(self) -> str:
        return self.action_key.split(":")[0]

    @property
    def place(self) -> tuple[str, int]:
        """The row and item whose effect it is."""
        _, path, item, _ = self.action_key.split(":")
        return path, int(item)


@dataclass(frozen=True)
class Ledger:
    """What one participant did, in order; how often it was called under each key; what it has and had."""

    service: str
    entries: list[Entry]
    calls: Mapping[str, int]
    books: list[tuple[str, int, int]]
    by_saga: Mapping[str, list[Entry]] = field(default_factory=dict, repr=False)


def read(folder: Path, service: str) -> Ledger:
    """The ledger of a participant, from its database."""
    line = sqlite3.connect(f"file:{folder / service}.sqlite3?mode=ro", uri=True)
    try:
        return read_from(line, service)
    finally:
        line.close()


def read_from(line: sqlite3.Connection, service: str) -> Ledger:
    """The same over an open connection."""
    entries = [Entry(*row) for row in line.execute(ENTRIES)]
    by_saga: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_saga[entry.saga].append(entry)
    books = [tuple(row) for row in line.execute(BOOKS[service])]
    return Ledger(service, entries, dict(line.execute(CALLS).fetchall()), books, by_saga)


def check_alone(ledger: Ledger, sums: Sums) -> None:
    """What must be so of a ledger, whatever the coordinator says."""
    _conserved(ledger, sums)
    if ledger.service in GUARDED:
        _once(ledger, sums)
        _nothing_after_its_compensation(ledger, sums)


def _conserved(ledger: Ledger, sums: Sums) -> None:
    taken: Counter[str] = Counter()
    for entry in ledger.entries:
        taken[entry.of] += entry.quantity if entry.kind == "action" else -entry.quantity
    for name, opening, now in ledger.books:
        sums["money, stock and points are conserved"].see(
            opening - taken[name] == now, f"{ledger.service}, {name}: of {opening} {taken[name]} are gone, {now} left"
        )


def _once(ledger: Ledger, sums: Sums) -> None:
    for key, times in Counter(entry.key for entry in ledger.entries).items():
        sums["each key is applied at most once"].see(times == 1, f"{ledger.service} applied {key} {times} times")


def _nothing_after_its_compensation(ledger: Ledger, sums: Sums) -> None:
    closed: set[str] = set()
    for entry in ledger.entries:
        if entry.kind == "action":
            sums["no action after its compensation"].see(
                entry.action_key not in closed, f"{ledger.service} did {entry.key} after it had undone it"
            )
        else:
            closed.add(entry.action_key)


def check_with(story: Story, ledgers: Mapping[str, Ledger], sums: Sums) -> None:
    """What a saga's history and the ledgers must agree on."""
    _attempts(story, ledgers, sums)
    for service in GUARDED:
        entries = ledgers[service].by_saga.get(story.saga.id, [])
        match story.saga.state:
            case "completed":
                _effects_of_completed(story, service, entries, sums)
            case state if state in UNDONE:
                net = sum(1 if entry.kind == "action" else -1 for entry in entries)
                sums["compensated: the net effect is zero"].see(
                    net == 0, f"saga {story.saga.id} is {state}, and {net} of its effects are left at {service}"
                )


def _effects_of_completed(story: Story, service: str, entries: list[Entry], sums: Sums) -> None:
    done = sums["completed: each effect is there once"]
    kinds: dict[tuple[str, int], list[str]] = defaultdict(list)
    for entry in entries:
        kinds[entry.place].append(entry.kind)
    for run in story.runs:
        if run.path == ROWS[service] and run.state == "succeeded":
            found = kinds.pop((run.path, run.item), [])
            done.see(found == ["action"], f"saga {story.saga.id}, {run.path}[{run.item}] at {service}: {found}")
    done.see(not kinds, f"saga {story.saga.id} completed, and has other effects at {service}: {dict(kinds)}")


def _attempts(story: Story, ledgers: Mapping[str, Ledger], sums: Sums) -> None:
    """No call without a claim that was written down before, and so no effect either."""
    claims: Counter[tuple[str, int, bool]] = Counter()
    for move in story.moves:
        if move.get("did") == "claimed":
            claims[move["step"], move["item"], move["undo"] == "running"] += 1
    for run in story.runs:
        service = next((service for service, path in ROWS.items() if path == run.path), None)
        if service is None:
            continue
        for undoing in (False, True):
            calls = _calls(story, run.path, run.item, ledgers[service].calls, undoing, run.generation, run.undo_round)
            made = claims[run.path, run.item, undoing]
            sums["no effect without a recorded attempt"].see(
                calls <= made, f"saga {story.saga.id}, {run.path}[{run.item}]: {calls} calls and {made} attempts"
            )


def _calls(
    story: Story, path: str, item: int, calls: Mapping[str, int], undoing: bool, generation: int, rounds: int
) -> int:
    keys = [f"{story.saga.id}:{path}:{item}:{number}" for number in range(1, generation + 1)]
    if undoing:
        ends = [":undo", *(f":undo:{number}" for number in range(2, rounds + 1))]
        keys = [key + end for key in keys for end in ends]
    return sum(calls.get(key, 0) for key in keys)


def orphans(known: set[str], ledgers: Mapping[str, Ledger], sums: Sums) -> None:
    """Every effect belongs to a saga that there is."""
    for ledger in ledgers.values():
        for saga in ledger.by_saga:
            sums["no effect without a recorded attempt"].see(
                saga in known, f"{ledger.service} has effects of saga {saga}, which there is not"
            )


def doubled(ledger: Ledger) -> dict[str, int]:
    """What became of a participant without the barrier, told and not judged."""
    times = Counter(entry.key for entry in ledger.entries)
    return {
        "effects": len(ledger.entries),
        "keys": len(times),
        "doubled": sum(number - 1 for number in times.values()),
    }
