"""A message is called off, by id or by the key it was sent under: the answer is true, and a correction follows it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from notifications import delivery
from notifications.channels.channel import ChannelError
from notifications.models import Notification
from notifications.record import claim
from notifications.verdict import Result
from tests.notifications.door import PATH
from tests.notifications.post import now

pytestmark = pytest.mark.django_db

MESSAGE = {"receiver": {"loft": "17"}, "content": "It is on its way.", "metadata": {"order": "17"}}
SORRY = {"reason": "It was called off.", "correction": {"content": "It does not come."}}
KEY = "saga-1:notify:0:1"


def sent(service, key=KEY, **more):
    answer = service.ask({**MESSAGE, **more}, Idempotency_Key=key)
    assert answer.status_code == 202, answer.content
    return now(answer.json()["id"]).pk


def call_off(service, body=SORRY, key=KEY, of=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    path = f"{PATH}{of}/cancel/" if of else f"{PATH}by-key/{key}/cancel/"
    return service.post(path, body, "application/json", headers=named)


def in_an_hour():
    return (timezone.now() + timedelta(hours=1)).isoformat()


def test_what_was_not_sent_yet_is_not_sent_and_needs_no_correction(pigeon, service):
    pk = sent(service, send_at=in_an_hour())
    answer = call_off(service).json()
    assert (answer["id"], answer["status"], answer["arrived"], answer["correction"]) == (
        str(pk),
        "cancelled",
        "no",
        None,
    )
    assert Notification.objects.count() == 1


def test_a_correction_follows_what_was_sent_to_the_same_receiver(pigeon, service):
    pk = sent(service)
    delivery.deliver(pk)
    answer = call_off(service).json()
    assert (answer["status"], answer["arrived"], answer["correction"]["status"]) == ("sent", "yes", "accepted")
    assert delivery.deliver(now(answer["correction"]["id"]).pk) == "sent"
    assert [(letter.address, letter.text) for letter in pigeon.letters] == [
        ("17", "It is on its way."),
        ("17", "It does not come."),
    ]
    assert pigeon.letters[1].metadata == {"order": "17"}
    events = service.get(f"{PATH}{pk}/").json()["events"]
    assert (events[-1]["kind"], events[-1]["detail"]) == ("corrected", answer["correction"]["id"])


@pytest.mark.parametrize("category", ["transactional", "code"])
def test_a_correction_follows_what_may_have_arrived(pigeon, service, category):
    """Whether it still waits for its next try (at least once) or is left to a person (at most once)."""
    pk = sent(service, category=category)
    pigeon.script.append(ChannelError("It flew away.", Result.UNKNOWN))
    delivery.deliver(pk)
    answer = call_off(service).json()
    assert (answer["status"], answer["arrived"]) == ("unknown", "perhaps")
    assert answer["correction"]
    assert delivery.deliver(pk) is None


def test_a_correction_can_be_a_template(pigeon, service):
    text = {"locale": "en", "texts": {"en": {"text": "Not {{ what }}."}}, "fields": {"what": "text"}}
    assert service.post(f"{PATH}templates/sorry/", {**text, "example": {"what": "it"}}, "application/json")
    service.post(f"{PATH}templates/sorry/1/publish/", {}, "application/json")
    delivery.deliver(sent(service))
    answer = call_off(service, {"correction": {"template": "sorry", "data": {"what": "the lamp"}}}).json()
    delivery.deliver(now(answer["correction"]["id"]).pk)
    assert pigeon.letters[-1].text == "Not the lamp."


@pytest.mark.parametrize("unsent", [True, False])
def test_what_is_wrong_with_a_correction_is_heard_whether_it_is_needed_or_not(pigeon, service, unsent):
    pk = sent(service, **({"send_at": in_an_hour()} if unsent else {}))
    delivery.deliver(pk)
    answer = call_off(service, {"correction": {"template": "unheard"}})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/correction/template")
    assert now(pk).status == ("scheduled" if unsent else "sent")


def test_it_is_asked_again_when_a_worker_is_sending_it_at_this_moment(pigeon, service):
    pk = sent(service)
    claim(pk)
    for of in (None, pk):
        answer = call_off(service, of=of)
        assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (409, "under_way", "2")
    assert Notification.objects.count() == 1


def test_without_a_correction_it_can_be_too_late(pigeon, service):
    pk = sent(service)
    delivery.deliver(pk)
    for of in (None, pk):
        answer = call_off(service, {"reason": "x"}, of=of)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_allowed")


def test_what_was_never_asked_for_cannot_be_asked_for_afterwards(pigeon, service):
    """The undoing overtook the deed: a request that comes late does nothing."""
    for _ in range(2):
        answer = call_off(service)
        assert (answer.status_code, answer.json()) == (
            200,
            {"id": None, "status": None, "arrived": "no", "correction": None},
        )
    late = service.ask(MESSAGE, Idempotency_Key=KEY)
    assert (late.status_code, late.json()["code"]) == (410, "called_off")
    batch = service.post(f"{PATH}batch/", {"items": [{**MESSAGE, "idempotency_key": KEY}]}, "application/json")
    assert batch.json()["results"][0]["status"] == 410
    assert not Notification.objects.exists()


def test_a_repeated_request_sends_no_second_correction(pigeon, service):
    delivery.deliver(sent(service))
    first, second = (call_off(service, Idempotency_Key="undo-1") for _ in range(2))
    assert first.json()["correction"] == second.json()["correction"]
    assert second["Idempotent-Replayed"] == "true"
    assert second.json()["id"] == first.json()["id"]
    assert Notification.objects.count() == 2
    assert call_off(service, {"reason": "other"}, Idempotency_Key="undo-1").status_code == 422


def test_what_is_called_off_goes_to_no_further_channel(pigeon, service):
    pk = sent(service, escalate_after="PT10M")
    delivery.deliver(pk)
    assert now(pk).escalate_at is not None
    call_off(service)
    assert now(pk).escalate_at is None


def test_a_key_is_its_callers_own(pigeon, service):
    pk = sent(service)
    Notification.objects.update(tenant="other")
    assert call_off(service).status_code == 404
    assert call_off(service, of=pk).status_code == 404
