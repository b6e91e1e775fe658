import sqlite3

from tests.soak.bench import BOOKS
from tests.soak.naive.outcome import of_chains

ORDERS = [
    {"order_id": name, "fails": fails} for name, fails in zip("abcde", ["", "charge", "", "reserve", ""], strict=True)
]
EFFECTS = {
    "stock": [("action", "a:reserve"), ("action", "b:reserve"), ("compensation", "b:reserve"), ("action", "c:reserve")],
    "payments": [("action", "a:charge")],
    "loyalty": [("action", "a:award"), ("action", "a:award")],
}


def test_chains_are_finished_undone_half_done_or_lost(tmp_path):
    for service, effects in EFFECTS.items():
        line = sqlite3.connect(tmp_path / f"{service}.sqlite3")
        line.executescript(BOOKS)
        for kind, key in effects:
            suffix = ":undo" if kind == "compensation" else ""
            values = (kind, f"{key}:0:1{suffix}", f"{key}:0:1")
            line.execute(
                "INSERT INTO participant_entry (kind, key, action_key, \"of\", quantity) VALUES (?, ?, ?, 'it', 1)",
                values,
            )
        line.commit()
        line.close()
    outcome = of_chains(tmp_path, ORDERS)
    assert (outcome.finished, outcome.undone, outcome.half_done, outcome.refused_at_once, outcome.lost) == (
        1,
        1,
        1,
        1,
        1,
    )
    assert (outcome.doubled, outcome.wrong) == (1, 2)
