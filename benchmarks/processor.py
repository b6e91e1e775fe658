"""What process trees cost, read from Linux's /proc: processor time and memory."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
GONE = (FileNotFoundError, ProcessLookupError)


def tree(roots: Iterable[int]) -> set[int]:
    """The process ids of these processes and of everything below them."""
    below: dict[int, list[int]] = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            with suppress(*GONE):
                below.setdefault(_parent(folder), []).append(int(folder.name))
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += below.get(pid, [])
    return found


def seconds(roots: Iterable[int]) -> float:
    """Processor seconds that these trees have used so far, those of children that have ended included."""
    total = 0
    for pid in tree(roots):
        with suppress(*GONE):
            total += sum(int(ticks) for ticks in _fields(PROC / str(pid))[11:15])  # utime, stime, cutime, cstime
    return total / TICKS


def machine_seconds() -> float:
    """Processor seconds that the whole machine has spent on anything so far."""
    user, nice, system, _idle, _waiting, *others = map(int, (PROC / "stat").read_text().splitlines()[0].split()[1:])
    return (user + nice + system + sum(others[:3])) / TICKS  # others: interrupts, soft interrupts, stolen


def memory(roots: Iterable[int]) -> int:
    """Bytes that these trees hold now; a page that several processes share is counted once, in parts."""
    total = 0
    for pid in tree(roots):
        with suppress(*GONE):
            rollup = (PROC / str(pid) / "smaps_rollup").read_text()
            total += sum(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
    return total


def _parent(folder: Path) -> int:
    return int(_fields(folder)[1])


def _fields(folder: Path) -> list[str]:
    """The fields of a process's stat from its state on; its name, which may hold anything, stands before them."""
    return (folder / "stat").read_text().rpartition(")")[2].split()
