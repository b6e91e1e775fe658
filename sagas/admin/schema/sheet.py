"""A schema's form, drawn from a value."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sagas.admin.schema.kinds import (
    MISSING,
    NUMBERS,
    Schema,
    choices_of,
    control_of,
    escaped,
    holds,
    kind_of,
    meaning,
    shown,
    start_of,
)


@dataclass(frozen=True, kw_only=True)
class Node:
    """One field of the form, or a group of them; `kind` is as in `kind_of`.

    `may_lack` is what a person says with a box of its own whether it `is_there`. `numbers` are those of a list's items.
    """

    name: str
    kind: str
    label: str
    hint: str = ""
    value: str = ""
    required: bool = False
    mode: str = ""
    choices: Sequence[tuple[str, str]] = ()
    members: Sequence["Node"] = ()
    numbers: str = ""
    may_lack: bool = False
    is_there: bool = True
    faults: Sequence[str] = ()

    @property
    def size(self) -> int:
        """How many fields it has, itself included."""
        return 1 + sum(member.size for member in self.members)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a field is: its name, its JSON pointer, how deep it lies, and whether it must be there."""

    name: str
    pointer: str = ""
    depth: int = 0
    required: bool = True

    def below(self, key: str | int, position: int | None = None, *, required: bool = True) -> "Place":
        """A member of it; an item of a list is named by its number, and pointed to by its position."""
        part = escaped(str(key))
        pointer = f"{self.pointer}/{part if position is None else position}"
        return Place(name=f"{self.name}/{part}", pointer=pointer, depth=self.depth + 1, required=required)


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How a value is drawn: its schema, what is wrong by JSON pointer, the numbers of items by their list's name."""

    schema: Schema
    faults: Mapping[str, Sequence[str]] = field(default_factory=dict)
    numbers: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def node(self, value: Any, place: Place, label: str, about: Schema | None = None) -> Node:
        """The field that shows the value."""
        about = self.schema if about is None else about
        meant, nullable = meaning(about, self.schema)
        given = start_of(meant, value)
        kind = kind_of(meant, nullable, place.depth)
        kind = control_of(kind, given) if holds(kind, given) else "json"
        numbers = self._numbers(place.name, given) if kind == "list" else []
        return Node(
            name=place.name,
            kind=kind,
            label=label,
            hint=str(about.get("description", "")) or ("Written as JSON." if kind == "json" else ""),
            value=shown(kind, given),
            required=place.required and not nullable and kind not in ("checkbox", "list"),
            mode=NUMBERS.get(str(meant.get("type")), ""),
            choices=_choices(meant, given) if kind == "select" else (),
            members=self._members(meant, kind, given, place, label, numbers),
            numbers=",".join(map(str, numbers)),
            may_lack=kind == "object" and place.depth > 0 and (nullable or not place.required),
            is_there=isinstance(given, dict),
            faults=self.faults.get(place.pointer, ()),
        )

    def _members(
        self, meant: Schema, kind: str, given: Any, place: Place, label: str, numbers: Sequence[int]
    ) -> list[Node]:
        if kind == "object":
            parts, needed = given if isinstance(given, dict) else {}, meant.get("required", ())
            return [
                self.node(parts.get(key, MISSING), place.below(key, required=key in needed), _label(key, inner), inner)
                for key, inner in meant["properties"].items()
            ]
        if kind == "list":
            items = given if isinstance(given, list) else []
            return [
                self.node(item, place.below(number, position), f"{label} {position + 1}", meant["items"])
                for position, (number, item) in enumerate(zip(numbers, items, strict=True))
            ]
        return []

    def _numbers(self, name: str, given: Any) -> Sequence[int]:
        items = given if isinstance(given, list) else []
        known = self.numbers.get(name, ())
        return known if len(known) == len(items) else range(len(items))


def _label(key: str, about: Schema) -> str:
    return str(about.get("title") or key.replace("_", " ").capitalize())


def _choices(meant: Schema, value: Any) -> list[tuple[str, str]]:
    found = list(choices_of(meant))
    if value is not MISSING and value is not None and value not in found:
        found.append(value)  # it is not allowed, and the model says so; left out, it would be another one unnoticed
    return [(json.dumps(choice, ensure_ascii=False), _said(choice)) for choice in found]


def _said(choice: Any) -> str:
    if isinstance(choice, bool):
        return "yes" if choice else "no"
    return choice if isinstance(choice, str) else json.dumps(choice, ensure_ascii=False)
