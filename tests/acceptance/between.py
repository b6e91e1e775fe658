"""Something between two services that passes calls on, and can keep an answer to itself."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx


@dataclass
class Between:
    """Where it listens, which keys came by, and whether answers go through at the moment."""

    url: str = ""
    keys: list[str] = field(default_factory=list)
    """The idempotency keys of the calls that were answered by the service itself."""
    open: threading.Event = field(default_factory=threading.Event)


@contextmanager
def passing_on(to: str) -> Iterator[Between]:
    """Passes every POST on; the answer goes back once it is `open`, if anybody waits for it by then."""
    between = Between()
    between.open.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            sent = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
            answer = httpx.post(f"{to}{self.path}", content=body, headers=sent, timeout=30, trust_env=False)
            between.keys.append(self.headers["Idempotency-Key"])
            between.open.wait()
            self.close_connection = True
            with suppress(OSError):  # who asked was killed meanwhile
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        between.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield between
        finally:
            between.open.set()
            server.shutdown()
            thread.join()
