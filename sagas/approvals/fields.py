"""The fields of an approval's form, from its pydantic model, and what a person filled in."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

INPUTS = {"integer": "number", "number": "number", "boolean": "checkbox"}


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field as a page shows it: `input` is an HTML input type, "select" or "textarea"."""

    name: str
    label: str
    input: str
    hint: str
    required: bool
    choices: tuple[str, ...] = ()
    value: str = ""
    kind: str = "string"


def fields_of(form: type[BaseModel] | None, filled: Mapping[str, str] | None = None) -> list[Field]:
    """The fields in order; `filled` is what a person sent before."""
    return list(_fields(form.model_json_schema(), filled or {})) if form is not None else []


def _fields(schema: dict[str, Any], filled: Mapping[str, str]) -> Iterator[Field]:
    for name, about in schema.get("properties", {}).items():
        kind = about.get("type", "")
        choices = tuple(str(choice) for choice in about.get("enum", ()))
        input_type = "select" if choices else INPUTS.get(kind, "text" if kind == "string" else "textarea")
        yield Field(
            name=name,
            label=about.get("title", name),
            input=input_type,
            hint=about.get("description", "") or ("JSON" if input_type == "textarea" else ""),
            required=name in schema.get("required", ()) and input_type != "checkbox",
            choices=choices,
            value=filled.get(name, str(about.get("default", "") or "")),
            kind=kind,
        )


def values(fields: list[Field], sent: Mapping[str, str]) -> dict[str, Any]:
    """What a person filled in, as the JSON that the model checks; an empty field is one that was not given."""
    found: dict[str, Any] = {}
    for field in fields:
        text = sent.get(f"field.{field.name}", "")
        if field.input == "checkbox":
            found[field.name] = bool(text)
        elif text:
            found[field.name] = _value(field, text)
    return found


def _value(field: Field, text: str) -> Any:
    if field.kind == "string":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
