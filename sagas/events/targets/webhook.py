"""A signed webhook: each event is POSTed as Standard Webhooks has it, under its own id, until a 2xx answers it.

What was answered is kept with the event. 410 says that nobody wants it any more; everything else is tried again, more
and more patiently, and in the end parked.
"""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from django.utils import timezone

from gateway import calls, signatures
from sagas.events.envelope import CONTENT_TYPE, encoded
from sagas.events.targets.target import NotTaken, Outcome, Sent, Target, Unwanted
from sagas.models import OutboxEvent

GONE = 410


class Webhook(Target):
    """`url` is called; `secrets` (`whsec_…`) sign, all of them, so that one can be changed; `headers` go along."""

    at_once: ClassVar[int] = 8

    def __init__(self, *, url: str, secrets: Sequence[str], headers: Mapping[str, str] | None = None) -> None:
        if not url.startswith(("https://", "http://")):
            raise ValueError("url must begin with https:// or http://.")
        if isinstance(secrets, str) or not secrets:
            raise ValueError("secrets is a list of words that begin with whsec_, at least one.")
        signatures.signed(secrets, "a try", b"", timezone.now())
        self._url, self._secrets, self._headers = url, tuple(secrets), dict(headers or {})
        self._pool = ThreadPoolExecutor(max_workers=self.at_once, thread_name_prefix="webhook")

    def send(self, events: Sequence[OutboxEvent]) -> list[Outcome]:
        """All at once, each answered on its own."""
        return list(self._pool.map(self._post, events))

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False)

    def _post(self, event: OutboxEvent) -> Outcome:
        body, began = encoded(event), time.monotonic()
        headers = self._headers | signatures.signed(self._secrets, event.event_id, body, timezone.now())
        headers |= {"Content-Type": CONTENT_TYPE}
        if trace := event.document.get("traceparent"):
            headers["traceparent"] = trace

        def log(**what: Any) -> dict[str, Any]:
            return {**what, "ms": round((time.monotonic() - began) * 1000)}

        try:
            answer = calls.post(self._url, body, headers=headers)
        except (calls.NotReached, calls.Lost) as error:
            return NotTaken(reason=str(error), log=log(error=str(error)))
        if 200 <= answer.status < 300:
            return Sent(log=log(status=answer.status))
        reason = f"It answered {answer.status}."
        if answer.status == GONE:
            return Unwanted(reason=f"{reason} Nobody wants this any more.", log=log(status=answer.status))
        return NotTaken(reason=reason, after=answer.retry_after, log=log(status=answer.status))
