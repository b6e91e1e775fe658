"""The definitions, their pictures, and when one of them takes no more sagas."""

import pytest
from pydantic import BaseModel

from sagas import saga, step
from sagas.api import backpressure
from sagas.errors import Abort
from sagas.models import Callback, Saga
from sagas.record import clock
from tests.sagas.api.conftest import SAGAS

pytestmark = pytest.mark.django_db

DEFINITIONS = "/api/v1/definitions/"


class Order(BaseModel):
    amount: int


@pytest.fixture
def versions(world):
    rows = (step(world.charge, compensation=world.refund),)
    world.knows(
        saga("priced", *rows, input=Order, version=1), saga("priced", *rows, input=Order, version=2), saga("a", *rows)
    )


def test_the_highest_version_of_each_is_listed_by_name(api, versions):
    found = api.get(DEFINITIONS).json()["results"]
    assert [(line["name"], line["version"]) for line in found] == [("a", 1), ("priced", 2)]


def test_a_definition_shows_its_rows_its_input_and_its_picture(api, versions):
    found = api.get(f"{DEFINITIONS}priced/").json()
    assert found["versions"] == [1, 2]
    assert found["input_schema"]["properties"] == {"amount": {"title": "Amount", "type": "integer"}}
    assert [(row["path"], row["undone_by"]) for row in found["rows"]] == [("charge", "refund")]
    assert found["mermaid"].startswith("flowchart")
    picture = api.get(found["diagram"])
    assert (picture.headers["Content-Type"], b"charge" in picture.content) == ("image/svg+xml", True)
    assert picture.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")


def test_a_definition_that_is_not_there_is_a_404(api, versions):
    assert api.get(f"{DEFINITIONS}none/").status_code == api.get(f"{DEFINITIONS}none/diagram.svg").status_code == 404


def test_a_saga_is_drawn_as_it_stands(api, world, two):
    saga = api.start().json()
    before = api.get(f"{saga['url']}diagram.svg").content
    world.work()
    assert api.get(f"{saga['url']}diagram.svg").content != before


def test_a_saga_whose_table_is_not_known_here_is_not_drawn(api, two):
    saga = api.start().json()
    Saga.objects.update(fingerprint="another")
    assert api.get(f"{saga['url']}diagram.svg").status_code == 404


def test_a_definition_with_too_long_a_queue_takes_no_more_for_the_moment(api, two, settings, monkeypatch):
    settings.SAGAS = {**settings.SAGAS, "MOST_DUE": {"two": 2}}
    monkeypatch.setattr(backpressure, "COUNTED_EVERY", backpressure.COUNTED_EVERY * 0)
    backpressure._counted.clear()
    answers = [api.start() for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert (answers[-1].json()["code"], answers[-1].headers["Retry-After"]) == ("queue_too_long", "5")
    assert Saga.objects.count() == 3


def test_a_definition_without_a_bound_is_not_counted(api, two, settings, monkeypatch):
    settings.SAGAS = {**settings.SAGAS, "MOST_DUE": {"other": 0}}
    backpressure._counted.clear()
    assert [api.start().status_code for _ in range(3)] == [201] * 3
    assert "two" not in backpressure._counted


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("label=shop:Berlin", True),
        ("label=shop:Bonn", False),
        ("label=contains:x", False),
        ("business_key_prefix=order-", True),
        ("business_key_prefix=order-8", False),
        ("business_key_prefix=%25", False),
        ("version=1", True),
        ("version=2", False),
        ("created_after=2020-01-01T00:00:00Z", True),
        ("created_after=2999-01-01T00:00:00Z", False),
        ("created_before=2020-01-01T00:00:00Z", False),
        ("created_before=2999-01-01T00:00:00Z", True),
        ("updated_after=2020-01-01T00:00:00Z&updated_before=2999-01-01T00:00:00Z", True),
        ("step=charge", True),
        ("step=ship", False),
        ("reason=outcome_unknown", False),
        ("needs_person=true", True),
        ("parent=00000000-0000-7000-8000-000000000000", False),
        ("callback=failed", False),
    ],
)
def test_the_list_is_narrowed(api, world, two, query, found):
    world.script("ship", Abort("no"))
    world.script("refund", Abort("never"))
    api.start(business_key="order-7", labels={"shop": "Berlin"})
    world.work()
    answer = api.get(f"{SAGAS}?{query}")
    assert answer.status_code == 200
    assert bool(answer.json()["results"]) is found


def test_those_whose_end_nobody_was_told_of_are_listed(api, world, two):
    at, ids = clock.now(), [api.start().json()["id"] for _ in range(3)]
    for pk, about in zip(ids, ({"error": "gone", "done_at": at}, {"error": "busy"}, {"done_at": at}), strict=True):
        Callback.objects.create(saga_id=pk, url="https://shop.example.org/", at=at, **about)
    assert [saga["id"] for saga in api.get(SAGAS, callback="failed").json()["results"]] == ids[:1]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("callback=told", 400),
        ("label=shop", 400),
        ("label=:x", 400),
        ("created_after=yesterday", 400),
        ("created_after=2020-01-01T00:00:00", 400),
        ("created_after=9999-12-31T23:59:59Z", 400),
        ("reason=bad", 400),
        ("parent=7", 400),
        ("version=0", 400),
    ],
)
def test_a_list_that_cannot_be_narrowed_so_says_why(api, two, query, status):
    assert api.get(f"{SAGAS}?{query}").status_code == status
