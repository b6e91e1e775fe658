"""The one sender for calls out that are not a saga's steps: to webhooks that callers name, and to providers.

    answer = post(url, body, headers=…, guard=Guard())

A call that failed says what is known: `NotReached` when nothing can have arrived, `Lost` when it may have. Redirects
are not followed, no proxy is asked, no more than `LARGEST` bytes of an answer are read, and the whole has an end: who
lets every header wait, or sends a byte now and then, is given up on like somebody who says nothing.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from ssl import SSLContext

import httpcore
import httpx

from gateway.deadlines import Backend, bounded
from gateway.guard import Guard, Unresolved
from gateway.pauses import retry_after

PATIENCE = timedelta(seconds=10)
LARGEST = 64 * 1024
LONGEST_WAIT = timedelta(days=1)

_NOTHING_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)


class NotReached(Exception):
    """Nothing can have arrived; the message is a sentence that holds no address."""


class Lost(Exception):
    """The connection broke, or nobody answered in time: it may have arrived."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back: at most `LARGEST` bytes of it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def retry_after(self) -> timedelta | None:
        """What the header Retry-After asks for, at most a day; None without one that can be read."""
        return retry_after(self.headers, longest=LONGEST_WAIT)


def post(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    guard: Guard | None = None,
    patience: timedelta = PATIENCE,
) -> Answer:
    """POST a body. With a guard the address is looked at now, and the connection goes to what was looked at.

    `patience` bounds the whole, from the look for the name to the last byte of the answer. Raises `Forbidden` of the
    guard, `NotReached` and `Lost`.
    """
    seconds = patience.total_seconds()
    with bounded(seconds):
        address, named, extensions = _pinned(url, guard)
        return _posted(address, body, {"Accept-Encoding": "identity", **headers, **named}, extensions, seconds)


def _posted(
    address: httpx.URL, body: bytes, headers: Mapping[str, str], extensions: Mapping[str, str], seconds: float
) -> Answer:
    try:
        with (
            httpx.Client(transport=_Transport(), timeout=seconds, trust_env=False, follow_redirects=False) as client,
            client.stream("POST", address, content=body, headers=headers, extensions=dict(extensions)) as got,
        ):
            return Answer(status=got.status_code, headers=got.headers, body=_read(got))
    except _NOTHING_SENT as error:
        raise NotReached(f"Nobody could be reached there ({type(error).__name__}).") from error
    except httpx.HTTPError as error:
        raise Lost(f"There was no answer ({type(error).__name__}).") from error


def _pinned(url: str, guard: Guard | None) -> tuple[httpx.URL, dict[str, str], dict[str, str]]:
    """The address with a checked IP in the place of the name; the name goes into Host and the certificate's check."""
    try:
        address = httpx.URL(url)
        if guard is None:
            return address, {}, {}
        target = guard.resolve(url)
    except Unresolved as error:
        raise NotReached(f"{error}.") from error
    except httpx.InvalidURL as error:
        raise NotReached("This is no address that can be called.") from error
    return (
        address.copy_with(host=target.ip),
        {"Host": address.netloc.decode("ascii")},
        {"sni_hostname": address.raw_host.decode("ascii")},
    )


class _Transport(httpx.HTTPTransport):
    """httpx's own, for one call, over streams that know when it ends."""

    def __init__(self) -> None:
        super().__init__(verify=_trust())
        self._pool = httpcore.ConnectionPool(ssl_context=_trust(), network_backend=Backend())


@cache
def _trust() -> SSLContext:
    """Whose certificates are taken; reading them takes longer than most calls."""
    return httpx.create_ssl_context(trust_env=False)


def _read(got: httpx.Response) -> bytes:
    """The status is what counts: what does not come in time, or is too much, is done without."""
    body = b""
    with suppress(httpx.HTTPError):
        for chunk in got.iter_raw():
            body += chunk
            if len(body) >= LARGEST:
                break
    return body[:LARGEST]
