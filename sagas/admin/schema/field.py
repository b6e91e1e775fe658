"""A field of a Django form that is a form of its own, made from a JSON Schema."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from sagas.admin.schema.kinds import MISSING, Schema
from sagas.admin.schema.reading import Reading
from sagas.admin.schema.sheet import Drawing, Place
from sagas.words.sensitive import MASK

MOST_FIELDS = 300
"""A form with more of them is one box of JSON."""


class Unreadable(str):
    """What was written as JSON and is none."""


class SchemaWidget(forms.Widget):
    """Fields by kind, or all of it as JSON, as the person likes; `before` is the value that the form is made for.

    The buttons in it send the form without deciding anything: they add and remove items, or change to JSON and back.
    """

    use_fieldset = True

    def __init__(self, schema: Schema, before: Any, *, folded: bool) -> None:
        super().__init__()
        self.schema, self.before, self.folded = schema, before, folded
        self.faults: dict[str, list[str]] = {}
        self._numbers: dict[str, list[int]] = {}
        self._as_json = False
        self.moved: list[str] = []

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        """The value that was sent; the one before, where nothing was."""
        sent_as = data.get(f"{name}#as")
        self._as_json = data.get(f"{name}#to", sent_as) == "json"
        if sent_as == "form":
            reading = Reading(schema=self.schema, sent=data)
            value = reading.value(self.before, Place(name=name))
            self._numbers, self.moved = reading.numbers, reading.moved
            return value
        text = data.get(name, "")
        if not isinstance(text, str) or not text.strip():
            return self.before
        try:
            return json.loads(text, parse_constant=_refused)
        except (ValueError, RecursionError):
            self._as_json = True
            return Unreadable(text)

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Never: what is not sent is as before."""
        return False

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """The fields; all of it as JSON where the value does not fit into them."""
        drawing = Drawing(schema=self.schema, faults=self.faults, numbers=self._numbers)
        node = None if isinstance(value, Unreadable) else drawing.node(value, Place(name=name), "")
        fits = node is not None and node.kind == "object" and node.size <= MOST_FIELDS
        as_json = self._as_json or not fits
        written = value if isinstance(value, Unreadable) else _json(value)
        context = {
            "name": name,
            "node": node,
            "as_json": as_json,
            "can_be_form": fits,
            "json": written if as_json else "",
            "folded": self.folded and value == self.before and not self.faults and not self._as_json,
            "folds": self.folded,
        }
        return mark_safe(render_to_string("sagas/console/parts/schema.html", context))  # noqa: S308 - a template's


class SchemaField(forms.Field):
    """A value that a JSON Schema describes, such as a signal's payload.

    With `before` it is that value edited, and cleaned to None where nothing was changed.
    """

    widget: SchemaWidget

    def __init__(self, schema: Schema, *, label: str, before: Any = MISSING, help_text: str = "") -> None:
        self.edits = before is not MISSING
        widget = SchemaWidget(schema, before, folded=self.edits)
        super().__init__(label=label, required=False, widget=widget, help_text=help_text, initial=before)

    def clean(self, value: Any) -> Any:
        """The value, checked only for being JSON: what it must be, its model knows. None is as it was."""
        if isinstance(value, Unreadable):
            raise forms.ValidationError("It is no JSON, or too deep; write it as {…}.")
        if self.widget.moved:
            raise forms.ValidationError(f"Items of a list moved up, and some hold a secret: write {MASK} anew there.")
        if self.edits and value is not MISSING and _same(value, self.widget.before):
            return None
        return {} if value is MISSING else value

    def find_fault(self, faults: Sequence[Mapping[str, str]], below: str = "") -> None:
        """Say at each field what was found wrong with it, by pointers below that one."""
        for fault in faults:
            if fault["pointer"].startswith(below):
                self.widget.faults.setdefault(fault["pointer"][len(below) :], []).append(fault["detail"])


def _same(one: Any, other: Any) -> bool:
    """Also in kind: `1` and `true` are not the same."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _json(value: Any) -> str:
    return "" if value is MISSING else json.dumps(value, indent=2, ensure_ascii=False)


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
