"""Forms made from JSON Schemas: a value is shown field by field, and what a person made of it is read again."""

import random
from html.parser import HTMLParser
from typing import Any

import pytest
from django import forms
from pydantic import BaseModel, Field

from sagas.admin.schema import SchemaField
from tests.sagas.admin.parcels import PARCEL, Parcel

SCHEMA = Parcel.model_json_schema()


class Sender(HTMLParser):
    """What a browser sends of a form's markup; `pressed` is the name and value of the button."""

    def __init__(self, markup: str, pressed: tuple[str, str] | None = None) -> None:
        super().__init__(convert_charrefs=True)
        self.sent: dict[str, str] = {}
        self._area = self._select = self._option = None
        self._text = ""
        self.feed(markup)
        if pressed:
            self.sent[pressed[0]] = pressed[1]

    def handle_starttag(self, tag, attrs):
        had = dict(attrs)
        if tag == "input" and (had["type"] != "checkbox" or "checked" in had):
            self.sent[had["name"]] = had["value"]
        if tag == "textarea":
            self._area, self._text = had["name"], ""
        if tag == "select":
            self._select = had["name"]
        if tag == "option" and (self._select not in self.sent or "selected" in had):
            self.sent[self._select] = had["value"]

    def handle_data(self, data):
        self._text += data

    def handle_endtag(self, tag):
        if tag == "textarea" and self._area:
            # A browser drops the newline after the tag, and sends CRLF.
            self.sent[self._area] = self._text.removeprefix("\n").replace("\n", "\r\n")
            self._area = None


def form_of(before: Any, sent: dict[str, str] | None = None, schema: Any = SCHEMA) -> forms.Form:
    form = forms.Form(sent if sent is not None else {})
    form.fields["input"] = SchemaField(schema, label="Its input", before=before)
    return form


def sent_by(form: forms.Form, pressed: tuple[str, str] | None = None, **changes: str) -> dict[str, str]:
    return Sender(str(form["input"]), pressed).sent | {f"input/{key}": value for key, value in changes.items()}


def value_of(form: forms.Form) -> Any:
    form.full_clean()
    return form.cleaned_data["input"]


def changed(before: Any, sent: dict[str, str]) -> Any:
    return value_of(form_of(before, sent))


def test_what_nobody_touched_is_no_edit():
    assert changed(PARCEL, sent_by(form_of(PARCEL))) is None


def test_a_field_is_changed_and_nothing_else():
    sent = sent_by(form_of(PARCEL), **{"order": "P-2", "to/number": "8", "lines/1/quantity": "5", "size": '"small"'})
    expected = {**PARCEL, "order": "P-2", "to": {**PARCEL["to"], "number": 8}, "size": "small"}
    expected["lines"] = [PARCEL["lines"][0], {**PARCEL["lines"][1], "quantity": 5}, PARCEL["lines"][2]]
    assert changed(PARCEL, sent) == expected


def test_what_does_not_fit_its_kind_stays_as_it_was_written_and_is_shown_again():
    form = form_of(PARCEL, sent_by(form_of(PARCEL), **{"to/number": "seven"}))
    assert value_of(form)["to"]["number"] == "seven"
    assert 'value="seven"' in str(form["input"])


def test_a_box_that_is_ticked_and_one_that_is_not():
    sent = sent_by(form_of(PARCEL), fragile="yes", insured="")
    value = changed(PARCEL, sent)
    assert (value["fragile"], value["insured"]) == (True, None)
    again = sent_by(form_of(value))
    del again["input/fragile"]
    assert changed(value, again)["fragile"] is False


def test_an_object_that_may_be_absent_comes_and_goes():
    sent = sent_by(form_of(PARCEL), **{"back_to/name": "Home"})
    assert changed(PARCEL, sent) is None
    value = changed(PARCEL, sent | {"input/back_to#there": "yes"})
    assert value["back_to"] == {"name": "Home"}
    gone = sent_by(form_of(value))
    del gone["input/back_to#there"]
    assert changed(value, gone)["back_to"] is None


def test_items_are_added_and_removed_and_the_others_stay_what_they_are():
    form = form_of(PARCEL, sent_by(form_of(PARCEL), ("input/lines/0#drop", "1")))
    assert value_of(form)["lines"] == PARCEL["lines"][1:]
    form = form_of(PARCEL, sent_by(form, ("input/lines#add", "1"), **{"lines/2/quantity": "9"}))
    assert value_of(form)["lines"] == [PARCEL["lines"][1], {**PARCEL["lines"][2], "quantity": 9}, {}]
    form = form_of(PARCEL, sent_by(form, **{"lines/3/sku": "rope"}))
    assert value_of(form)["lines"][2] == {"sku": "rope"}
    form = form_of(PARCEL, sent_by(form_of(PARCEL), ("input/lines/0/notes#add", "1")))
    assert value_of(form)["lines"][0]["notes"] == ["one", "two\nlines", ""]


