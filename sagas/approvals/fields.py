"""The fields of an approval's form, from its pydantic model's JSON schema, and what a person filled in."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

INPUTS = {"integer": "number", "number": "number", "boolean": "checkbox", "string": "text"}
FORMATS = {"date": "date", "date-time": "datetime-local", "time": "time", "email": "email", "uri": "url"}
LONG = 200
"""A text that may be longer is written in a box of several lines."""
PREFIX = "field."
"""What the names of a form's fields begin with on the page, so that none is taken for another."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field as a page shows it: `input` is an HTML input type, "select" or "textarea"; `faults` are sentences."""

    name: str
    label: str
    input: str
    hint: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    value: str = ""
    is_text: bool = True
    bounds: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


def fields_of(
    form: type[BaseModel] | None, sent: Mapping[str, str] | None = None, faults: Mapping[str, list[str]] | None = None
) -> list[Field]:
    """The fields in order; with what a person `sent` before, and what was wrong with it by the field's name."""
    if form is None:
        return []
    schema = form.model_json_schema()
    return list(
        _fields(schema, {name: _meant(about, schema) for name, about in _properties(schema)}, sent, faults or {})
    )


def values(fields: list[Field], sent: Mapping[str, str]) -> dict[str, Any]:
    """What a person filled in, as the JSON that the model checks; an empty field is one that was not given."""
    found: dict[str, Any] = {}
    for known in fields:
        text = sent.get(PREFIX + known.name, "")
        if known.input == "checkbox":
            found[known.name] = bool(text)
        elif text:
            found[known.name] = text if known.is_text else _json(text)
    return found


def _fields(
    schema: dict[str, Any],
    meant: Mapping[str, dict[str, Any]],
    sent: Mapping[str, str] | None,
    faults: Mapping[str, list[str]],
) -> Iterator[Field]:
    for name, about in meant.items():
        kind = _input(about)
        yield Field(
            name=name,
            label=about.get("title", name),
            input=kind,
            hint=about.get("description", "")
            or ("Written as JSON." if kind == "textarea" and not _is_text(about) else ""),
            required=name in schema.get("required", ()) and kind != "checkbox",
            choices=tuple(map(str, about.get("enum", ()))),
            value=_shown(about.get("default")) if sent is None else sent.get(PREFIX + name, ""),
            is_text=_is_text(about),
            bounds={"min": about.get("minimum"), "max": about.get("maximum"), "maxlength": about.get("maxLength")},
            faults=tuple(faults.get(name, ())),
        )


def _properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from schema.get("properties", {}).items()


def _meant(about: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A property with what it refers to; of "this or nothing" the one that is not nothing."""
    one_of = [choice for choice in about.get("anyOf", ()) if choice.get("type") != "null"]
    inner = one_of[0] if len(one_of) == 1 else about
    if "$ref" in inner:
        inner = schema.get("$defs", {}).get(inner["$ref"].rpartition("/")[2], {})
    return {**inner, **{name: value for name, value in about.items() if name not in ("anyOf", "$ref")}}


def _input(about: dict[str, Any]) -> str:
    if "enum" in about:
        return "select"
    if _is_text(about):
        return "textarea" if about.get("maxLength", 0) > LONG else FORMATS.get(about.get("format", ""), "text")
    return INPUTS.get(about.get("type", ""), "textarea")


def _is_text(about: dict[str, Any]) -> bool:
    return bool(about.get("type") == "string")


def _shown(default: Any) -> str:
    if default is None or default is False:
        return ""
    return default if isinstance(default, str) else json.dumps(default)


def _json(text: str) -> Any:
    """The value, or, for what is no JSON, the text itself: the model says what is wrong with it."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
