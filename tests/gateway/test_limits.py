import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.limits import DEEPEST, LARGEST, LONGEST_NUMBER, LimitExceeded, check, clean_text

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**50), 10**50) | st.floats(-1e299, 1e299)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii", min_codepoint=1)), inner),
    max_leaves=20,
)  # fmt: skip


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def one_list_many_times() -> Any:
    value: Any = []
    for _ in range(DEEPEST - 1):
        value = [value] * 10
    return value


def in_itself() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


def repr_short(value: Any) -> str:
    return type(value).__name__ if not isinstance(value, str) else ascii(value)[:20]


@given(JSON)
def test_ordinary_json_is_fine(value: Any):
    check(value)


@pytest.mark.parametrize(
    "value", [nested(DEEPEST), "x" * (LARGEST - 2), 10**LONGEST_NUMBER - 1, {"a": ("b", None)}], ids=repr_short
)
def test_what_is_just_within_the_limits_is_fine(value: Any):
    check(value)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (nested(DEEPEST + 1), "nested more than 32 levels"),
        (nested(5000), "nested more than 32 levels"),
        (in_itself(), "nested more than 32 levels"),
        ("x" * LARGEST, f"at most {LARGEST} are allowed"),
        ("ä" * (LARGEST // 2), f"at most {LARGEST} are allowed"),
        (one_list_many_times(), "larger than 256 KiB"),
        (10**LONGEST_NUMBER, "more than 300 digits"),
        (1e300, "more than 300 digits"),
        ([1e-290] * 1000, "larger than 256 KiB"),
        ([1e290] * 1000, "larger than 256 KiB"),
        (float("nan"), "not finite"),
        (float("-inf"), "not finite"),
        ({"a": "b\x00"}, "U+0000"),
        ({"a\x00": "b"}, "U+0000"),
        (["\ud800"], "U+D800"),
        ({1: 2}, "not text"),
        ({"a": {1, 2}}, "type set"),
    ],
    ids=repr_short,
)
def test_what_no_database_or_parser_takes_is_refused_with_a_sentence(value: Any, sentence: str):
    with pytest.raises(LimitExceeded, match=sentence.replace("+", r"\+")):
        check(value)


@given(st.text(st.characters()), st.integers(1, 20))
def test_any_text_becomes_one_that_can_be_stored(text: str, longest: int):
    cleaned = clean_text(text, longest)
    assert len(cleaned) <= longest
    check(cleaned)
    json.dumps(cleaned, ensure_ascii=False).encode()


def test_a_clean_text_says_where_it_was_cut_and_what_was_replaced():
    assert clean_text("a\x00b\udfffc", 10) == "a�b�c"
    assert clean_text("abcdef", 4) == "abc…"
    assert clean_text("abcd", 4) == "abcd"
