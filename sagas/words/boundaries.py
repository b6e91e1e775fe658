"""Places that a running process passes and at which it may die; nothing happens there, unless somebody watches.

committed   a turn on a saga was written (its transaction has ended, unless it stands in one of the caller's)
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Watcher = Callable[[str], None]

_watchers: list[Watcher] = []


def passed(name: str) -> None:
    """Tell whoever watches; what a watcher raises ends what was going on, as a crash would."""
    for watcher in _watchers:
        watcher(name)


@contextmanager
def watched(by: Watcher) -> Iterator[None]:
    """Within this context the watcher is told of every boundary; for tests."""
    _watchers.append(by)
    try:
        yield
    finally:
        _watchers.remove(by)
