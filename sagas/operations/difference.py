"""What an edit changed: each place that differs, with what was there and what is."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.limits import cut
from sagas.record.sealing import is_sealed, masked, opened

ABSENT: Any = object()


def difference(before: Any, after: Any) -> dict[str, Any]:
    """The places that differ, by their path such as `lines/0/quantity`, each {"before": …, "after": …}.

    What is only on one side has only that. Of two values that are not both objects it is that pair itself.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        return {"/".join(path): _pair(*values) for path, values in _changes(before, after, ())}
    return {"before": before, "after": after}


def in_words(diff: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each place that differs."""
    if diff.keys() == {"before", "after"} and not all(isinstance(value, dict) for value in diff.values()):
        yield "Its input becomes another one."
        return
    for path, pair in diff.items():
        if "after" not in pair:
            yield f"{path} is left out; it was {_said(pair['before'])}."
        elif "before" not in pair:
            yield f"{path} is new: {_said(pair['after'])}."
        else:
            yield f"{path} becomes {_said(pair['after'])}; it was {_said(pair['before'])}."


def _changes(before: Any, after: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], tuple[Any, Any]]]:
    if is_sealed(before) or is_sealed(after):
        if opened(before) != opened(after):
            yield path, (before, after)
    elif isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            yield from _changes(before.get(key, ABSENT), after.get(key, ABSENT), (*path, str(key)))
    elif isinstance(before, list) and isinstance(after, list):
        for number in range(max(len(before), len(after))):
            one, other = (values[number] if number < len(values) else ABSENT for values in (before, after))
            yield from _changes(one, other, (*path, str(number)))
    elif type(before) is not type(after) or before != after:
        yield path, (before, after)


def _pair(before: Any, after: Any) -> dict[str, Any]:
    pair = {"before": before, "after": after}
    return {name: value for name, value in pair.items() if value is not ABSENT}


def _said(value: Any, longest: int = 80) -> str:
    return cut(json.dumps(masked(value), ensure_ascii=False), longest)
