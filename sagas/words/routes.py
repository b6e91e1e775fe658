"""What an event from outside means: it starts a saga, or signals one. Built by `on_event`, beside the sagas.

on_event("order.created", start="order", key=number, input=the_order)
on_event("payment.settled", signal="payment_settled", key=number, park_for=timedelta(hours=1))
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from sagas.words import registry
from sagas.words.definition import Definition
from sagas.words.events import wanted
from sagas.words.rows import Wait

OnDuplicate = Literal["return", "refuse", "replace", "queue"]
_PATTERN = re.compile(r"[A-Za-z0-9_*-]+(\.[A-Za-z0-9_*-]+)*")


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event from outside, as functions of a route see it: `data` is JSON, `attributes` is all that came with it."""

    id: str
    type: str
    source: str = ""
    subject: str = ""
    time: str = ""
    data: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)


Function = Callable[[Event], Any]


@dataclass(frozen=True, kw_only=True)
class Route:
    """What events of a type, or of a pattern such as "payment.*", mean."""

    type: str
    start: str = ""
    signal: str = ""
    saga: str = ""
    key: Function | None = None
    input: Function | None = None
    payload: Function | None = None
    on_duplicate: OnDuplicate = "return"
    park_for: timedelta | None = None

    @property
    def definition(self) -> str:
        """The saga that it is about: said, or the only one that waits for the signal. Empty if that cannot be told."""
        names = {table.name for table in waiting_for(self.signal)} if self.signal else set()
        return self.start or self.saga or (names.pop() if len(names) == 1 else "")


_routes: list[Route] = []


def on_event(
    type: str,  # noqa: A002 - CloudEvents' word
    *,
    start: str = "",
    signal: str = "",
    saga: str = "",
    key: Function | None = None,
    input: Function | None = None,
    payload: Function | None = None,
    on_duplicate: OnDuplicate = "return",
    park_for: timedelta | None = None,
) -> Route:
    """An event of that type starts a saga, or signals the open one that holds a business key.

    start, signal   the definition that begins, or the name of the signal
    saga            the definition that is signalled; need not be said where only one waits for the signal
    key             a function of the event: the business key, of the new saga or of the one that is signalled
    input, payload  a function of the event: what the saga, or the signal, is given; without one it is the event's data
    on_duplicate    what happens when an open saga holds the key, as of `start`
    park_for        how long a signal waits for its saga to begin; without it, such an event is parked at once

    An event may have several routes: all are taken in one transaction. Wrong ones are told by `manage.py check`.
    """
    given = {"key": key, "input": input, "payload": payload}
    route = Route(
        type=type, start=start, signal=signal, saga=saga, on_duplicate=on_duplicate, park_for=park_for, **given
    )
    _routes.append(route)
    return route


def everything() -> tuple[Route, ...]:
    """All routes that were declared."""
    return tuple(_routes)


def of(type: str) -> list[Route]:  # noqa: A002
    """The routes of events of that type."""
    return [route for route in _routes if wanted([route.type], type)]


def problems() -> list[str]:
    """All that is wrong in all routes, a sentence each."""
    return [f"on_event({route.type!r}): {fault}" for route in _routes for fault in _faults(route)]


def waiting_for(signal: str) -> list[Definition]:
    """The definitions of which a row waits for that signal."""
    return [
        table
        for table in registry.everything()
        if any(isinstance(place.row, Wait) and place.row.signal == signal for place in table.walk())
    ]


def _faults(route: Route) -> Iterator[str]:
    if not isinstance(route.type, str) or not _PATTERN.fullmatch(route.type):
        yield "the type is words joined by dots, such as 'order.created'."
    if bool(route.start) == bool(route.signal):
        yield "say either start= or signal=."
        return
    known = {table.name for table in registry.everything()}
    if route.definition and route.definition not in known:
        yield f"there is no saga {route.definition!r}; there are: {', '.join(sorted(known)) or 'none'}."
    for name in ("key", "input", "payload"):
        if (function := getattr(route, name)) is not None and not callable(function):
            yield f"{name} must be a function of the event."
    if route.signal:
        yield from _faults_of_signal(route)
    elif route.payload or route.park_for or route.saga:
        yield "payload, park_for and saga belong to signal=."


def _faults_of_signal(route: Route) -> Iterator[str]:
    names = sorted({table.name for table in waiting_for(route.signal)})
    if not names:
        yield f"no saga waits for the signal {route.signal!r}."
    elif route.saga and route.saga not in names:
        yield f"saga {route.saga!r} does not wait for the signal {route.signal!r}."
    elif not route.definition:
        yield f"say saga=: {', '.join(names)} wait for the signal {route.signal!r}."
    if route.key is None:
        yield "say key=, a function that gives the business key of the saga to signal."
    if route.input:
        yield "input belongs to start=; what a signal is given is its payload."
    if route.park_for is not None and route.park_for <= timedelta(0):
        yield "park_for must be longer than nothing."


class Replaced:
    """Within this context only these routes are known; for tests."""

    def __init__(self, *given: Route) -> None:
        self._given = given

    def __enter__(self) -> None:
        self._before = list(_routes)
        _routes[:] = self._given

    def __exit__(self, *exception: object) -> None:
        _routes[:] = self._before
