"""A database and ledgers in memory, with two sagas of which all is well: for tests that spoil one thing at a time."""

import json
import sqlite3
from datetime import UTC, datetime
from typing import Any

from tests.soak.checker import ledgers
from tests.soak.checker.sums import Sums
from tests.soak.checker.verdict import look_at
from tests.soak.promises import Deed, Promises, Start, Told

TABLES = """
CREATE TABLE sagas_saga (id, definition, state, cause, rev, parent_id, created_at, ended_at);
CREATE TABLE sagas_run (id INTEGER PRIMARY KEY, saga_id, path, item, kind, state, undo, happened, seq, generation,
    undo_round, fence, loser, hold_id);
CREATE TABLE sagas_journal (saga_id, rev, at, moves);
CREATE TABLE sagas_signal (id, saga_id, dedup_id, flag, taken_by_id);
CREATE TABLE sagas_audit (saga_id, verb, reason);
CREATE TABLE sagas_hold (id, participant, held_at, released_at, ended_at, canaries);
"""
BOOKS = """
CREATE TABLE participant_entry (id INTEGER PRIMARY KEY, kind, key, action_key, "of", quantity);
CREATE TABLE participant_call (method, key);
CREATE TABLE stock_item (sku, opening, on_hand);
CREATE TABLE payments_account ("user", opening, balance);
CREATE TABLE loyalty_account ("user", opening, balance);
INSERT INTO stock_item VALUES ('it', 100, 100);
INSERT INTO payments_account VALUES ('it', 100, 100);
INSERT INTO loyalty_account VALUES ('it', 100, 100);
"""
HAND = {"stock": "stock_item SET on_hand", "payments": "payments_account SET balance"}
AT = datetime(2026, 1, 1, tzinfo=UTC).isoformat()


class Bench:
    """`done` is a saga that completed, `undone` one that was turned back; both reserved and charged."""

    done, undone = "d", "u"

    def __init__(self) -> None:
        self.record = sqlite3.connect(":memory:")
        self.record.executescript(TABLES)
        self.ledgers = {service: sqlite3.connect(":memory:") for service in ledgers.ROWS}
        for book in self.ledgers.values():
            book.executescript(BOOKS)
        self.promises = Promises()
        self._forward(self.done)
        self._end(self.done, "completed", rev=6)
        self._forward(self.undone)
        self._back(self.undone)
        self._end(self.undone, "compensated", rev=11)
        self._tell()

    def look(self) -> Sums:
        """What the checker says."""
        sums = Sums()
        books = {service: ledgers.read_from(line, service) for service, line in self.ledgers.items()}
        look_at(self.record, books, self.promises, sums)
        return sums

    def entry(self, saga: str, rev: int, *moves: dict[str, Any]) -> None:
        """A journal row."""
        self.record.execute("INSERT INTO sagas_journal VALUES (?, ?, ?, ?)", (saga, rev, AT, json.dumps(moves)))

    def effect(self, service: str, kind: str, key: str, *, call: bool = True) -> None:
        """An effect at a participant, with its call and its change of what is in hand."""
        line, action = self.ledgers[service], key.partition(":undo")[0]
        if call:
            line.execute("INSERT INTO participant_call VALUES ('POST', ?)", (key,))
        line.execute(
            "INSERT INTO participant_entry (kind, key, action_key, \"of\", quantity) VALUES (?, ?, ?, 'it', 1)",
            (kind, key, action),
        )
        sign = "-" if kind == "action" else "+"
        table, _, column = HAND[service].partition(" SET ")
        line.execute(f"UPDATE {table} SET {column} = {column} {sign} 1")

    def _forward(self, saga: str) -> None:
        self.entry(saga, 1, {"saga": "running"}, moved("reserve", "opened", 1, "due"))
        self.entry(saga, 2, moved("reserve", "claimed", 2, "running", "owed"))
        self.entry(saga, 3, moved("reserve", "succeeded", 3, "succeeded", "owed"))
        self.entry(saga, 4, moved("charge", "opened", 1, "due"))
        self.entry(saga, 5, moved("charge", "claimed", 2, "running", "owed"))
        for number, (service, path) in enumerate((("stock", "reserve"), ("payments", "charge")), 1):
            self.effect(service, "action", f"{saga}:{path}:0:1")
            undo = "owed" if saga == self.done else "done"
            self.record.execute(
                "INSERT INTO sagas_run (saga_id, path, item, kind, state, undo, happened, seq, generation, undo_round,"
                " fence, loser) VALUES (?, ?, 0, 'step', 'succeeded', ?, 'yes', ?, 1, 0, 3, 0)",
                (saga, path, undo, number),
            )
        over = [{"saga": "completed"}] if saga == self.done else [{"saga": "compensating"}]
        self.entry(saga, 6, moved("charge", "succeeded", 3, "succeeded", "owed"), *over)

    def _back(self, saga: str) -> None:
        for rev, (service, path) in ((7, ("payments", "charge")), (9, ("stock", "reserve"))):
            self.entry(saga, rev, moved(path, "demanded", 4, "succeeded", "due"))
            self.entry(
                saga,
                rev + 1,
                moved(path, "claimed", 5, "succeeded", "running"),
                moved(path, "undone", 6, "succeeded", "done"),
            )
            self.effect(service, "compensation", f"{saga}:{path}:0:1:undo")
        self.entry(saga, 11, {"saga": "compensated"})

    def _end(self, saga: str, state: str, *, rev: int) -> None:
        self.record.execute(
            "INSERT INTO sagas_saga VALUES (?, 'soak_line', ?, '', ?, NULL, ?, ?)", (saga, state, rev, AT, AT)
        )
        start = Start(key=f"key of {saga}", shape="soak_line", fails="", at=datetime.now(UTC), seconds=0, first=201)
        start.saga, start.sagas = saga, {saga}
        self.promises.started(start)

    def _tell(self) -> None:
        self.record.execute("INSERT INTO sagas_signal VALUES (1, ?, 's1', '', 1)", (self.done,))
        self.promises.tell(Told(saga=self.done, id="s1", status=202, code=""))
        self.record.execute("INSERT INTO sagas_audit VALUES (?, 'retry', 'r1')", (self.done,))
        self.promises.did(Deed(verb="retry", saga=self.done, reason="r1", status=200, code=""))
        self.record.execute("INSERT INTO sagas_hold VALUES (1, 'stock', ?, ?, ?, '[]')", (AT, AT, AT))
        self.record.execute("INSERT INTO sagas_audit VALUES (NULL, 'hold', 'r3')")
        self.promises.did(Deed(verb="hold", saga="", reason="r3", status=200, code=""))
        self.promises.did(Deed(verb="cancel", saga=self.done, reason="r2", status=409, code="ended"))


def moved(step: str, did: str, fence: int, state: str, undo: str = "none") -> dict[str, Any]:
    """One move of a journal row."""
    return {"step": step, "item": 0, "did": did, "fence": fence, "state": state, "undo": undo, "happened": "yes"}
