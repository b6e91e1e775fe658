"""A provider made of an HTTP server: it keeps what it is sent, and answers what a test says."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HANG_UP = "hang up"
"""In place of an answer, after the request was read: the connection is closed."""
SILENCE = "silence"
"""In place of an answer: none comes until the test is over."""
DRIP = "drip"
"""In place of an answer: a byte of its head now and then, until the other side gives up."""
DRIPPING_BODY = "dripping body"
"""200, and then a byte of the body now and then, until the other side gives up."""
FLOOD = "flood"
"""200, and then headers without an end, until the other side gives up."""


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
                case "drip":
                    self._go_on(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x", 0.05)
                case "dripping body":
                    self._go_on(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x", 0.05)
                case "flood":
                    self._go_on(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n" * 1000, 0)
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

        def _go_on(self, begins: bytes, further: bytes, pause: float) -> None:
            with suppress(OSError):  # the other side has closed
                self.wfile.write(begins)
                while not peer.over.wait(pause):
                    self.wfile.write(further)

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
