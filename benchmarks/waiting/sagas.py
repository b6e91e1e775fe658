"""Three steps, each of which waits for one answer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sagas import saga, step

NAME = "benchmark_waiting"
STEPS = 3


def _asks(what: str) -> Callable[[Any], Any]:
    def ask(ctx: Any) -> Any:
        return ctx.service("slow").post("/work", json={"what": what}).json

    return ask


def _waits(what: str) -> Any:
    patient = timedelta(minutes=3)
    return step(_asks(what), name=what, no_compensation="It does nothing.", timeout=patient)


benchmark_waiting = saga(NAME, *(_waits(f"ask_{number}") for number in range(1, STEPS + 1)))
