"""The value that a person made of a schema's form."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sagas.admin.schema.kinds import MISSING, MOST_ITEMS, NUMBERS, Schema, kind_of, meaning, shown, start_of
from sagas.admin.schema.sheet import Place
from sagas.words.sensitive import MASK


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was sent of a schema's form; `numbers` are those of items by their list's name, known once it is read."""

    schema: Schema
    sent: Mapping[str, Any]
    numbers: dict[str, list[int]] = field(default_factory=dict)
    moved: list[str] = field(default_factory=list)
    """Lists in which an item that holds a mask stands in another place than before."""

    def value(self, before: Any, place: Place, about: Schema | None = None) -> Any:
        """The value, MISSING where there is none; `before` is the one that the form was made for."""
        meant, nullable = meaning(self.schema if about is None else about, self.schema)
        kind = "json" if f"{place.name}#is" in self.sent else kind_of(meant, nullable, place.depth)
        match kind:
            case "object":
                return self._object(meant, nullable, before, place)
            case "list":
                return self._list(meant, before, place)
            case "checkbox":
                return self._ticked(meant, before, place)
        return self._written(meant, nullable, kind, before, place)

    def _object(self, meant: Schema, nullable: bool, before: Any, place: Place) -> Any:
        may_lack = place.depth > 0 and (nullable or not place.required)
        if may_lack and f"{place.name}#there" not in self.sent:
            lacked = before is None or before is MISSING
            return before if lacked else None if nullable else MISSING
        parts, needed = before if isinstance(before, dict) else {}, meant.get("required", ())
        found = {key: value for key, value in parts.items() if key not in meant["properties"]}
        for key, inner in meant["properties"].items():
            value = self.value(parts.get(key, MISSING), place.below(key, required=key in needed), inner)
            if value is not MISSING:
                found[key] = value
        return found

    def _list(self, meant: Schema, before: Any, place: Place) -> Any:
        items = before if isinstance(before, list) else []
        numbers = [
            number
            for number in _numbers(self.sent.get(f"{place.name}#items", ""))
            if f"{place.name}/{number}#drop" not in self.sent
        ]
        found: list[Any] = []
        for number in numbers:
            item = items[number] if number < len(items) else MISSING
            value = self.value(item, place.below(number), meant["items"])
            if number != len(found) and _has_mask(value):
                self.moved.append(place.name)  # behind the mask would then be the secret of another item
            found.append(value)
        if f"{place.name}#add" in self.sent:
            numbers.append(max([*numbers, len(items) - 1, -1]) + 1)
            found.append({} if meaning(meant["items"], self.schema)[0].get("properties") else "")
        self.numbers[place.name] = numbers
        found = ["" if value is MISSING else value for value in found]
        return found if found or isinstance(before, list) or place.required else before

    def _ticked(self, meant: Schema, before: Any, place: Place) -> Any:
        ticked, start = place.name in self.sent, start_of(meant, before)
        if ticked == (start is True) and not (start is MISSING and place.required):
            return before
        return ticked

    def _written(self, meant: Schema, nullable: bool, kind: str, before: Any, place: Place) -> Any:
        text = _one_newline(str(self.sent.get(place.name, "")))
        if text == _one_newline(shown(kind, start_of(meant, before))):
            return before
        if not text.strip() and kind != "textarea":
            return None if nullable else MISSING
        was_number = isinstance(before, int | float) and not isinstance(before, bool)
        is_json = kind in ("select", "json") or meant.get("type") in NUMBERS or was_number
        return loaded(text) if is_json else text


def _has_mask(value: Any) -> bool:
    return MASK in json.dumps(value, ensure_ascii=False, default=str)


def loaded(text: str) -> Any:
    """The value, or, for what is no JSON, the text itself: the model says what is wrong with it."""
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text


def _numbers(text: str) -> list[int]:
    parts = [part for part in text.split(",")[: MOST_ITEMS + 1] if part.isascii() and part.isdecimal()]
    return list(dict.fromkeys(int(part) for part in parts if len(part) < 6))


def _one_newline(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
