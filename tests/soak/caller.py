"""A caller of the API, who asks the next web server when one does not answer."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

PATIENCE = 10.0
"""Seconds that a caller waits for an answer."""


@dataclass(frozen=True)
class Said:
    """An answer; status 0 when there was none."""

    status: int
    document: dict[str, Any]

    @property
    def code(self) -> str:
        """What a problem is called."""
        return str(self.document.get("code", ""))

    @property
    def is_final(self) -> bool:
        """Whether asking again would be answered differently: not, unless the trouble was ours or only for now."""
        return 0 < self.status < 500 and self.code not in ("busy", "idempotency_key_at_work")


class Caller:
    """One thread's connection to the API."""

    def __init__(self, webs: Sequence[str], key: str) -> None:
        self._webs = itertools.cycle(webs)
        headers = {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(headers=headers, timeout=PATIENCE, trust_env=False)
        self._web = next(self._webs)

    def ask(self, method: str, path: str, body: Any = None, *, of: str = "sagas", **headers: str) -> Said:
        """Ask once, about sagas or something else. Without an answer the next request goes to the other server."""
        try:
            answer = self._http.request(method, f"{self._web}/api/v1/{of}/{path}", json=body, headers=headers)
            document = answer.json()
        except (httpx.HTTPError, ValueError):
            self._web = next(self._webs)
            return Said(0, {})
        if answer.status_code >= 500:
            self._web = next(self._webs)
        return Said(answer.status_code, document if isinstance(document, dict) else {})

    def close(self) -> None:
        self._http.close()
