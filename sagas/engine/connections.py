"""Open connections to participants, kept for the next call to the same one.

httpcore's own pool looks at each of its connections for each request, and again for each answer: with 500 calls in
flight that costs more than the calls themselves. Here a call looks at one connection, however many others there are.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from ssl import SSLContext
from typing import Any, cast

import httpcore


class Connections(httpcore.ConnectionPool):
    """httpcore's pool with another way to choose: the connection that was last in use, or a new one; no limit.

    One that was idle for longer than `keepalive_expiry` is closed when the next call comes, whoever is called.
    """

    def __init__(
        self,
        *,
        keepalive_expiry: float,
        network_backend: httpcore.NetworkBackend,
        ssl_context: SSLContext | None = None,
    ) -> None:
        super().__init__(ssl_context, keepalive_expiry=keepalive_expiry, network_backend=network_backend)
        self._patience = keepalive_expiry
        self._guard = threading.Lock()
        self._idle: dict[str, deque[tuple[float, httpcore.ConnectionInterface]]] = defaultdict(deque)

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send the request and return the answer's head; its body must be closed. Raises what httpcore's pool does."""
        if request.url.scheme not in (b"http", b"https"):
            raise httpcore.UnsupportedProtocol("The address must begin with http:// or https://.")
        origin = request.url.origin
        name = str(origin)
        connection = self._kept(name) or self.create_connection(origin)
        try:
            answer = connection.handle_request(request)
        except BaseException:
            connection.close()
            raise
        body = _Body(cast(Iterable[bytes], answer.stream), lambda: self._give_back(name, connection))
        return httpcore.Response(answer.status, headers=answer.headers, content=body, extensions=answer.extensions)

    def close(self) -> None:
        """Close all that is idle."""
        for connection in self._older_than(time.monotonic()):
            connection.close()

    def _kept(self, name: str) -> httpcore.ConnectionInterface | None:
        """A connection that was in use a moment ago, and that the other side has not closed meanwhile."""
        for connection in self._older_than(time.monotonic() - self._patience):
            connection.close()
        while True:
            with self._guard:
                if not self._idle[name]:
                    return None
                _, connection = self._idle[name].pop()
            if not connection.has_expired():
                return connection
            connection.close()

    def _give_back(self, name: str, connection: httpcore.ConnectionInterface) -> None:
        if not connection.is_idle():  # it was closed with the answer
            return
        if _said_more(connection):
            connection.close()
            return
        with self._guard:
            self._idle[name].append((time.monotonic(), connection))

    def _older_than(self, then: float) -> list[httpcore.ConnectionInterface]:
        """Take out what has been idle since then or longer; the oldest stand first."""
        with self._guard:
            found = []
            for idle in self._idle.values():
                while idle and idle[0][0] <= then:
                    found.append(idle.popleft()[1])
            return found


def _said_more(connection: Any) -> bool:
    """Whether more came than the answer: it would be taken for the answer to the next call, perhaps another saga's."""
    surplus, _ = connection._connection._h11_state.trailing_data
    return bool(surplus)


class _Body:
    """An answer's body. Once it is closed, its connection is free for another call."""

    def __init__(self, body: Iterable[bytes], let_go: Callable[[], None]) -> None:
        self._body, self._let_go = body, let_go
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._body

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if close := getattr(self._body, "close", None):
            close()
        self._let_go()
