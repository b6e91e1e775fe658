"""A small client of the REST API, for services in Python that are not the coordinator itself.

    with Sagas("https://sagas.example.org", key="ork_…") as sagas:
        saga = sagas.start("order", {"user_id": "u-1"}, business_key="order-7")
        sagas.signal_by_key("order", "order-7", "payment_settled", {"status": "paid"}, id="evt_71")

A request whose answer was lost, or that was told to come later, is sent again under the same key, so that it has its
effect once. What the coordinator refuses is a `Refused`, with its problem.
"""

import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Self
from urllib.parse import quote
from uuid import uuid4

import httpx

AGAIN = (429, 502, 503, 504)
TRIES = 5
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0


class Refused(Exception):
    """The coordinator said no; `problem` is what it answered, `status` and `code` are of that."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or f"The coordinator answered {status}."))
        self.status = status
        self.code = str(problem.get("code", ""))
        self.problem = dict(problem)


class Unanswered(Exception):
    """No answer came in several tries; whether the request had its effect is not known. Send it with the same key."""


class Sagas:
    """Calls a coordinator. `transport` is for tests; `tries` is how often a request is sent at most."""

    def __init__(
        self,
        url: str,
        *,
        key: str,
        timeout: timedelta = timedelta(seconds=10),
        tries: int = TRIES,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._tries = tries
        self._timeout = timeout.total_seconds()
        self._client = httpx.Client(
            base_url=f"{url.rstrip('/')}/api/v1/", headers={"Authorization": f"Bearer {key}"}, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Give its connections back; a client may be kept for as long as its process lives."""
        self._client.close()

    def start(
        self,
        definition: str,
        input: Any = None,
        *,
        idempotency_key: str | None = None,
        wait: timedelta = timedelta(0),
        **options: Any,
    ) -> dict[str, Any]:
        """Begin a saga, and return it; `options` are the other fields of the call, such as `business_key`.

        Without an `idempotency_key` one is made, which holds for the tries of this call. Raises `Refused` and
        `Unanswered`.
        """
        body = {"definition": definition, "input": input, **options}
        return self._send("POST", "sagas/", body, key=idempotency_key or str(uuid4()), wait=wait)

    def get(self, saga: str, *, wait: timedelta = timedelta(0), state: str | None = None) -> dict[str, Any]:
        """A saga; with `wait` when it has ended, or is in another state than `state`, or the time is up."""
        return self._send("GET", f"sagas/{saga}/", wait=wait, query={"state": state} if state else {})

    def find(self, **which: Any) -> Iterator[dict[str, Any]]:
        """All sagas that fit, page by page, the newest first."""
        address: str | None = "sagas/"
        query = which
        while address:
            found = self._send("GET", address, query=query)
            yield from found["results"]
            address, query = found["next"], {}

    def signal(self, saga: str, name: str, payload: Any = None, *, id: str | None = None) -> dict[str, Any]:  # noqa: A002
        """Tell a saga something; without an `id` one is made, which holds for the tries of this call."""
        body = {"id": id or str(uuid4()), "payload": payload}
        return self._send("POST", f"sagas/{saga}/signals/{quote(name, safe='')}/", body)

    def signal_by_key(
        self,
        definition: str,
        business_key: str,
        name: str,
        payload: Any = None,
        *,
        id: str | None = None,  # noqa: A002
        start_if_missing: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Tell whoever holds a business key something; `start_if_missing` begins the saga, such as {"input": …}."""
        holder = "/".join(quote(part, safe="") for part in (definition, business_key))
        body = {"id": id or str(uuid4()), "payload": payload, "start_if_missing": start_if_missing}
        return self._send("POST", f"sagas/by-key/{holder}/signals/{quote(name, safe='')}/", body)

    def act(self, saga: str, verb: str, reason: str, *, dry_run: bool = False, **arguments: Any) -> dict[str, Any]:
        """Call a verb such as "retry" or "give_up"; it is sent once, since verbs have no key of their own."""
        path = f"sagas/{saga}/{verb.replace('_', '-')}/"
        query = {"dry_run": "true"} if dry_run else {}
        return self._send("POST", path, {"reason": reason, **arguments}, query=query, tries=1)

    def _send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        wait: timedelta = timedelta(0),
        query: Mapping[str, Any] | None = None,
        tries: int | None = None,
    ) -> dict[str, Any]:
        asked = dict(query or {}) | ({"wait": int(wait.total_seconds())} if wait else {})
        headers = {"Idempotency-Key": key} if key else {}
        patience = self._timeout + wait.total_seconds()
        last = tries or self._tries
        for number in range(1, last + 1):
            pause = min(FIRST_PAUSE * 2**number, LONGEST_PAUSE)
            try:
                answer = self._client.request(
                    method, path, params=asked or None, headers=headers, json=body, timeout=patience
                )
            except httpx.TransportError as error:
                if number == last:
                    raise Unanswered(f"No answer came: {type(error).__name__}.") from error
                time.sleep(pause)
                continue
            if not _come_again(answer) or number == last:
                return _read(answer)
            time.sleep(min(_seconds(answer) or pause, LONGEST_PAUSE))
        raise AssertionError("never reached")  # the last try returns or raises


def _come_again(answer: httpx.Response) -> bool:
    return answer.status_code in AGAIN or (answer.status_code == 409 and "Retry-After" in answer.headers)


def _seconds(answer: httpx.Response) -> float | None:
    given = answer.headers.get("Retry-After", "")
    return float(given) if given.isascii() and given.isdecimal() else None


def _read(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = {}
    if answer.is_success and isinstance(found, dict):
        return found
    raise Refused(answer.status_code, found if isinstance(found, dict) else {})
