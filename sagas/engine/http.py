"""The client behind `ctx.service(name)`: a call gives an answer, or raises what is known after it.

    Abort         it said no
    RetryLater    not now, or nothing was sent (no connection: refused, host name, TLS)
    Unknown       it may have happened: no answer in time, connection lost after sending, no JSON
    Denied        it speaks of us: our token, our address
    NothingThere  nothing there, while undoing

Which status says what is in `answers`.
"""

import re
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NoReturn

import httpx

from gateway import tracing
from gateway.deadlines import bounded
from gateway.pauses import retry_after
from sagas.engine.answers import (
    LARGEST_ANSWER,
    Meaning,
    explanation,
    meaning_of,
    media_type,
    parsed,
    read_body,
)
from sagas.engine.transport import transport
from sagas.errors import Abort, Denied, NothingThere, RetryLater, SagaError, Unknown
from sagas.words import boundaries
from sagas.words.retry import LONGEST_RETRY_AFTER

CONNECT = timedelta(seconds=5)
"""Waiting longer than this for a connection is not worth the attempt: nothing was sent, so it is tried again."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a participant answered: the body as JSON, `None` when it was empty."""

    status: int
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Service:
    """A participant, as one attempt may call it.

    `deadline()` gives the seconds that the attempt has left, and may raise `TurnedBack`. `key` is the attempt's
    idempotency key; `action_key`, in a compensation, the key of the action that is undone.
    """

    name: str
    url: str
    deadline: Callable[[], float]
    key: str
    token: str = field(default="", repr=False)
    action_key: str | None = None
    traceparent: str | None = None
    meanings: Mapping[int, Meaning] = field(default_factory=dict)

    def get(self, path: str, **options: Any) -> Answer:
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any) -> Answer:
        return self.call("POST", path, **options)

    def put(self, path: str, **options: Any) -> Answer:
        return self.call("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Answer:
        return self.call("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Answer:
        return self.call("DELETE", path, **options)

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        part: str = "",
    ) -> Answer:
        """Call the participant once, within the attempt's time. Never retries, never follows a redirect.

        A step that has several effects at participants names each `part`, so that each has a key of its own.
        """
        about = {"http.request.method": method, "server.address": self.name}
        with tracing.span(f"{method} {self.name}", self.traceparent or "", about, kind="client") as span:
            sent = {"json": json, "params": params, "headers": headers, "part": part}
            return self._exchange(method, path, traceparent=span.traceparent or self.traceparent, **sent)

    def _exchange(self, method: str, path: str, **sent: Any) -> Answer:
        title = f"{method} {path}"
        request = self._request(method, path, **sent)
        seconds = self.deadline()
        if seconds <= 0:
            raise RetryLater(f"{self.name} was not called with {title}: no time is left.", code="no_time_left")
        connect = min(seconds, CONNECT.total_seconds())
        request.extensions["timeout"] = {"connect": connect, "pool": connect, "read": seconds, "write": seconds}
        boundaries.passed("sending")
        try:
            with bounded(seconds):
                response = transport().handle_request(request)
                try:
                    body = read_body(response)
                finally:
                    with suppress(httpx.HTTPError):
                        response.close()
        except httpx.HTTPError as error:
            boundaries.passed("answered")
            raise self._trouble(error, title) from error
        boundaries.passed("answered")
        tracing.note({"http.response.status_code": response.status_code})
        return self._understood(response, body, title)

    def _request(
        self,
        method: str,
        path: str,
        *,
        part: str,
        headers: Mapping[str, str] | None,
        traceparent: str | None,
        **body: Any,
    ) -> httpx.Request:
        """Ours win over the author's headers: a step cannot lose its key or its token by accident."""
        suffix = f"/{part}" if part else ""
        ours = {
            "Accept": "application/json, application/problem+json",
            "Accept-Encoding": "identity",
            "User-Agent": "saga-orchestrator",
            "Idempotency-Key": f"{self.key}{suffix}",
            "Saga-Action-Key": f"{self.action_key}{suffix}" if self.action_key else None,
            "Authorization": f"Bearer {self.token}" if self.token else None,
            "traceparent": traceparent,
        }
        merged = httpx.Headers(headers)
        merged.update({name: value for name, value in ours.items() if value is not None})
        if not path.startswith("/"):
            raise Denied(f'{self.name} cannot be called: the path "{path}" must begin with "/".', code="bad_address")
        try:
            return httpx.Request(method, self.url.rstrip("/") + path, headers=merged, **body)
        except httpx.InvalidURL as error:
            raise Denied(f"{self.name} cannot be called with {method} {path}: {error}.", code="bad_address") from error

    def _trouble(self, error: httpx.HTTPError, title: str) -> SagaError:
        """What is known when no answer came: nothing was sent, or it may have happened."""
        match error:
            case httpx.UnsupportedProtocol() | httpx.LocalProtocolError():
                return Denied(
                    f"{self.name} cannot be called with {title}: {self._clean(str(error))}", code="bad_address"
                )
            case httpx.ConnectTimeout() | httpx.PoolTimeout():
                return RetryLater(f"{self.name} took no connection for {title} in time.", code=_code(error))
            case httpx.ConnectError():
                code, why = _connecting(error)
                return RetryLater(f"{self.name} could not be reached for {title}: {why}.", code=code)
            case httpx.TimeoutException():
                return Unknown(f"{self.name} did not answer {title} in time; it may have happened.", code=_code(error))
        return Unknown(f"{self.name} closed the connection before {title} was answered.", code="connection_lost")

    def _understood(self, response: httpx.Response, body: bytes | None, title: str) -> Answer:
        status, own_words = response.status_code, media_type(response) == "application/problem+json"
        default = meaning_of(status, own_words=own_words, compensating=self.action_key is not None)
        meaning = self.meanings.get(status, default)
        if meaning is not Meaning.DONE:
            self._refuse(meaning, response, body, title)
        if body is None:
            raise Unknown(
                f"{self.name} answered {title} with more than {LARGEST_ANSWER} bytes.", code="answer_too_large"
            )
        try:
            value = parsed(body)
        except (ValueError, RecursionError) as error:
            raise Unknown(
                f"{self.name} answered {title} with {status}, but not in JSON.", code="answer_garbled"
            ) from error
        return Answer(status=status, json=value, headers=response.headers)

    def _refuse(self, meaning: Meaning, response: httpx.Response, body: bytes | None, title: str) -> NoReturn:
        status = response.status_code
        code, said = f"http_{status}", self._clean(explanation(body))
        sentence = f"{self.name} answered {title} with {status}" + (f": {said}" if said else ".")
        match meaning:
            case Meaning.REFUSED:
                raise Abort(sentence, code=code)
            case Meaning.NOT_NOW:
                raise RetryLater(sentence, after=retry_after(response.headers, longest=LONGEST_RETRY_AFTER), code=code)
            case Meaning.DENIED:
                raise Denied(sentence, code=code)
            case Meaning.NOTHING_THERE:
                raise NothingThere(sentence, code=code)
        raise Unknown(sentence, code=code)

    def _clean(self, text: str) -> str:
        """A participant's own words, short and on one line, and without the token if it echoes that."""
        text = text.replace(self.token, "…") if self.token else text
        return re.sub(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+", " ", text).strip()[:300]


def _code(error: Exception) -> str:
    """`ReadTimeout` → `read_timeout`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()


def _connecting(error: BaseException) -> tuple[str, str]:
    cause: BaseException | None = error
    while cause is not None:
        match cause:
            case ConnectionRefusedError():
                return "connect_refused", "it refuses connections"
            case socket.gaierror():
                return "name_not_resolved", "its host name is not known"
            case ssl.SSLError():
                return "tls_failed", "no secure connection came about"
        cause = cause.__cause__ or cause.__context__
    return "connect_failed", "no connection came about"
