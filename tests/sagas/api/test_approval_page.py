"""The page behind an approval's link: it shows what is asked, takes one decision, and says afterwards who decided."""

import pytest
from django.test import Client
from pydantic import BaseModel, Field

from sagas import approval, saga, step
from sagas.links import approval_url
from tests.sagas.world import run_of

pytestmark = pytest.mark.django_db(transaction=True)


class Terms(BaseModel):
    discount: int = Field(ge=0, le=20, description="in percent")
    note: str = ""


@pytest.fixture
def asked(world):
    table = saga("asks", approval("large_order", form=Terms), step(world.charge, compensation=world.refund))
    world.knows(table)
    return world.start(table)


@pytest.fixture
def client():
    """A browser."""
    return Client(headers={"Accept": "text/html"})


def address(found, person="ann@example.org"):
    return approval_url(found.pk, "large_order", person).removeprefix("http://127.0.0.1:8000")


def test_it_shows_the_form_and_takes_a_yes(world, asked, client):
    page = client.get(address(asked))
    assert page.status_code == 200
    assert "in percent" in page.content.decode()
    answer = client.post(address(asked), {"decision": "yes", "reason": "fine", "field.discount": "5"})
    assert "said <strong>yes</strong>" in answer.content.decode()
    world.work(asked)
    asked.refresh_from_db()
    assert asked.state == "completed"
    result = run_of(asked, "large_order").result
    assert (result["by"], result["form"]) == ("ann@example.org", {"discount": 5, "note": ""})


def test_a_form_that_does_not_fit_is_shown_again_with_what_was_filled_in(asked, client):
    answer = client.post(address(asked), {"decision": "yes", "reason": "<b>fine</b>", "field.discount": "50"})
    assert answer.status_code == 422
    assert "/form/discount" in answer.content.decode()
    assert 'value="50"' in answer.content.decode()
    assert "<b>" not in answer.content.decode()


def test_the_second_decision_is_told_who_came_first(asked, client):
    client.post(address(asked), {"decision": "no", "reason": "too dear"})
    answer = client.post(address(asked, "bob@example.org"), {"decision": "yes", "reason": "x", "field.discount": "1"})
    assert "ann@example.org said <strong>no</strong>" in answer.content.decode()
    assert run_of(asked, "large_order").given["approved"] is False


def test_an_address_that_was_changed_shows_nothing(asked, client):
    assert client.get(address(asked)[:-4] + "xyz/").status_code == 404
