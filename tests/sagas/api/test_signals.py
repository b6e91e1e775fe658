"""The outside tells sagas something: over the API, by business key, and through a signed address."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from pydantic import BaseModel

from gateway import throttles
from sagas import operations, saga, step, wait
from sagas.engine.links import signal_url
from sagas.models import Saga, Signal
from tests.sagas.api.conftest import SAGAS

pytestmark = pytest.mark.django_db(transaction=True)


class Settlement(BaseModel):
    status: str


@pytest.fixture
def paid(world):
    table = saga("paid", step(world.charge, compensation=world.refund), wait("settled", schema=Settlement))
    world.knows(table)
    return table


def waiting(world, table, **options):
    found = world.start(table, **options)
    world.work(found)
    return found


def test_a_signal_is_stored_and_answered_with_202(api, world, paid):
    found = waiting(world, paid)
    answer = api.post(f"{SAGAS}{found.pk}/signals/settled/", {"id": "s1", "payload": {"status": "ok"}})
    assert (answer.status_code, answer.json()["taken"], answer.json()["replayed"]) == (202, True, False)
    again = api.post(f"{SAGAS}{found.pk}/signals/settled/", {"id": "s1", "payload": {"status": "ok"}})
    assert (again.status_code, again.json()["replayed"]) == (202, True)
    other = api.post(f"{SAGAS}{found.pk}/signals/settled/", {"id": "s1", "payload": {"status": "no"}})
    assert (other.status_code, other.json()["code"]) == (409, "signal_conflict")
    assert Signal.objects.count() == 1
    world.work(found)
    found.refresh_from_db()
    assert found.state == "completed"
    listed = api.get(f"{SAGAS}{found.pk}/signals/").json()["results"]
    assert [(signal["name"], signal["id"], signal["payload"]) for signal in listed] == [
        ("settled", "s1", {"status": "ok"})
    ]


def test_a_payload_that_does_not_fit_is_refused_and_nothing_is_stored(api, world, paid):
    found = waiting(world, paid)
    answer = api.post(f"{SAGAS}{found.pk}/signals/settled/", {"payload": {"state": "ok"}})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/payload/status")
    assert Signal.objects.count() == 0


def test_the_holder_of_a_business_key_is_told_or_begun(api, world, paid):
    answer = api.post(f"{SAGAS}by-key/paid/order-1/signals/settled/", {"payload": {"status": "ok"}})
    assert answer.status_code == 404
    body = {"payload": {"status": "ok"}, "start_if_missing": {"input": {"n": 1}}}
    answer = api.post(f"{SAGAS}by-key/paid/order-1/signals/settled/", body)
    assert answer.status_code == 202
    found = Saga.objects.get(business_key="order-1")
    world.work(found)
    found.refresh_from_db()
    assert (found.state, found.input) == ("completed", {"n": 1})


def test_a_saga_that_a_signal_would_begin_waits_for_room_in_the_queue_and_one_that_is_there_does_not(
    api, world, paid, settings
):
    settings.SAGAS = {**settings.SAGAS, "MOST_DUE": {"paid": -1}}  # however few are due
    world.start(paid, business_key="there")
    body = {"payload": {"status": "ok"}, "start_if_missing": {}}
    refused = api.post(f"{SAGAS}by-key/paid/missing/signals/settled/", body)
    assert (refused.status_code, refused.json().get("code")) == (429, "queue_too_long"), refused.content
    assert api.post(f"{SAGAS}by-key/paid/there/signals/settled/", body).status_code == 202


def test_a_business_key_may_hold_a_slash(api, world, paid):
    found = waiting(world, paid, business_key="2026/7")
    answer = api.post(f"{SAGAS}by-key/paid/2026/7/signals/settled/", {"payload": {"status": "ok"}})
    assert (answer.status_code, answer.json()["saga"]) == (202, str(found.pk))


def test_who_may_not_start_sagas_does_not_start_one_by_a_signal(world, paid, client, django_user_model):
    person = django_user_model.objects.create_user("ann", password="x")
    person.user_permissions.add(Permission.objects.get(codename="add_signal"))
    client.force_login(person)
    path = f"{SAGAS}by-key/paid/order-1/signals/settled/"
    for body, status in (({"payload": {"status": "ok"}}, 404), ({"start_if_missing": {}}, 403)):
        assert client.post(path, body, content_type="application/json").status_code == status
    assert Saga.objects.count() == 0


@pytest.mark.parametrize("name", ["a%00b", "n" * 64])
@pytest.mark.parametrize(
    "path", ["{pk}/signals/{name}/", "by-key/{name}/k/signals/settled/", "by-key/paid/k/signals/{name}/"]
)
def test_a_name_that_cannot_be_is_refused(api, world, paid, path, name):
    found = waiting(world, paid, business_key="k")
    answer = api.post(SAGAS + path.format(pk=found.pk, name=name), {"id": "s1", "payload": {"status": "ok"}})
    assert (answer.status_code, Signal.objects.count()) == (422, 0)


@pytest.mark.parametrize("key", ["a%00b", "k" * 256])
def test_a_business_key_that_cannot_be_is_refused(api, paid, key):
    answer = api.post(f"{SAGAS}by-key/paid/{key}/signals/settled/", {"start_if_missing": {}})
    assert (answer.status_code, Saga.objects.count()) == (422, 0)


def test_a_participant_calls_back_once_without_a_key(api, world, paid, client):
    found = waiting(world, paid)
    path = signal_url(found.pk, "settled", "nonce").removeprefix("http://127.0.0.1:8000")
    send = {"content_type": "application/json"}
    answer = client.post(path, {"status": "ok"}, **send)
    assert (answer.status_code, answer.json()) == (202, {"stored": True, "replayed": False})
    assert client.post(path, {"status": "ok"}, **send).json() == {"stored": True, "replayed": True}
    other = client.post(path, {"status": "no"}, **send)
    assert (other.status_code, other.json()["code"]) == (409, "signal_conflict")
    world.work(found)
    found.refresh_from_db()
    assert found.state == "completed"


def test_a_callback_says_nothing_about_the_saga(world, paid, client):
    found = waiting(world, paid, business_key="order-1")
    path = signal_url(found.pk, "settled", "nonce").removeprefix("http://127.0.0.1:8000")
    operations.cancel(found.pk, actor="ann", reason="no")
    world.work(found)
    late = client.post(path, {"status": "ok"}, content_type="application/json")
    assert (late.status_code, Signal.objects.get().flag) == (409, "late")
    Saga.objects.get().delete()
    gone = client.post(path, {"status": "ok"}, content_type="application/json")
    assert gone.status_code == 404
    for answer in (late, gone):
        said = " ".join(str(value) for name, value in answer.json().items() if name != "instance")
        assert not [word for word in ("cancelled", "paid", "order-1", "nonce", str(found.pk)) if word in said]


def test_an_address_that_was_changed_is_nothing(world, paid, client):
    found = waiting(world, paid)
    path = signal_url(found.pk, "settled", "nonce").removeprefix("http://127.0.0.1:8000")
    answer = client.post(path[:-4] + "xyz/", {"status": "ok"}, content_type="application/json")
    assert answer.status_code == 404
    assert Signal.objects.count() == 0


def test_a_signal_after_the_end_is_stored_as_late_and_refused(api, world, paid):
    found = waiting(world, paid)
    operations.cancel(found.pk, actor="ann", reason="no")
    world.work(found)
    answer = api.post(f"{SAGAS}{found.pk}/signals/settled/", {"payload": {"status": "ok"}})
    assert (answer.status_code, answer.json()["code"]) == (409, "ended")
    assert Signal.objects.get().flag == "late"


def test_a_callbacks_address_takes_so_many_requests_a_minute(world, paid, client, monkeypatch):
    cache.clear()
    monkeypatch.setattr(throttles.time, "time", lambda: 1_000_000_000.0)  # nothing here runs into the next minute
    path = signal_url(waiting(world, paid).pk, "settled", "nonce").removeprefix("http://127.0.0.1:8000")
    send = {"status": "ok"}
    answers = [client.post(path, send, content_type="application/json").status_code for _ in range(61)]
    assert (set(answers[:60]), answers[60]) == ({202}, 429)


def test_an_address_that_is_too_old_says_so_and_keeps_nothing(api, world, paid, settings):
    found = waiting(world, paid)
    address = signal_url(found.pk, "settled", "n1").partition("8000")[2]
    world.later(timedelta(days=89))
    assert api.client.post(address, {"status": "ok"}, content_type="application/json").status_code == 202
    world.later(timedelta(days=2))
    late = api.client.post(address, {"status": "ok"}, content_type="application/json")
    assert (late.status_code, late.json()["code"]) == (410, "expired")
    assert "ask whoever gave it to you" in late.json()["detail"]
    assert Signal.objects.count() == 1


def test_addresses_outlive_a_new_secret_key_while_the_old_one_is_a_fallback(api, world, paid, settings):
    found = waiting(world, paid)
    address = signal_url(found.pk, "settled", "n1").partition("8000")[2]
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "k" * 50, [settings.SECRET_KEY]
    assert api.client.post(address, {"status": "ok"}, content_type="application/json").status_code == 202
    settings.SECRET_KEY_FALLBACKS = []
    assert api.client.post(address, {"status": "ok"}, content_type="application/json").status_code == 404
