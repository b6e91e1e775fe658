"""A provider made of an HTTP server: it keeps what it is sent, and answers what a test says."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HANG_UP = "hang up"
"""In place of an answer, after the request was read: the connection is closed."""
SILENCE = "silence"
"""In place of an answer: none comes until the test is over."""


@dataclass(frozen=True)
class Request:
    """What came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Peer:
    """Its address, what came in, and what it says: one answer after the other, then 200."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    body: bytes = b"{}"
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def listening() -> Iterator[Peer]:
    """A peer on a free port."""
    peer = Peer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            peer.requests.append(Request(self.path, headers, body))
            self.close_connection = True
            match peer.answers.pop(0) if peer.answers else 200:
                case "hang up":
                    return
                case "silence":
                    peer.over.wait()
                case (status, more, body):
                    self._say(status, more, body)
                case (status, more):
                    self._say(status, more, peer.body)
                case status:
                    self._say(status, {}, peer.body)

        def _say(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = False
        peer.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield peer
        finally:
            peer.over.set()
            server.shutdown()
            thread.join()
