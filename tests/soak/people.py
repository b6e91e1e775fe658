"""The people and services around the sagas: they signal, decide, cancel, and repair what needs a person."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any

from tests.soak.caller import Caller, Said
from tests.soak.promises import Deed, Promises, Start, Told

HANDS = 2
AGAIN = 0.5
LOOK_EVERY = 1.0
Task = Callable[[Caller], float | None]
"""Something to do; it answers after how many seconds it is to be done again, None when it is done."""


class People:
    """A list of what is to be done and when, and the hands that do it."""

    def __init__(self, caller: Callable[[], Caller], promises: Promises, seed: int) -> None:
        self._caller, self._promises = caller, promises
        self._chance = Random(f"{seed} people")
        self._todo: list[tuple[float, int, Task]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._ending = False
        self._threads = [threading.Thread(target=self._work) for _ in range(HANDS)]
        self.needing = 0

    def begin(self) -> None:
        self._later(LOOK_EVERY, self._repair)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Leave everything as it is."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def attend(self, start: Start) -> None:
        """See to a saga that was started: what it waits for comes, and some are cancelled."""
        with self._changed:
            chance = self._chance
            waits, patience, yes = chance.uniform(0, 4), chance.uniform(0, 5), chance.random() < 0.85
            cancelled, twice = chance.random() < 0.06, chance.random() < 0.2
            number = chance.getrandbits(64)
        if start.shape == "soak_wait":
            for again in range(1 + twice):
                self._later(waits + again, lambda caller: self._signal(caller, start.saga, f"{number:x}"))
        if start.shape == "soak_approval":
            self._later(waits, lambda caller: self._decide(caller, start.saga, yes))
        if cancelled:
            self._later(patience, lambda caller: self._cancel(caller, start.saga))

    def _later(self, seconds: float, task: Task) -> None:
        with self._changed:
            heapq.heappush(self._todo, (time.monotonic() + seconds, next(self._numbers), task))
            self._changed.notify()

    def _work(self) -> None:
        caller = self._caller()
        while (task := self._next()) is not None:
            again = task(caller)
            if again is not None:
                self._later(again, task)
        caller.close()

    def _next(self) -> Task | None:
        with self._changed:
            while not self._ending:
                until = self._todo[0][0] - time.monotonic() if self._todo else 1.0
                if self._todo and until <= 0:
                    return heapq.heappop(self._todo)[2]
                self._changed.wait(until)
        return None

    def _signal(self, caller: Caller, saga: str, number: str) -> float | None:
        body = {"id": number, "payload": {"number": number}}
        said = caller.ask("POST", f"{saga}/signals/settled/", body)
        if not said.is_final:
            return AGAIN
        self._promises.tell(Told(saga=saga, id=number, status=said.status, code=said.code))
        return None

    def _decide(self, caller: Caller, saga: str, yes: bool) -> float | None:
        said = self._do(caller, saga, "decide", step="looked_at", approved=yes)
        return AGAIN if not said.is_final or said.code in ("not_open", "no_such_step") else None

    def _cancel(self, caller: Caller, saga: str) -> float | None:
        said = self._do(caller, saga, "cancel")
        return AGAIN if not said.is_final or said.code == "at_the_pivot" else None

    def _repair(self, caller: Caller) -> float | None:
        """Try again what needs a person; whose card was declined gets another one."""
        said = caller.ask("GET", "?needs_person=true&limit=100")
        if said.status != 200:
            return LOOK_EVERY
        found = said.document["results"]
        self.needing = len(found)
        for line in found:
            self._repair_one(caller, line["id"])
        return LOOK_EVERY

    def _repair_one(self, caller: Caller, saga: str) -> None:
        seen = caller.ask("GET", f"{saga}/")
        if seen.status != 200 or not seen.document["needs_person"]:
            return
        given, edited = seen.document["input"], {}
        declined = any(
            row["reason"] == "refused" and row["direction"] == "forward" for row in seen.document["incidents"]
        )
        if declined and given["fails"] == "charge":
            edited = {"input": {**given, "fails": ""}}
        said = self._do(caller, saga, "retry", **edited)
        if said.code == "in_doubt":  # a declined card was never charged, whatever became of an earlier attempt
            self._do(caller, saga, "resolve", step="charge", landed=False)

    def _do(self, caller: Caller, saga: str, verb: str, **body: Any) -> Said:
        """One request, under a reason of its own."""
        reason = f"soak {verb} {next(self._numbers)}"
        said = caller.ask("POST", f"{saga}/{verb}/", {"reason": reason, **body})
        self._promises.did(Deed(verb=verb, saga=saga, reason=reason, status=said.status, code=said.code))
        return said
