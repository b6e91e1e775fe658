"""What an edit changed, place by place, and without what is secret."""

import json

from sagas.operations.difference import difference, in_words
from sagas.record.sealing import sealed

BEFORE = {"order": "A", "lines": [{"sku": "book", "quantity": 1}, {"sku": "pen"}], "flag": True, "old": None}
AFTER = {"order": "A", "lines": [{"sku": "book", "quantity": 2}], "flag": 1, "new": [1]}


def test_it_names_the_deepest_places():
    assert difference(BEFORE, AFTER) == {
        "lines/0/quantity": {"before": 1, "after": 2},
        "lines/1": {"before": {"sku": "pen"}},
        "flag": {"before": True, "after": 1},
        "old": {"before": None},
        "new": {"after": [1]},
    }
    assert difference(BEFORE, BEFORE) == {}
    assert difference([1], 2) == {"before": [1], "after": 2}


def test_it_says_so_in_words():
    assert list(in_words(difference(BEFORE, AFTER))) == [
        "lines/0/quantity becomes 2; it was 1.",
        'lines/1 is left out; it was {"sku": "pen"}.',
        "flag becomes 1; it was true.",
        "old is left out; it was null.",
        "new is new: [1].",
    ]
    assert list(in_words(difference([1], 2))) == ["Its input becomes another one."]
    assert all(len(said) < 120 for said in in_words(difference({"a": "x" * 999}, {"a": "y"})))


def test_a_secret_is_compared_and_never_said():
    before, same, other = ({"card": sealed(number)} for number in ("4111-1", "4111-1", "4999-9"))
    assert difference(before, same) == {}
    kept = difference(before, other)
    assert kept.keys() == {"card"}
    said = " ".join(in_words(kept))
    assert "card becomes" in said
    assert "4111" not in said + json.dumps(kept)
