"""What a JSON Schema comes to: which kind of field it is, and how a value stands in that field."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

DEEPEST = 4
"""What lies deeper is one box of JSON."""
MOST_ITEMS = 30
"""A longer list is one box of JSON."""
LONG = 80
"""A longer text is written in a box of several lines."""
FORMATS = {"date": "date", "email": "email", "uri": "url"}
NUMBERS = {"integer": "numeric", "number": "decimal"}
"""The kinds of numbers, each with the keyboard that a phone shows."""

Schema = Mapping[str, Any]


class Missing:
    """There is no value: a property that is left out."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()


def meaning(about: Schema, root: Schema) -> tuple[Schema, bool]:
    """What a schema comes to, and whether it may be null: references are followed, and of "this or null" it is this.

    Of what may be of several kinds nothing is left, which is a box of JSON.
    """
    nullable = False
    for _ in range(DEEPEST * 2):
        rest = {key: value for key, value in about.items() if key not in ("$ref", "anyOf", "oneOf", "allOf")}
        options = about.get("anyOf") or about.get("oneOf") or about.get("allOf")
        if "$ref" in about:
            about = {**root.get("$defs", {}).get(str(about["$ref"]).rpartition("/")[2], {}), **rest}
        elif options:
            real = [option for option in options if option.get("type") != "null"]
            nullable = nullable or len(real) < len(options)
            if len(real) == 1:
                about = {**real[0], **rest}
            elif _is_decimal(real):
                about = {**rest, "type": "string"}
            else:
                return rest, nullable
        else:
            return about, nullable
    return {}, nullable


def kind_of(meant: Schema, nullable: bool, depth: int) -> str:
    """`object`, `list`, `select`, `checkbox`, `textarea`, `json`, or the type of an HTML input."""
    if choices_of(meant):
        return "select" if meant.get("type") != "boolean" or nullable else "checkbox"
    match meant.get("type"):
        case "object" if meant.get("properties") and depth < DEEPEST:
            return "object"
        case "array" if isinstance(meant.get("items"), dict) and depth < DEEPEST:
            return "list"
        case "integer" | "number":
            return "text"
        case "string":
            return "textarea" if meant.get("maxLength", 0) > LONG * 4 else FORMATS.get(str(meant.get("format")), "text")
    return "json"


def holds(kind: str, value: Any) -> bool:
    """Can a field of that kind show the value?"""
    if value is MISSING or (value is None and kind != "checkbox"):
        return True
    match kind:
        case "object":
            return isinstance(value, dict)
        case "list":
            return isinstance(value, list) and len(value) <= MOST_ITEMS
        case "checkbox":
            return isinstance(value, bool)
        case "select" | "json":
            return True
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def control_of(kind: str, value: Any) -> str:
    """The kind as it is drawn: a browser alters what an input of one line, or of a format, cannot hold."""
    if kind not in ("text", *FORMATS.values()) or not isinstance(value, str):
        return kind
    if "\n" in value or "\r" in value or len(value) > LONG:
        return "textarea"
    if kind == "date":
        return kind if not value or re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) else "text"
    return kind if value == value.strip() else "text"


def choices_of(meant: Schema) -> Sequence[Any]:
    """The values that there are to choose from; empty where any will do."""
    if "const" in meant:
        return [meant["const"]]
    if meant.get("type") == "boolean":
        return [True, False]
    found: Sequence[Any] = meant.get("enum", ())
    return found


def shown(kind: str, value: Any) -> str:
    """A value as it stands in its field."""
    if value is MISSING or kind in ("object", "list") or (value is None and kind != "json"):
        return ""
    if kind == "checkbox":
        return "yes" if value else ""
    if kind == "json":
        return json.dumps(value, indent=2, ensure_ascii=False)
    return value if isinstance(value, str) and kind != "select" else json.dumps(value, ensure_ascii=False)


def start_of(meant: Schema, value: Any) -> Any:
    """What a field begins with: its value, or the default where there is none."""
    return meant.get("default", MISSING) if value is MISSING else value


def escaped(key: str) -> str:
    """A property's name as part of a field's name."""
    return key.replace("~", "~0").replace("/", "~1").replace("#", "~2")


def _is_decimal(options: Sequence[Schema]) -> bool:
    """As pydantic writes a decimal: a number, or a text of digits."""
    return sorted(str(option.get("type")) for option in options) == ["number", "string"]
