"""Files of exactly what a list shows, harmless in a spreadsheet."""

import csv
import io
import json

import pytest
from django.urls import reverse

from sagas.admin import export
from sagas.admin.export import harmless
from tests.sagas.admin.conftest import held

pytestmark = pytest.mark.django_db

CSV = reverse("admin:sagas_saga_export", args=["csv"])
JSON = reverse("admin:sagas_saga_export", args=["json"])


def body(answer) -> str:
    return b"".join(answer.streaming_content).decode()


def test_a_file_has_exactly_what_the_filter_finds(world, two, operator):
    stuck = held(world, two, business_key="order-7")
    world.run_through(world.start(two, business_key="order-8"))
    (line,) = csv.DictReader(io.StringIO(body(operator.get(CSV))))
    assert (line["id"], line["step"], line["sentence"]) == (str(stuck.pk), "charge", "the bank says no")
    assert {line["business_key"] for line in json.loads(body(operator.get(f"{JSON}?show=all")))} == {
        "order-7",
        "order-8",
    }


def test_an_empty_file_is_a_file(operator):
    assert json.loads(body(operator.get(JSON))) == []
    assert body(operator.get(CSV)).splitlines() == [",".join(export.COLUMNS)]


def test_a_file_is_whole_when_it_is_read_in_pieces(world, two, operator, monkeypatch):
    monkeypatch.setattr(export, "CHUNK", 2)
    started = {str(world.start(two).pk) for _ in range(5)}
    found = [line["id"] for line in json.loads(body(operator.get(f"{JSON}?show=live")))]
    assert set(found) == started
    assert len(found) == 5


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"])  # noqa: RUF001
def test_a_cell_that_a_spreadsheet_would_run_is_text(cell):
    assert harmless(cell) == f"'{cell}"


def test_a_business_key_is_harmless_in_a_spreadsheet(world, two, operator):
    world.start(two, business_key="=HYPERLINK(1)")
    (line,) = csv.DictReader(io.StringIO(body(operator.get(f"{CSV}?show=live"))))
    assert line["business_key"] == "'=HYPERLINK(1)"


def test_there_are_no_other_kinds_of_files(operator):
    assert operator.get(reverse("admin:sagas_saga_export", args=["xlsx"])).status_code == 404
