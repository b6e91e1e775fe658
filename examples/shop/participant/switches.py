"""Failures on request: what goes wrong, where, and how often.

| what          | before the effect          | after the effect                                            |
|---------------|----------------------------|-------------------------------------------------------------|
| `slow`        | waits `milliseconds`       |                                                             |
| `error`       | 500                        |                                                             |
| `unavailable` | 503, `retry_after` seconds |                                                             |
| `declined`    | `status` (422)             |                                                             |
| `hold`        | waits until it is released |                                                             |
| `error_after` |                            | 500                                                         |
| `time_out`    |                            | no answer for `milliseconds`, then the connection is closed |
| `cut`         |                            | the connection is closed without an answer                  |
| `garbage`     |                            | 200 with a page instead of JSON                             |
| `truncated`   |                            | half of the answer, then the connection is closed           |
| `hold_after`  |                            | the answer is held back until it is released                |

And three for what a participant says later, at the address that its caller gave:

| what         | the call back                      |
|--------------|------------------------------------|
| `call_late`  | is made `milliseconds` later       |
| `call_lost`  | is never made                      |
| `call_twice` | is made once more after its answer |
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Literal

from django.http import HttpRequest, HttpResponse
from pydantic import BaseModel, ConfigDict, PositiveInt

from examples.shop.participant.problems import problem

BEFORE = ("slow", "error", "unavailable", "declined", "hold")
CALLING_BACK = ("call_late", "call_lost", "call_twice")


class Switch(BaseModel):
    """One failure, set with `POST /switches`. Without `path` (its beginning is enough), `method`, `order` or `body` (a
    part of it is enough) it strikes whatever comes next."""

    model_config = ConfigDict(extra="forbid")

    what: Literal[
        "slow", "error", "unavailable", "declined", "hold",
        "error_after", "time_out", "cut", "garbage", "truncated", "hold_after",
        "call_late", "call_lost", "call_twice",
    ]  # fmt: skip
    path: str = ""
    method: str = ""
    order: str = ""
    body: str = ""
    times: PositiveInt | None = 1
    """How many calls it strikes; `null`: all of them until the switches are cleared."""
    milliseconds: int = 60_000
    retry_after: int = 1
    status: int = 422

    def strikes(self, request: HttpRequest) -> bool:
        return (
            self.what not in CALLING_BACK
            and request.path.startswith(self.path)
            and self.method in ("", request.method)
            and self.body.encode() in request.body
            and (not self.order or f"/{self.order}/" in request.path or f'"{self.order}"'.encode() in request.body)
        )

    def strikes_callback(self, body: object) -> bool:
        return self.what in CALLING_BACK and (not self.order or f'"{self.order}"' in json.dumps(body))


@dataclass(frozen=True)
class Held:
    """A call that waits to be released."""

    method: str
    path: str
    key: str
    when: str


class Board:
    """The switches of this process, and the calls that they hold."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._switches: list[Switch] = []
        self._held: dict[threading.Event, Held] = {}

    def set(self, switch: Switch) -> None:
        with self._lock:
            self._switches.append(switch)

    def clear(self) -> None:
        """Nothing goes wrong any more, and what was held goes on."""
        with self._lock:
            self._switches.clear()
        self.release()

    def release(self) -> int:
        """Let every held call go on; gives their number."""
        with self._lock:
            for event in self._held:
                event.set()
            return len(self._held)

    def shown(self) -> dict[str, object]:
        with self._lock:
            return {
                "switches": [switch.model_dump() for switch in self._switches],
                "held": len(self._held),
                "held_calls": [asdict(held) for held in self._held.values()],
            }

    def take(self, request: HttpRequest) -> Switch | None:
        """The first switch that strikes this call, used up by one."""
        return self._take(lambda switch: switch.strikes(request))

    def take_callback(self, body: object) -> Switch | None:
        """The first switch that strikes this call back, used up by one."""
        return self._take(lambda switch: switch.strikes_callback(body))

    def _take(self, strikes: Callable[[Switch], bool]) -> Switch | None:
        with self._lock:
            switch = next(filter(strikes, self._switches), None)
            if switch is not None and switch.times is not None:
                switch.times -= 1
                if switch.times == 0:
                    self._switches.remove(switch)
            return switch

    @contextmanager
    def _holding(self, request: HttpRequest, when: str) -> Iterator[threading.Event]:
        event = threading.Event()
        key = request.headers.get("Idempotency-Key", "")
        with self._lock:
            self._held[event] = Held(request.method or "", request.path, key, when)
        try:
            yield event
        finally:
            with self._lock:
                del self._held[event]

    def struck(
        self, switch: Switch, request: HttpRequest, answer: Callable[[HttpRequest], HttpResponse]
    ) -> HttpResponse:
        """The answer to a call that the switch strikes."""
        if switch.what in BEFORE:
            return self._before(switch, request) or answer(request)
        return self._after(switch, request, answer(request))

    def _before(self, switch: Switch, request: HttpRequest) -> HttpResponse | None:
        match switch.what:
            case "error":
                return HttpResponse("Internal Server Error", status=500, content_type="text/plain")
            case "unavailable":
                headers = {"Retry-After": str(switch.retry_after)}
                return problem(503, "unavailable", "The service is down for a moment.", **headers)
            case "declined":
                return problem(switch.status, "declined", "The request was declined.")
            case "slow":
                threading.Event().wait(switch.milliseconds / 1000)
            case "hold":
                with self._holding(request, "before") as released:
                    released.wait()
        return None

    def _after(self, switch: Switch, request: HttpRequest, answer: HttpResponse) -> HttpResponse:
        match switch.what:
            case "error_after":
                return HttpResponse("Internal Server Error", status=500, content_type="text/plain")
            case "garbage":
                return HttpResponse("<html><h1>It works!</h1></html>")
            case "time_out":
                threading.Event().wait(switch.milliseconds / 1000)
                return Broken(request)
            case "cut":
                return Broken(request)
            case "truncated":
                return Broken(request, answer.content)
        with self._holding(request, "after") as released:
            released.wait()
        return answer


class Broken(HttpResponse):
    """An answer whose connection is closed in the middle, or before it begins when there is no `whole` to break off."""

    def __init__(self, request: HttpRequest, whole: bytes = b"") -> None:
        super().__init__(whole[: len(whole) // 2], content_type="application/json")
        self["Content-Length"] = str(len(whole))
        self._hang_up: Callable[[], None] = request.META["shop.hang_up"]
        if not whole:
            self._hang_up()

    def close(self) -> None:
        super().close()
        self._hang_up()


board = Board()
