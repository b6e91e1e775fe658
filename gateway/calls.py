"""The one sender for calls out that are not a saga's steps: to webhooks that callers name, and to providers.

    answer = post(url, body, headers=…, guard=Guard())

A call that failed says what is known: `NotReached` when nothing can have arrived, `Lost` when it may have. Redirects
are not followed, no proxy is asked, and no more than `LARGEST` bytes of an answer are read.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from gateway.guard import Guard, Unresolved

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
        return _wait(self.headers.get("retry-after", "").strip())


def post(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    guard: Guard | None = None,
    patience: timedelta = PATIENCE,
) -> Answer:
    """POST a body. With a guard the address is looked at now, and the connection goes to what was looked at.

    `patience` bounds connecting, each silence, and the reading of the answer. Raises `Forbidden` of the guard,
    `NotReached` and `Lost`.
    """
    end = time.monotonic() + patience.total_seconds()
    address, named, extensions = _pinned(url, guard)
    try:
        with (
            httpx.Client(timeout=patience.total_seconds(), trust_env=False, follow_redirects=False) as client,
            client.stream("POST", address, content=body, headers={**headers, **named}, extensions=extensions) as got,
        ):
            return Answer(status=got.status_code, headers=got.headers, body=_read(got, end))
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


def _read(got: httpx.Response, end: float) -> bytes:
    body = b""
    for chunk in got.iter_raw():
        body += chunk
        if len(body) >= LARGEST or time.monotonic() > end:  # the status is what counts; nobody is listened to for ever
            break
    return body[:LARGEST]


def _wait(given: str) -> timedelta | None:
    try:
        if given.isascii() and given.isdigit():
            wait = timedelta(seconds=int(given[:9]))
        else:
            when = parsedate_to_datetime(given)
            wait = (when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.now(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, timedelta()), LONGEST_WAIT)
