"""What a service has done, in a file of its own: each command once, and nothing after it was taken back."""

import sqlite3
from pathlib import Path

TABLE = "CREATE TABLE IF NOT EXISTS done (number TEXT PRIMARY KEY, amount INTEGER, state TEXT NOT NULL)"


class Ledger:
    """`state` of an order is accepted, refused or undone."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._connection.execute(TABLE)

    def do(self, number: str, amount: int, accepted: bool) -> str:
        """What became of the command; the same answer when it comes again."""
        state = "accepted" if accepted else "refused"
        self._connection.execute("INSERT OR IGNORE INTO done VALUES (?, ?, ?)", (number, amount, state))
        return self.state(number)

    def undo(self, number: str) -> None:
        """Take it back. What has not come yet will find that it was taken back, and be refused."""
        undone = "INSERT INTO done VALUES (?, 0, 'undone') ON CONFLICT (number) DO UPDATE SET state = 'undone'"
        self._connection.execute(undone, (number,))

    def state(self, number: str) -> str:
        """What this order came to here; empty if nothing was heard of it."""
        row = self._connection.execute("SELECT state FROM done WHERE number = ?", (number,)).fetchone()
        return str(row[0]) if row else ""
