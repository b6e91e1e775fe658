"""The console's page of events: how targets and sources stand, and what sends or drops what is parked."""

import pytest
from django.test import override_settings
from django.urls import reverse

from sagas.models import Audit, OutboxEvent
from tests.sagas.admin.conftest import text_of
from tests.sagas.api.test_posting import SETTINGS, arrived, parked
from tests.sagas.events.post import Post
from tests.sagas.events.test_publisher import A

pytestmark = pytest.mark.django_db

EVENTS = reverse("admin:sagas_outboxevent_changelist")
ACT = reverse("admin:sagas_outboxevent_act")


@pytest.fixture(autouse=True)
def declared():
    with override_settings(SAGAS=SETTINGS):
        yield


def test_without_targets_and_sources_it_says_how_to_declare_them(operator):
    with override_settings(SAGAS={}):
        said = text_of(operator.get(EVENTS))
    assert "No target is declared" in said
    assert "No source is declared" in said


def test_it_says_what_is_parked_and_why_and_why_a_target_is_not_reached(operator):
    parked("stock.reserve", "x")
    OutboxEvent.objects.filter(type="x").update(state="waiting", error="")
    tries = [{"at": "2026-03-02T08:00:00+00:00", "status": 500, "ms": 31}, {"at": "…", "error": "nobody", "ms": 7}]
    OutboxEvent.objects.filter(type="stock.reserve").update(log=tries)
    Post(away=True).deliver()
    arrived(1)
    said = text_of(operator.get(EVENTS))
    assert "cannot be reached since" in said
    assert "nobody answers" in said
    assert "stock.reserve" in said
    assert "no queue after 3 tries" in said
    assert "2026-03-02T08:00:00+00:00 500 31 ms" in said
    assert "… nobody 7 ms" in said
    assert "No on_event(...) is for" in said


def press(client, looked, reason="bound", **more):
    """The button of the page that says what it would do."""
    about = {name: looked.context[name] for name in ("direction", "verb")}
    ids = looked.context["foresight"].events
    return client.post(ACT, {**about, "id": ids, "do": "1", "reason": reason, **more}, follow=True)


def states() -> list[str]:
    return list(OutboxEvent.objects.order_by("id").values_list("state", flat=True))


def test_the_chosen_are_sent_once_more_with_a_reason(operator):
    first, second = parked("one", "two")
    looked = operator.post(ACT, {"direction": "out", "verb": "replay", "id": [first]})
    assert "1 event will be sent once more" in text_of(looked)
    assert "1 × one for bus" in text_of(looked)
    assert states() == ["parked", "parked"]
    assert "1 event sent once more." in text_of(press(operator, looked))
    assert states() == ["waiting", "parked"]
    looked = operator.post(ACT, {"direction": "out", "verb": "replay", "id": [second]})
    again = press(operator, looked, reason=" ")
    assert "Say why" in text_of(again)
    assert again.context["foresight"].events == [second]
    assert states() == ["waiting", "parked"]


def test_nothing_is_dropped_that_nobody_has_looked_at(operator):
    ids = parked("one", "two", "one")
    looked = operator.post(ACT, {"direction": "out", "verb": "drop", "of": "bus"})
    said = text_of(looked)
    assert "3 events will never be sent: whoever waits for them is not told." in said
    assert "2 × one for bus" in said
    assert states() == ["parked"] * 3
    parked("three")  # meanwhile, of the same target: nobody has looked at it
    assert "3 events dropped." in text_of(press(operator, looked))
    assert states() == ["dropped"] * 3 + ["parked"]
    assert Audit.objects.get().details["events"] == ids


def test_to_look_by_an_address_does_nothing(operator):
    parked("one")
    looked = operator.get(ACT, {"direction": "out", "verb": "drop", "of": "bus", "do": "1", "reason": "now"})
    assert "1 event will never be sent" in text_of(looked)
    assert states() == ["parked"]


def test_what_no_target_takes_is_said_to_stay(operator):
    known, gone = parked("one", "two")
    OutboxEvent.objects.filter(pk=gone).update(target="gone")
    asked = {"direction": "out", "verb": "replay", "id": [known, gone]}
    assert "1 of them stays parked: no target takes it." in text_of(operator.post(ACT, asked))
    with override_settings(SAGAS={**SETTINGS, "EVENT_TARGETS": {}}):
        assert "No target takes them" in text_of(operator.post(ACT, asked, follow=True))


def test_what_arrived_is_said_to_be_done_or_never_done(operator):
    pk = arrived(1)
    said = text_of(operator.post(ACT, {"direction": "in", "verb": "replay", "id": [pk]}))
    assert "1 event will be done once more, as if they came now" in said
    assert "1 × order.created from shop" in said
    assert "no saga hears of them" in text_of(operator.post(ACT, {"direction": "in", "verb": "drop", "id": [pk]}))


def test_all_of_a_target_are_sent_once_more(operator):
    parked("one", "two")
    press(operator, operator.post(ACT, {"direction": "out", "verb": "replay", "of": "bus"}))
    post = Post()
    while post.deliver():
        pass
    assert post.of(A) == ["one", "two"]


def test_a_form_that_is_none_of_ours_is_refused(operator):
    assert operator.post(ACT, {"direction": "sideways", "verb": "replay"}).status_code == 404
    assert operator.post(ACT, {"direction": "out", "verb": "burn"}).status_code == 404
    answer = operator.post(ACT, {"direction": "in", "verb": "drop", "id": ["x", "9" * 30], "reason": "r"}, follow=True)
    assert "None of these is parked any more" in text_of(answer)
