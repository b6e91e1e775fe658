"""The checker can fail: each kind of violation, planted into a database and ledgers of which all was well."""

from collections.abc import Callable

import pytest

from tests.soak.bench import AT, Bench, moved

Spoil = Callable[[Bench], object]


def record(sql: str) -> Spoil:
    """Spoil the coordinator's database."""
    return lambda bench: bench.record.execute(sql)


def ledger(service: str, sql: str) -> Spoil:
    """Spoil a participant's ledger."""
    return lambda bench: bench.ledgers[service].execute(sql)


def journal(saga: str, rev: int, *moves: dict[str, object]) -> Spoil:
    """Write one more journal row."""

    def write(bench: Bench) -> None:
        bench.entry(saga, rev, *moves)
        bench.record.execute("UPDATE sagas_saga SET rev = ? WHERE id = ?", (rev, saga))

    return write


SPOILED: list[tuple[str, Spoil]] = [
    ("no saga is lost", record("DELETE FROM sagas_saga WHERE id = 'd'")),
    ("no good start is refused", lambda bench: bench.promises.refuse("no")),
    ("one key, one saga", lambda bench: bench.promises.starts[0].sagas.add("another")),
    ("one key, one saga", record(f"INSERT INTO sagas_saga VALUES ('x', '', 'completed', '', 0, NULL, '{AT}', '{AT}')")),
    ("started = ended + live", record("UPDATE sagas_saga SET ended_at = NULL WHERE id = 'd'")),
    ("every saga has ended", record("UPDATE sagas_saga SET state = 'running', ended_at = NULL WHERE id = 'd'")),
    ("at most one end", record("UPDATE sagas_saga SET ended_at = NULL WHERE id = 'd'")),
    ("at most one end", journal("u", 12, {"saga": "compensated"})),
    ("each revision is in the journal once", record("DELETE FROM sagas_journal WHERE saga_id = 'd' AND rev = 4")),
    ("each revision is in the journal once", lambda bench: bench.entry("d", 6)),
    ("only legal moves of sagas", journal("d", 7, {"saga": "running"})),
    ("only legal moves of steps", journal("d", 7, moved("charge", "failed", 4, "failed", "owed"))),
    ("only legal moves of steps", journal("d", 7, moved("charge", "undone", 4, "succeeded", "done"))),
    ("the journal ends where the row is", record("UPDATE sagas_saga SET state = 'failed' WHERE id = 'd'")),
    ("the journal ends where the row is", record("UPDATE sagas_run SET undo = 'none' WHERE saga_id = 'd'")),
    ("tokens only grow", journal("d", 7, moved("charge", "late", 1, "succeeded", "owed"))),
    ("tokens only grow", journal("u", 12, moved("charge", "claimed", 6, "x"), moved("charge", "claimed", 6, "x"))),
    ("one result for each step and direction", journal("d", 7, moved("charge", "succeeded", 4, "succeeded", "owed"))),
    ("one result for each step and direction", journal("u", 12, moved("charge", "undone", 7, "succeeded", "done"))),
    (
        "completed: every step once, none undone",
        record("UPDATE sagas_run SET undo = 'done' WHERE saga_id = 'd' AND path = 'charge'"),
    ),
    (
        "completed: every step once, none undone",
        record("UPDATE sagas_run SET state = 'cancelled' WHERE saga_id = 'd' AND path = 'charge'"),
    ),
    (
        "compensated: what may have happened is undone",
        record("UPDATE sagas_run SET undo = 'owed' WHERE saga_id = 'u' AND path = 'charge'"),
    ),
    (
        "undone in reverse order",
        record("UPDATE sagas_run SET seq = 3 - seq WHERE saga_id = 'u'"),
    ),
    ("completed: each effect is there once", lambda bench: bench.effect("payments", "action", "d:charge:0:2")),
    (
        "completed: each effect is there once",
        ledger("stock", "DELETE FROM participant_entry WHERE key = 'd:reserve:0:1'"),
    ),
    (
        "compensated: the net effect is zero",
        ledger("stock", "DELETE FROM participant_entry WHERE kind = 'compensation'"),
    ),
    ("each key is applied at most once", lambda bench: bench.effect("payments", "action", "d:charge:0:1")),
    (
        "no action after its compensation",
        ledger("payments", "UPDATE participant_entry SET id = 99 WHERE key = 'u:charge:0:1'"),
    ),
    (
        "no effect without a recorded attempt",
        ledger("payments", "INSERT INTO participant_call VALUES ('POST', 'd:charge:0:1')"),
    ),
    ("no effect without a recorded attempt", lambda bench: bench.effect("stock", "action", "nobody:reserve:0:1")),
    ("money, stock and points are conserved", ledger("loyalty", "UPDATE loyalty_account SET balance = 99")),
    ("each signal is stored once", record("DELETE FROM sagas_signal")),
    ("each signal is applied once", record("UPDATE sagas_signal SET taken_by_id = NULL")),
    ("each signal is applied once", record("INSERT INTO sagas_signal VALUES (2, 'd', 's2', '', 1)")),
    ("one audit entry for each action", record("DELETE FROM sagas_audit")),
    ("one audit entry for each action", record("INSERT INTO sagas_audit VALUES ('d', 'retry', 'r1')")),
    ("one audit entry for each action", record("INSERT INTO sagas_audit VALUES ('d', 'cancel', 'r2')")),
    ("one audit entry for each action", record("INSERT INTO sagas_audit VALUES ('d', 'skip', 'nobody')")),
    ("one audit entry for each action", record("INSERT INTO sagas_audit VALUES (NULL, 'release', 'r3')")),
    ("what waited for a participant goes on", record("UPDATE sagas_hold SET ended_at = NULL")),
    ("what waited for a participant goes on", record("UPDATE sagas_run SET hold_id = 1 WHERE path = 'charge'")),
]


def test_where_all_is_well_nothing_is_said():
    assert Bench().look().violations == []


@pytest.mark.parametrize(
    ("name", "spoil"), SPOILED, ids=[f"{number} {name}" for number, (name, _) in enumerate(SPOILED)]
)
def test_a_planted_violation_is_reported(name: str, spoil: Spoil):
    bench = Bench()
    spoil(bench)
    assert bench.look()[name].violations != []
