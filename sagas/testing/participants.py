"""Participants that follow a script: what `ctx.service(name)` calls is answered here, and nothing leaves the process.

    payments = service("payments").answers("POST", "/charges", 201, {"charge_id": "c1"})

The team's functions and the client run for real; only the connection is replaced.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from sagas.testing.failure import Halt

Answerer = Callable[["Request"], Any]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A call that a participant received: `json` is its body, `key` its idempotency key."""

    service: str
    method: str
    path: str
    params: Mapping[str, str]
    json: Any
    key: str
    headers: Mapping[str, str] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is answered to a method and a path; `{…}` in the path stands for one part of an address."""

    method: str
    path: str
    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    trouble: type[httpx.TransportError] | None = None
    times: int | None = None

    def fits(self, method: str, path: str) -> bool:
        pattern = "[^/]+".join(re.escape(part) for part in re.split(r"\{[^{}]*\}", self.path))
        return self.method == method.upper() and re.fullmatch(pattern, path) is not None


@dataclass(frozen=True)
class Participant:
    """A service by its name in the settings, and its script. Built by `service`; each word returns a new one.

    Of answers to the same call each is given `times` times, in order; without `times` it is given for ever.
    """

    name: str
    script: tuple[Answer, ...] = ()

    def answers(
        self,
        method: str,
        path: str,
        status: int = 200,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        times: int | None = None,
    ) -> "Participant":
        """It answers with that status and JSON. A `body` that is a function is called with the request, and returns
        the JSON, or a pair of another status and the JSON."""
        headers = headers or {}
        return self._and(
            Answer(method=method.upper(), path=path, status=status, body=body, headers=headers, times=times)
        )

    def is_silent(self, method: str, path: str, *, times: int | None = None) -> "Participant":
        """It takes the request and never answers: what became of it is unknown."""
        return self._and(Answer(method=method.upper(), path=path, trouble=httpx.ReadTimeout, times=times))

    def is_down(self, method: str, path: str, *, times: int | None = None) -> "Participant":
        """It takes no connection: nothing was sent."""
        return self._and(Answer(method=method.upper(), path=path, trouble=httpx.ConnectError, times=times))

    def _and(self, answer: Answer) -> "Participant":
        return replace(self, script=(*self.script, answer))


def service(name: str) -> Participant:
    """A participant by its name in `SAGAS["SERVICES"]`; a test may script one that the settings do not have."""
    return Participant(name)


class Outside:
    """All participants of one story: answers what is scripted, and remembers what was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._left: dict[str, list[tuple[Answer, list[int]]]] = {}

    def add(self, participant: Participant) -> None:
        """Its answers come before those to the same calls that were scripted earlier and are for ever."""
        earlier = self._left.setdefault(participant.name, [])
        earlier[:0] = [(answer, [answer.times if answer.times is not None else -1]) for answer in participant.script]

    @property
    def names(self) -> set[str]:
        return set(self._left)

    def handle(self, name: str, request: httpx.Request) -> httpx.Response:
        """Answer a call. Raises `Halt`, or what the answer's trouble is."""
        seen = _read(name, request)
        self.requests.append(seen)
        answer = self._next(seen)
        if answer.trouble is not None:
            raise answer.trouble(f"{name} does not answer")
        body = answer.body(seen) if callable(answer.body) else answer.body
        status, body = body if isinstance(body, tuple) else (answer.status, body)
        kind = "application/problem+json" if status >= 400 else "application/json"
        content = b"" if body is None and status < 400 else json.dumps(body or {}).encode()
        return httpx.Response(
            status, headers={"content-type": kind, **answer.headers}, stream=httpx.ByteStream(content)
        )

    def _next(self, seen: Request) -> Answer:
        for answer, left in self._left.get(seen.service, []):
            if answer.fits(seen.method, seen.path) and left[0]:
                left[0] -= 1
                return answer
        raise Halt(
            f"{seen.service} was called with {seen}, and nothing says what it answers. Script it: "
            f'service("{seen.service}").answers("{seen.method}", "{seen.path}", 200, {{…}}), '
            "or script the whole step: steps={…}."
        )


def _read(name: str, request: httpx.Request) -> Request:
    content = request.read()
    return Request(
        service=name,
        method=request.method,
        path=request.url.path,
        params=dict(request.url.params),
        json=json.loads(content) if content else None,
        key=request.headers.get("Idempotency-Key", ""),
        headers=dict(request.headers),
    )
