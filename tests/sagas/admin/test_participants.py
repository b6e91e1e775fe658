"""The console's page of participants: hold, send a canary, release; each says first what it would do."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from sagas import saga, step
from sagas.models import Audit, Hold
from sagas.operations import holding
from sagas.record import holds
from tests.sagas.admin.conftest import AUDIT, page_of, text_of

pytestmark = pytest.mark.django_db

PARTICIPANTS = reverse("admin:sagas_hold_changelist")
WHY = {"actor": "person:bob", "reason": "it answers 500"}


@pytest.fixture(autouse=True)
def know_of_nothing():
    yield
    holds.forget()


@pytest.fixture
def order(world):
    table = saga("order", step(world.charge, compensation=world.refund, participant="payments"))
    world.knows(table)
    return table


def deed(verb, name="payments"):
    return reverse("admin:sagas_hold_verb", args=[name, verb])


def press(client, verb, **given):
    """Look first, then press the button."""
    looked = client.post(deed(verb), given)
    return client.post(deed(verb), {**given, "seen": looked.context["seen"], "do": "1", "reason": "because"})


def test_the_page_says_how_each_stands_and_what_can_be_done(operator, world, order):
    assert "payments" in text_of(operator.get(PARTICIPANTS))
    holding.hold("payments", **WHY)
    said = text_of(operator.get(PARTICIPANTS))
    assert "held by person:bob since" in said
    assert "it answers 500" in said
    assert "Send a canary payments" in said
    assert "Release payments" in said


def test_nothing_is_held_that_nobody_has_looked_at(operator, order):
    first = operator.get(deed("hold"))
    assert "These steps wait, forward and back: charge of order." in text_of(first)
    blind = operator.post(deed("hold"), {"reason": "because", "do": "1"})
    assert "Press the button again" in text_of(blind)
    assert not Hold.objects.exists()
    seen = blind.context["seen"]
    done = operator.post(deed("hold"), {"reason": "because", "do": "1", "seen": seen}, follow=True)
    assert "It is held." in text_of(done)
    assert (Hold.objects.get().held_by, Hold.objects.get().reason) == ("person:ann", "because")


@pytest.mark.parametrize("name", ["stock/berlin", "a/b/hold", "größe 5 % & more?#", "支払い"])
def test_a_participant_has_a_page_whatever_its_name_is(operator, settings, name):
    settings.SAGAS = {**settings.SAGAS, "SERVICES": {name: {"url": "http://127.0.0.1:1"}}}
    assert deed("hold", name).replace("&", "&amp;") in operator.get(PARTICIPANTS).content.decode()
    seen = operator.get(deed("hold", name)).context["seen"]
    operator.post(deed("hold", name), {"reason": "because", "do": "1", "seen": seen})
    assert Hold.objects.get().participant == name


def test_a_reason_is_asked_for(operator, order):
    seen = operator.get(deed("hold")).context["seen"]
    assert "Say why" in text_of(operator.post(deed("hold"), {"do": "1", "seen": seen}))
    assert not Hold.objects.exists()


def test_a_canary_and_a_release_from_the_page(operator, world, order):
    assert press(operator, "hold").status_code == 302
    holds.look()
    found = world.start(order)
    world.work()
    world.work()
    assert "parked" in text_of(operator.get(page_of(found)))
    assert "payments is held by person:ann" in text_of(operator.get(page_of(found)))
    assert press(operator, "canary").status_code == 302
    world.work()
    assert "charge succeeded." in text_of(operator.get(PARTICIPANTS))
    other = world.start(order)
    world.work(other)
    looked = operator.post(deed("release"), {"rate": "5", "reason": ""})
    assert "1 step is let go, 5 a second; that takes 1 s." in text_of(looked)
    assert press(operator, "release", rate="5").status_code == 302
    assert Hold.objects.get().rate == 5
    assert [entry.verb for entry in Audit.objects.order_by("id")] == ["hold", "canary", "release"]
    assert "Release payments" in text_of(operator.get(AUDIT))


def test_what_does_not_fit_any_more_is_said(operator, order):
    seen = operator.get(deed("hold")).context["seen"]
    holding.hold("payments", **WHY)
    answer = operator.post(deed("hold"), {"reason": "because", "do": "1", "seen": seen})
    assert "Not done. payments is held already, by person:bob." in text_of(answer)


def test_what_is_not_there_is_not_found(operator, order):
    assert operator.get(deed("hold", "nobody")).status_code == 404
    assert operator.get(deed("burn")).status_code == 404


def test_the_page_asks_as_often_however_many_are_held(operator, world):
    tables = [saga(f"of_{n}", step(world.charge, no_compensation="none", participant=f"p{n}")) for n in range(9)]
    world.knows(*tables)
    costs = []
    for some in (tables[:2], tables[2:]):
        for table in some:
            holding.hold(table.name.replace("of_", "p"), **WHY)
            holds.look()
            world.start(table)
            world.start(table)
        for _ in range(20):  # each that is parked ends a round
            world.work()
        for table in some:
            holding.canary(table.name.replace("of_", "p"), **WHY)
        with CaptureQueriesContext(connection) as queries:
            answer = operator.get(PARTICIPANTS)
        costs.append(len(queries))
    assert costs[0] == costs[1]
    assert [one.waiting for one in answer.context["participants"] if one.stands == "held"] == [1] * 9
