"""Sagas of all shapes, started over REST by several starters, each of whom asks until it is answered."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

from tests.soak.caller import Caller
from tests.soak.promises import Promises, Start

STARTERS = 4
SHAPES = {
    "soak_line": 5,
    "soak_parallel": 3,
    "soak_each": 3,
    "soak_wait": 3,
    "soak_approval": 2,
    "soak_parent": 3,
    "soak_person": 1,
}
"""The shapes, and how many of each among twenty."""
AGAIN = 0.25


class Load:
    """The starters. `may_start` says whether there is room for one more, `whenever` is told of each start."""

    def __init__(
        self,
        caller: Callable[[], Caller],
        promises: Promises,
        seed: int,
        *,
        rate: float,
        may_start: Callable[[], bool],
        whenever: Callable[[Start], None],
    ) -> None:
        self._caller, self._promises, self._seed = caller, promises, seed
        self._pause = 1 / rate
        self._may_start, self._whenever = may_start, whenever
        self._next = 0.0
        self._pacing = threading.Lock()
        self._enough, self._hopeless = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=self._start_many, args=(number,)) for number in range(STARTERS)]

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, *, patiently: bool = True) -> None:
        """Begin no more, and wait until each that was asked for is answered; unless not even that is waited for."""
        self._enough.set()
        if not patiently:
            self._hopeless.set()
        for thread in self._threads:
            thread.join()

    def _start_many(self, number: int) -> None:
        chance, caller = Random(f"{self._seed} starter {number}"), self._caller()
        while self._turn():
            self._start(chance, caller)
        caller.close()

    def _turn(self) -> bool:
        """Wait for this starter's turn; False when there is no more."""
        while not self._enough.is_set():
            with self._pacing:
                now = time.monotonic()
                if now >= self._next and self._may_start():
                    self._next = max(self._next + self._pause, now - 1)
                    return True
            self._enough.wait(min(self._pause, 0.05))
        return False

    def _start(self, chance: Random, caller: Caller) -> None:
        key = str(UUID(int=chance.getrandbits(128), version=4))
        shape = chance.choices(list(SHAPES), list(SHAPES.values()))[0]
        given = an_order(chance, shape, key)
        began, at = time.monotonic(), datetime.now(UTC)
        said = caller.ask("POST", "", {"definition": shape, "input": given}, **{"Idempotency-Key": key})
        seconds = time.monotonic() - began
        start = Start(key=key, shape=shape, fails=given["fails"], at=at, seconds=seconds, first=said.status)
        while not said.is_final:
            if self._hopeless.wait(AGAIN):
                return
            start.asked += 1
            said = caller.ask("POST", "", {"definition": shape, "input": given}, **{"Idempotency-Key": key})
        if said.status not in (200, 201):
            self._promises.refuse(f"{shape} with {given} was refused with {said.status}: {said.document}")
            return
        self._note(start, said.document)
        if chance.random() < 0.1:  # a caller that did not trust the answer
            again = caller.ask("POST", "", {"definition": shape, "input": given}, **{"Idempotency-Key": key})
            if again.status in (200, 201):
                start.sagas.add(again.document["id"])

    def _note(self, start: Start, document: dict[str, Any]) -> None:
        start.saga = document["id"]
        start.sagas.add(start.saga)
        self._promises.started(start)
        self._whenever(start)


def an_order(chance: Random, shape: str, key: str) -> dict[str, Any]:
    """The input of a saga; one in four is going to fail at some row."""
    fails = chance.choice(["reserve", "charge", "inspect"]) if chance.random() < 0.25 else ""
    if shape == "soak_person":
        fails = "charge"
    return {
        "order_id": key,
        "amount": chance.randint(1, 500),
        "lines": [chance.randint(1, 3) for _ in range(chance.randint(2, 5))],
        "fails": fails,
    }
