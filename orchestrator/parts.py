"""Which of our apps a process serves: both, or one of them alone, with its own database, broker and addresses."""

from collections.abc import Iterable, Sequence

APPS = ("sagas", "notifications")


def served(names: Iterable[str], serves: Sequence[str]) -> list[str]:
    """Of these dotted names those that this process has: all but what is in an app of ours that it does not serve."""
    absent = set(APPS) - set(serves)
    return [name for name in names if name.partition(".")[0] not in absent]
