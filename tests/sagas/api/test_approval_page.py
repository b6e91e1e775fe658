"""The page behind an approval's link: it shows what is asked, takes one decision, and says afterwards who decided."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from pydantic import BaseModel, Field

from sagas import approval, operations, saga, step
from sagas.engine.links import approval_url
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
    assert 'aria-invalid="true"' in answer.content.decode()
    assert "less than or equal to 20" in answer.content.decode()
    assert 'value="50"' in answer.content.decode()
    assert "<b>" not in answer.content.decode()


def test_the_second_decision_is_told_who_came_first(asked, client):
    client.post(address(asked), {"decision": "no", "reason": "too dear"})
    answer = client.post(address(asked, "bob@example.org"), {"decision": "yes", "reason": "x", "field.discount": "1"})
    assert "ann@example.org said <strong>no</strong>" in answer.content.decode()
    assert run_of(asked, "large_order").given["approved"] is False


@pytest.mark.parametrize("sent", [{}, {"decision": ""}, {"decision": "perhaps"}, {"decision": "no"}])
def test_what_is_neither_yes_nor_no_or_has_no_reason_decides_nothing(asked, client, sent):
    answer = client.post(address(asked), {"field.discount": "5"} | sent)
    assert (answer.status_code, run_of(asked, "large_order").given) == (422, None)


def test_nothing_is_decided_after_its_time(world, asked, client):
    world.sweep_later(timedelta(days=2))
    answer = client.post(address(asked), {"decision": "yes", "reason": "fine", "field.discount": "5"})
    assert "Its time is over" in answer.content.decode()
    assert run_of(asked, "large_order").given is None


def test_a_page_that_was_called_off_says_so(asked, client):
    operations.cancel(asked.pk, actor="bob", reason="no")
    assert "not needed any more" in client.get(address(asked)).content.decode()


def test_the_page_keeps_its_address_to_itself_and_needs_nothing_from_elsewhere(asked, client):
    page = client.get(address(asked))
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "no-store" in page.headers["Cache-Control"]
    assert not re.search(r"<script|https?://|@import|url\(", page.content.decode())


def test_whoever_was_invited_needs_neither_a_login_nor_a_cookie(asked):
    stranger = Client(enforce_csrf_checks=True)
    answer = stranger.post(address(asked), {"decision": "yes", "reason": "fine", "field.discount": "5"})
    assert (answer.status_code, stranger.cookies) == (200, {})


def test_looking_at_the_page_decides_nothing(asked, client):
    for _ in range(2):
        assert client.get(address(asked)).status_code == client.head(address(asked)).status_code == 200
    assert run_of(asked, "large_order").given is None


def test_an_address_that_was_changed_shows_nothing(asked, client):
    assert client.get(address(asked)[:-4] + "xyz/").status_code == 404