def test_all_of_it_can_be_written_as_json_and_shown_as_a_form_again():
    form = form_of(PARCEL, sent_by(form_of(PARCEL), ("input#to", "json"), order="P-3"))
    assert value_of(form)["order"] == "P-3"
    written = sent_by(form)
    assert written["input#as"] == "json"
    form = form_of(PARCEL, written | {"input": written["input"].replace("P-3", "P-4"), "input#to": "form"})
    assert value_of(form)["order"] == "P-4"
    assert 'name="input/order"' in str(form["input"])


@pytest.mark.parametrize("text", ["{", "nonsense", "NaN", "[" * 5000, '{"a": Infinity}'])
def test_what_is_no_json_is_said_and_kept(text):
    form = form_of(PARCEL, {"input#as": "json", "input": text, "input#to": "form"})
    assert not form.is_valid()
    assert "It is no JSON" in str(form.errors)
    assert Sender(str(form["input"])).sent["input"] == text


def test_what_is_wrong_is_said_at_the_field_it_is_about():
    form = form_of(PARCEL, sent_by(form_of(PARCEL), ("input/lines/0#drop", "1")))
    form.fields["input"].find_fault([{"pointer": "/lines/1/quantity", "detail": "is too much"}])
    form.full_clean()
    before, _, _ = str(form["input"]).partition("is too much")
    assert 'name="input/lines/2/quantity"' in before.rpartition("<label")[2]


def test_a_value_that_its_schema_does_not_describe_is_json_where_it_does_not_fit():
    odd = {**PARCEL, "to": ["a", "list"], "lines": "none", "size": "huge", "order": {"x": 1}, "extra": [1]}
    assert changed(odd, sent_by(form_of(odd))) is None
    value = changed(odd, sent_by(form_of(odd), order="P-9"))
    assert value == {**odd, "order": "P-9"}


def test_very_many_fields_are_one_box_of_json():
    many = {**PARCEL, "lines": [{"sku": str(n), "quantity": n, "notes": ["x"] * 20} for n in range(30)]}
    assert sent_by(form_of(many))["input#as"] == "json"
    assert changed(many, sent_by(form_of(many))) is None


class Tree(BaseModel):
    name: str = ""
    below: list["Tree"] = Field(default=[], description="As deep as you like.")


def test_what_refers_to_itself_ends():
    deep: dict[str, Any] = {"name": "leaf", "below": []}
    for number in range(12):
        deep = {"name": str(number), "below": [deep]}
    schema = {"$ref": "#/$defs/Tree", "$defs": Tree.model_json_schema()["$defs"]}
    assert value_of(form_of(deep, sent_by(form_of(deep, schema=schema)), schema)) is None


def test_an_empty_form_gives_only_what_was_filled_in():
    form = forms.Form({})
    form.fields["input"] = SchemaField(SCHEMA, label="Payload")
    assert value_of(form) == {}
    sent = sent_by(form, order="P-7") | {"input/to/name": "Home"}
    again = forms.Form(sent)
    again.fields["input"] = SchemaField(SCHEMA, label="Payload")
    assert value_of(again) == {"order": "P-7", "to": {"name": "Home"}}


def test_whatever_is_sent_is_read_as_something():
    chance = random.Random(7)
    names = list(sent_by(form_of(PARCEL)))
    for _ in range(200):
        sent = {name: chance.choice(["", "x", "null", "{", "9" * 400, "-1", "yes", "1,2,2,x"]) for name in names}
        sent |= {f"{chance.choice(names)}#{chance.choice(['drop', 'add', 'items', 'there', 'is'])}": "1"}
        form = form_of(PARCEL, sent)
        form.full_clean()
        assert str(form["input"])


def test_a_secret_does_not_become_that_of_another_item():
    before = {"order": "P-1", "to": {"name": "Home"}, "lines": [{"sku": "••••••"}, {"sku": "••••••"}]}
    form = form_of(before, sent_by(form_of(before), ("input/lines/0#drop", "1")))
    assert not form.is_valid()
    assert "hold a secret" in str(form.errors)
    form = form_of(before, sent_by(form, **{"lines/1/sku": "pen"}))
    assert value_of(form)["lines"] == [{"sku": "pen"}]
    assert value_of(form_of(before, sent_by(form_of(before), ("input/lines/1#drop", "1"))))["lines"] == [
        {"sku": "••••••"}
    ]
