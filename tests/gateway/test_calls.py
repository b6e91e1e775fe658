"""A call goes to the address that was looked at, whatever the name means a moment later."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from gateway import calls
from gateway.guard import Guard

ALLOWED, INSIDE = "127.0.0.1", "127.0.0.2"
NAME = "hooks.example.org"


@contextmanager
def listening(ip: str, port: int = 0) -> Iterator[tuple[int, list[str]]]:
    """A web server on that address of this machine, and the Host of each request that it got."""
    got: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.headers["Host"])
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer((ip, port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_port, got
        finally:
            server.shutdown()
            thread.join()


def test_a_name_that_is_bound_anew_between_the_look_and_the_call_leads_nowhere_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    really, answers = socket.getaddrinfo, [ALLOWED]

    def bound_anew(host: Any, *rest: Any, **more: Any) -> Any:
        """The first who asks is told what is allowed, whoever asks again what lies inside."""
        name = host.decode() if isinstance(host, bytes) else host
        return really((answers.pop() if answers else INSIDE) if name == NAME else host, *rest, **more)

    with listening(ALLOWED) as (port, got), listening(INSIDE, port) as (_, inside):
        monkeypatch.setattr(socket, "getaddrinfo", bound_anew)
        guard = Guard(allowed=(f"{ALLOWED}/32",))
        answer = calls.post(f"http://{NAME}:{port}/hook", b"{}", headers={}, guard=guard)
        assert (answer.status, got, inside) == (204, [f"{NAME}:{port}"], [])
        assert socket.getaddrinfo(NAME, port)[0][4][0] == INSIDE, "by now the name means something else"
