"""A bound on the whole of an exchange, however slowly the other side speaks.

    with bounded(10):
        …                   # every read and write over a bounded stream ends within ten seconds from now

Libraries bound every single read, so a peer that sends a byte now and then is never too slow for them. Here what is
left of the exchange's time bounds each read and write, whatever they ask for, and the look for the name before them.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from ssl import SSLContext
from typing import Any

import httpcore

from gateway.lookups import ours

_end: ContextVar[float | None] = ContextVar("end of the exchange", default=None)

_PIECE = 16 * 1024


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """No read or write of this thread's exchange goes on for longer than `seconds` from now."""
    token = _end.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _end.reset(token)


def left() -> float | None:
    """The seconds that the exchange has left, 0 or less when it is over; None outside of `bounded`."""
    end = _end.get()
    return None if end is None else end - time.monotonic()


class Backend(httpcore.NetworkBackend):
    """The network, for a pool of httpcore, with streams that know when the exchange ends."""

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
        def connect(address: str, seconds: float) -> httpcore.NetworkStream:
            return self._plain.connect_tcp(address, port, seconds, local_address, socket_options)

        within = _rest(timeout, httpcore.ConnectTimeout)
        if within is None:
            return _Stream(self._plain.connect_tcp(host, port, None, local_address, socket_options))
        try:
            return _Stream(ours.reach(connect, host, port, within))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error

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
    rest = left()
    if rest is None:
        return timeout
    if rest <= 0:
        raise too_late("the exchange took longer than it may")
    return rest if timeout is None else min(timeout, rest)
