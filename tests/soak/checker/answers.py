"""What was answered over REST, held against what is written down: starts, signals, and what people did."""

from collections import Counter, defaultdict

from tests.soak.checker.record import ENDS, Connection, Saga
from tests.soak.checker.sums import Sums
from tests.soak.promises import Deed, Promises

SIGNALS = "SELECT id, saga_id, dedup_id, flag, taken_by_id FROM sagas_signal"
AUDIT = "SELECT saga_id, verb, reason FROM sagas_audit"


def check(line: Connection, sagas: list[Saga], promises: Promises, sums: Sums) -> None:
    """All of it."""
    _starts(sagas, promises, sums)
    _counts(sagas, sums)
    _signals(line, sagas, promises, sums)
    _audit(line, sagas, promises, sums)


def _starts(sagas: list[Saga], promises: Promises, sums: Sums) -> None:
    there = {saga.id for saga in sagas if saga.parent is None}
    for start in promises.starts:
        sums["no saga is lost"].see(start.saga in there, f"saga {start.saga} was answered, and is not there")
        sums["one key, one saga"].see(
            len(start.sagas) == 1, f"the key {start.key} was answered with the sagas {sorted(start.sagas)}"
        )
    sums["no good start is refused"].looked_at += len(promises.starts)
    for sentence in promises.refused:
        sums["no good start is refused"].see(False, sentence)
    for saga in sorted(there - promises.ids):
        sums["one key, one saga"].see(False, f"saga {saga} is there, and no start was answered with it")


def _counts(sagas: list[Saga], sums: Sums) -> None:
    ended = sum(saga.ended_at is not None for saga in sagas)
    live = sum(saga.state not in ENDS for saga in sagas)
    sums["started = ended + live"].see(
        ended + live == len(sagas), f"{len(sagas)} were started, {ended} have ended, {live} are live"
    )
    for saga in sagas:
        sums["every saga has ended"].see(
            saga.ended_at is not None, f"saga {saga.id} ({saga.definition}) is still {saga.state}"
        )


def _signals(line: Connection, sagas: list[Saga], promises: Promises, sums: Sums) -> None:
    """Each that was accepted is stored once; a saga that completed has taken its own, once."""
    stored: dict[tuple[str, str], list[tuple[str, int | None]]] = defaultdict(list)
    for _, saga, number, flag, taken_by in line.execute(SIGNALS):
        stored[str(saga), number].append((flag, taken_by))
    state = {saga.id: saga.state for saga in sagas}
    for told in promises.told:
        rows = stored[told.saga, told.id]
        if told.status == 202:
            sums["each signal is stored once"].see(
                len(rows) == 1, f"{told} was accepted and is there {len(rows)} times"
            )
        elif not (told.status == 409 and told.code == "ended"):
            sums["each signal is stored once"].see(False, f"{told} was neither accepted nor late")
    taken = Counter(run for rows in stored.values() for _, run in rows if run is not None)
    for run, times in taken.items():
        sums["each signal is applied once"].see(times == 1, f"row {run} took {times} signals")
    for (saga, number), rows in stored.items():
        if rows and state.get(saga) == "completed" and rows[0][0] == "":
            sums["each signal is applied once"].see(
                rows[0][1] is not None, f"saga {saga} completed, and never took its signal {number}"
            )


def _audit(line: Connection, sagas: list[Saga], promises: Promises, sums: Sums) -> None:
    """One entry for each request that was answered well, none for one that was refused."""
    written: dict[str, list[tuple[str, str]]] = defaultdict(list)
    cancelled: set[str] = set()
    for saga, verb, reason in line.execute(AUDIT):
        written[reason].append((str(saga), verb))
        if verb == "cancel":
            cancelled.add(str(saga))
    back = cancelled | {saga.id for saga in sagas if saga.cause}
    audit = sums["one audit entry for each action"]
    for deed in promises.deeds:
        entries = written.pop(deed.reason, [])
        audit.see(_is_right(deed, entries, back), f"{deed} has the entries {entries}")
    for reason, entries in written.items():
        audit.see(False, f"nobody did {reason!r}, and it has the entries {entries}")


def _is_right(deed: Deed, entries: list[tuple[str, str]], back: set[str]) -> bool:
    """A second cancel is answered well and does nothing; what was not answered may have been done."""
    if any(verb != deed.verb or (deed.saga and saga != deed.saga) for saga, verb in entries):
        return False
    match deed.status:
        case 200:
            return len(entries) == 1 or (deed.verb == "cancel" and not entries and deed.saga in back)
        case status if 400 <= status < 500:
            return not entries
    return len(entries) <= 1
