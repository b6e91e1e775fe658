"""The fields that a page makes of an approval's form."""

from datetime import date
from enum import Enum

from pydantic import BaseModel, Field

from sagas.approvals.fields import fields_of, values


class Grade(Enum):
    GOOD = "good"
    BAD = "bad"


class Terms(BaseModel):
    discount: int = Field(0, ge=0, le=20, title="Discount", description="in percent")
    grade: Grade
    until: date | None = None
    express: bool = True
    note: str = Field("", max_length=2000)
    lines: list[int] = [1]
    name: str


def field(name: str, **sent: str):
    known = fields_of(Terms, {f"field.{key}": value for key, value in sent.items()} if sent else None)
    return next(found for found in known if found.name == name)


def test_each_kind_of_field_has_its_input() -> None:
    assert {found.name: found.input for found in fields_of(Terms)} == {
        "discount": "number",
        "grade": "select",
        "until": "date",
        "express": "checkbox",
        "note": "textarea",
        "lines": "textarea",
        "name": "text",
    }
    assert field("grade").choices == ("good", "bad")
    assert [found.name for found in fields_of(Terms) if found.required] == ["grade", "name"]


def test_defaults_are_filled_in() -> None:
    assert {found.name: found.value for found in fields_of(Terms)} == {
        "discount": "0",
        "grade": "",
        "until": "",
        "express": "true",
        "note": "",
        "lines": "[1]",
        "name": "",
    }


def test_what_was_sent_before_is_filled_in_instead_of_defaults() -> None:
    assert (field("discount", discount="7").value, field("express", discount="7").value) == ("7", "")


def test_what_was_filled_in_becomes_what_the_model_checks() -> None:
    sent = {"discount": "5", "grade": "bad", "express": "yes", "lines": "[1, 2]", "name": "7", "note": ""}
    given = values(fields_of(Terms), {f"field.{name}": value for name, value in sent.items()})
    assert given == {"discount": 5, "grade": "bad", "express": True, "lines": [1, 2], "name": "7"}
    assert Terms.model_validate(given).name == "7"


def test_what_is_no_json_is_left_for_the_model_to_refuse() -> None:
    assert values(fields_of(Terms), {"field.lines": "[1,"}) == {"lines": "[1,", "express": False}


def test_no_form_has_no_fields() -> None:
    assert fields_of(None) == []
