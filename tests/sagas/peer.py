"""A participant made of a socket: it answers exactly the bytes that a test gives it, or misbehaves below HTTP."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    line: str
    headers: dict[str, str]
    body: bytes
    client: int
    """The port that the caller's connection came from."""


Script = Callable[[socket.socket, Request], bool]
"""Does what it likes with one request on a connection; true keeps the connection for the next one."""


@dataclass
class Peer:
    script: Script = field(default=lambda connection, request: False)
    requests: list[Request] = field(default_factory=list)
    url: str = ""


@contextmanager
def listening() -> Iterator[Peer]:
    """A peer on a free port; set its `script` before it is called."""
    peer, open_connections = Peer(), set[socket.socket]()
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:
        peer.url = f"http://127.0.0.1:{server.getsockname()[1]}"
        acceptor = threading.Thread(target=_accept, args=(server, peer, open_connections))
        acceptor.start()
        try:
            yield peer
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            for connection in list(open_connections):
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            acceptor.join()


def answer(status: int = 200, body: Any = None, *, raw: bytes | None = None, **headers: str) -> Script:
    """The script of a well-behaved peer, which keeps its connections: `raw` bytes, or `body` as JSON."""

    def script(connection: socket.socket, request: Request) -> bool:
        connection.sendall(message(status, body, raw=raw, **headers))
        return True

    return script


def message(status: int = 200, body: Any = None, *, raw: bytes | None = None, **headers: str) -> bytes:
    content = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
    fields = {"Content-Type": "application/json", "Content-Length": str(len(content))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + content


def _accept(server: socket.socket, peer: Peer, open_connections: set[socket.socket]) -> None:
    threads = []
    with suppress(OSError):
        while True:
            connection, (_, port) = server.accept()
            open_connections.add(connection)
            threads.append(threading.Thread(target=_serve, args=(connection, port, peer, open_connections)))
            threads[-1].start()
    for thread in threads:
        thread.join()


def _serve(connection: socket.socket, port: int, peer: Peer, open_connections: set[socket.socket]) -> None:
    with connection, suppress(OSError), connection.makefile("rb") as stream:
        keep = True
        while keep and (request := _read(stream, port)):
            peer.requests.append(request)
            keep = peer.script(connection, request)
        connection.shutdown(socket.SHUT_RDWR)
    open_connections.discard(connection)


def _read(stream: Any, port: int) -> Request | None:
    line = stream.readline().decode().strip()
    if not line:
        return None
    headers = {}
    while field_line := stream.readline().decode("latin-1").strip():
        name, _, value = field_line.partition(":")
        headers[name.lower()] = value.strip()
    return Request(line, headers, stream.read(int(headers.get("content-length", 0))), port)
