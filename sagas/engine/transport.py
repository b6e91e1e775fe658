"""The connections to participants: one pool for each process, and a bound on the whole of every exchange.

httpx bounds every single read, so that a peer which sends a byte now and then is never too slow. Here the rest of the
exchange's time bounds each read and write, whatever they ask for.
"""

import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from ssl import SSLContext
from typing import Any

import httpcore
import httpx

from sagas.engine.connections import Connections

_end: ContextVar[float | None] = ContextVar("end of the exchange", default=None)
_building = threading.Lock()
_transport: httpx.BaseTransport | None = None

# A connection that the peer closes while a request is on its way leaves that request unknown; most servers keep
# idle ones for 2 s or longer, so ours are dropped well before.
_IDLE = 1.0
_PIECE = 16 * 1024


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """No read or write of this thread's exchange goes on for longer than `seconds` from now."""
    token = _end.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _end.reset(token)


def transport() -> httpx.BaseTransport:
    """The process's connections, shared by its threads. A fork begins with none of its parent's."""
    global _transport
    if _transport is None:
        with _building:
            if _transport is None:
                _transport = _Transport()
    return _transport


@contextmanager
def replaced(by: httpx.BaseTransport) -> Iterator[None]:
    """Within this context every call goes there; for tests."""
    global _transport
    before, _transport = _transport, by
    try:
        yield
    finally:
        _transport = before


def _forget() -> None:
    global _transport, _building
    _transport, _building = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)


class _Transport(httpx.HTTPTransport):
    """httpx's own, over connections without a limit: the worker's threads are the limit."""

    def __init__(self) -> None:
        trust = httpx.create_ssl_context()
        super().__init__(verify=trust)
        self._pool = Connections(ssl_context=trust, keepalive_expiry=_IDLE, network_backend=_Backend())


class _Backend(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self._plain.connect_tcp(host, port, timeout, local_address, socket_options))

    def sleep(self, seconds: float) -> None:
        self._plain.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _rest(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            self._stream.write(buffer[start : start + _PIECE], _rest(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _rest(timeout, httpcore.ConnectTimeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _rest(timeout: float | None, too_late: type[Exception]) -> float | None:
    end = _end.get()
    if end is None:
        return timeout
    rest = end - time.monotonic()
    if rest <= 0:
        raise too_late("the exchange took longer than it may")
    return rest if timeout is None else min(timeout, rest)
