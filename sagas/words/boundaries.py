"""Places that a running process passes and at which it may die; nothing happens there, unless somebody watches.

committed   a turn on a saga, or the birth of one, was written and its transaction has ended (unless that stands in one
            of the caller's, whose end is the caller's)
ringing     a message is about to be sent; rung: it was given away
calling     a team's function is about to be called; called: it returned or raised, and nothing is recorded yet
deciding    a row's own functions are about to be asked; decided: they have answered, and nothing is recorded yet
sending     a request is about to be sent to a participant; answered: there was an answer, or none will come
telling     people are about to be told; told: they were, or could not be
firing      a clock was found to be over (a wait, a lease, a deadline) and is about to be acted on
marked      the sweep left its mark
judged      a silent worker was declared gone
forgotten   a worker that left in order, or workers that have been gone for long, were removed
noted       what is due and unheard was noted as rung for; or how a held participant stands, and what of it is let go
pushed_on   a clock that this process cannot act on was put forward
beat        a worker's heartbeat was written
renewed     a running attempt's lease, or its progress, was written
pruned      sagas that ended long ago were removed
shipped     events were sent, and that is not noted yet
taken_in    what an event from outside meant is committed, and its source has not been told
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Watcher = Callable[[str], None]

COMMITS = frozenset({"committed", "marked", "judged", "forgotten", "noted", "pushed_on", "beat", "renewed", "pruned"})
"""Those that stand after a transaction which wrote something; there is no such transaction without one."""
ALL = COMMITS | {
    *("ringing", "rung", "calling", "called", "deciding", "decided"),
    *("sending", "answered", "telling", "told", "firing"),
    *("shipped", "taken_in"),
}

_watchers: list[Watcher] = []
_written: ContextVar[list[str] | None] = ContextVar("what the open transaction of ours has written", default=None)


def passed(name: str) -> None:
    """Tell whoever watches; what a watcher raises ends what was going on, as a crash would."""
    for watcher in _watchers:
        watcher(name)


def committed(name: str = "committed") -> None:
    """Something was written; within `one_commit` that is told at its end."""
    written = _written.get()
    if written is None:
        passed(name)
    else:
        written.append(name)


@contextmanager
def one_commit() -> Iterator[None]:
    """What is written within this context is committed at its end, and told once; within another, at its end."""
    if _written.get() is not None:
        yield
        return
    written: list[str] = []
    token = _written.set(written)
    try:
        yield
    finally:
        _written.reset(token)
    if written:
        passed(written[0])


def nothing_written() -> None:
    """What was written within this `one_commit` so far is rolled back."""
    if (written := _written.get()) is not None:
        written.clear()


@contextmanager
def watched(by: Watcher) -> Iterator[None]:
    """Within this context the watcher is told of every boundary; for tests."""
    _watchers.append(by)
    try:
        yield
    finally:
        _watchers.remove(by)
