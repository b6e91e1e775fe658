"""The connections to participants: one pool for each process, and a bound on the whole of every exchange."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from gateway.deadlines import Backend
from sagas.engine.connections import Connections

_building = threading.Lock()
_transport: httpx.BaseTransport | None = None

# A connection that the peer closes while a request is on its way leaves that request unknown; most servers keep
# idle ones for 2 s or longer, so ours are dropped well before.
_IDLE = 1.0


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
        self._pool = Connections(ssl_context=trust, keepalive_expiry=_IDLE, network_backend=Backend())
