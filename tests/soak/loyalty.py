"""A participant without the barrier: it does whatever it is asked, as often as it is asked.

Its ledger counts honestly what that comes to: a line for each effect, and for each call. One file of SQLite.
"""

import argparse
import json
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TABLES = """
    CREATE TABLE IF NOT EXISTS participant_entry
        (id INTEGER PRIMARY KEY, kind TEXT, "of" TEXT, quantity INTEGER, key TEXT, action_key TEXT);
    CREATE TABLE IF NOT EXISTS participant_call (id INTEGER PRIMARY KEY, method TEXT, key TEXT);
    CREATE TABLE IF NOT EXISTS loyalty_account (user TEXT PRIMARY KEY, opening INTEGER, balance INTEGER);
    INSERT OR IGNORE INTO loyalty_account VALUES ('everybody', 1000000000, 1000000000);
"""


class Book:
    """The points given and taken back."""

    def __init__(self, path: Path) -> None:
        self._line = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._writing = threading.Lock()
        self._line.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + TABLES)

    def write(self, kind: str, points: int, key: str, action_key: str) -> None:
        """A call, and its effect, in one transaction."""
        with self._writing, self._line:
            self._line.execute("BEGIN IMMEDIATE")
            self._line.execute("INSERT INTO participant_call (method, key) VALUES ('POST', ?)", (key,))
            self._line.execute(
                'INSERT INTO participant_entry (kind, "of", quantity, key, action_key)'
                " VALUES (?, 'everybody', ?, ?, ?)",
                (kind, points, key, action_key),
            )
            taken = points if kind == "action" else -points
            self._line.execute("UPDATE loyalty_account SET balance = balance - ?", (taken,))


def handler(book: Book, token: str, pause: float) -> type[BaseHTTPRequestHandler]:
    """Answers the two calls that there are."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            given = self.headers.get("Authorization", "")
            if given != f"Bearer {token}":
                self._say(401, {"detail": f"{given} is not known here."})  # careless: it repeats what it was given
                return
            time.sleep(pause)
            key = self.headers["Idempotency-Key"]
            if self.path == "/points":
                book.write("action", body["points"], key, key)
            else:
                book.write("compensation", body["points"], key, self.headers["Saga-Action-Key"])
            self._say(200, {"points": body["points"]})

        def _say(self, status: int, document: dict[str, object]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """The calls are in the book."""

    return Handler


class Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--pause", type=float, default=0.1)
    options = parser.parse_args()
    server = Server(
        ("127.0.0.1", options.port),
        handler(Book(options.data / "loyalty.sqlite3"), options.token, options.pause),
    )
    sys.stdout.write("loyalty ready\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
