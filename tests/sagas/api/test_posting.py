"""Events over REST: how they stand, what is parked, and what sends or drops it."""

import pytest
from django.test import Client, override_settings

from gateway import keys
from sagas import on_event, saga, step
from sagas.events import inbox
from sagas.events.arriving import Message
from sagas.models import Audit, InboxEvent, OutboxEvent, Saga
from sagas.words import routes
from tests.sagas.events.post import Post
from tests.sagas.events.test_publisher import A, stored

pytestmark = pytest.mark.django_db

BUS = {"kind": "rabbitmq", "url": "amqp://nowhere"}
SETTINGS = {"EVENT_TARGETS": {"bus": BUS}, "EVENT_SOURCES": {"shop": {**BUS, "queue": "q"}}}
POST = "/api/v1/events/"
WHY = {"reason": "the queue is bound now"}


@pytest.fixture(autouse=True)
def declared():
    with override_settings(SAGAS=SETTINGS), routes.Replaced():
        yield


def parked(*types, **more):
    events = stored(A, *types, **more)
    OutboxEvent.objects.update(state="parked", error="no queue", tries=3)
    return [event.pk for event in events]


def arrived(number):
    document = b'{"specversion": "1.0", "id": "%d", "source": "/s", "type": "order.created", "data": {}}' % number
    inbox.take("shop", Message(body=document))
    return InboxEvent.objects.latest("id").pk


def test_how_events_stand(api):
    stored(A, "one", "two")
    OutboxEvent.objects.filter(type="two").update(state="parked")
    arrived(1)
    Post(away=True).deliver()
    found = api.get(POST).json()
    [bus], [shop] = found["out"], found["in"]
    assert (bus["name"], bus["kind"], bus["waiting"], bus["parked"]) == ("bus", "rabbitmq", 1, 1)
    assert bus["oldest_at"]
    assert bus["trouble"] == "nobody answers"
    assert (shop["name"], shop["waiting"], shop["parked"]) == ("shop", 0, 1)


def test_what_is_parked_is_listed_and_all_of_a_saga(api):
    parked("one")
    stored(A, "two")
    assert [one["type"] for one in api.get(f"{POST}out/").json()["results"]] == ["one"]
    assert [one["type"] for one in api.get(f"{POST}out/", saga=str(A)).json()["results"]] == ["two", "one"]
    arrived(1)
    [one] = api.get(f"{POST}in/").json()["results"]
    assert "No on_event(...)" in one["reason"]


def test_what_was_parked_is_sent_after_a_replay_in_its_order(api):
    ids = parked("one", "two", "three")
    assert api.post(f"{POST}out/replay/", {**WHY, "ids": ids[:2]}).json() == {"events": 2}
    post = Post()
    while post.deliver():
        pass
    assert post.of(A) == ["one", "two"]
    assert api.post(f"{POST}out/replay/", {**WHY, "of": "bus"}).json() == {"events": 1}
    entry = Audit.objects.latest("id")
    assert (entry.verb, entry.path, entry.reason) == ("replay events out", "bus", WHY["reason"])
    assert api.post(f"{POST}out/replay/", {**WHY, "ids": ids}).json()["code"] == "not_parked"


def test_the_audit_names_what_was_sent_once_more_and_nothing_else(api):
    [known] = parked("one")
    [unknown] = parked("two", target="gone")
    assert api.post(f"{POST}out/replay/", {**WHY, "ids": [known, unknown]}).json() == {"events": 1}
    assert Audit.objects.latest("id").details == {"events": [known], "number": 1}


def test_what_no_target_took_goes_to_those_that_take_it_now(api):
    [pk] = parked("one", target="")
    with override_settings(SAGAS={"EVENT_TARGETS": {}}):
        assert api.post(f"{POST}out/replay/", {**WHY, "of": ""}).json()["code"] == "no_target"
    with override_settings(SAGAS={"EVENT_TARGETS": {"bus": BUS, "audit": BUS}}):
        assert api.post(f"{POST}out/replay/", {**WHY, "ids": [pk]}).status_code == 200
    assert sorted(OutboxEvent.objects.values_list("target", "state")) == [("audit", "waiting"), ("bus", "waiting")]


def test_what_is_dropped_is_not_sent(api):
    ids = parked("one")
    assert api.post(f"{POST}out/drop/", {**WHY, "ids": ids}).json() == {"events": 1}
    assert Post().deliver() == 0
    assert OutboxEvent.objects.get().state == "dropped"


@pytest.mark.parametrize(("verb", "says"), [("replay", "sent once more"), ("drop", "never be sent")])
def test_a_dry_run_says_what_would_become_of_which_events_and_does_nothing(api, verb, says):
    ids = parked("one", "two", "one")
    seen = api.post(f"{POST}out/{verb}/?dry_run=true", {**WHY, "of": "bus"}).json()
    assert (seen["verb"], seen["dry_run"], seen["ids"]) == (verb, True, ids)
    assert says in seen["sentences"][0]
    assert seen["sentences"][1:] == ["2 × one for bus", "1 × two for bus"]
    assert set(OutboxEvent.objects.values_list("state", "tries")) == {("parked", 3)}
    assert not Audit.objects.exists()
    parked("three")  # meanwhile, of the same target: what is sent as `ids` is what was looked at
    assert api.post(f"{POST}out/{verb}/", {**WHY, "ids": seen["ids"]}).json() == {"events": 3}


def test_a_dry_run_of_what_arrived_begins_nothing(api, world):
    pk = arrived(1)
    world.knows(saga("order", step(world.lock, reads_only=True)))
    on_event("order.created", start="order")
    seen = api.post(f"{POST}in/replay/?dry_run=true", {**WHY, "of": "shop"}).json()
    assert (seen["ids"], seen["sentences"][1]) == ([pk], "1 × order.created from shop")
    assert not Saga.objects.exists()
    assert InboxEvent.objects.get().state == "parked"


@pytest.mark.parametrize("verb", ["replay", "drop"])
def test_a_dry_run_refuses_what_the_verb_refuses(api, verb):
    [pk] = parked("one", target="gone")
    asked = [{}, WHY, {"ids": [pk]}, {**WHY, "ids": [pk + 1]}, {"reason": " ", "ids": [pk]}, {**WHY, "of": "bus"}]
    asked += [{**WHY, "of": "gone"}] if verb == "replay" else []
    for body in asked:
        dry = api.post(f"{POST}out/{verb}/?dry_run=true", body)
        real = api.post(f"{POST}out/{verb}/", body)
        assert (dry.status_code, dry.json()["code"]) == (real.status_code, real.json()["code"]), body
        assert dry.status_code in (409, 422), body


def test_an_event_that_nobody_knew_is_done_when_somebody_does(api, world):
    pk = arrived(1)
    world.knows(saga("order", step(world.lock, reads_only=True)))
    on_event("order.created", start="order")
    assert api.post(f"{POST}in/replay/", {**WHY, "ids": [pk]}).status_code == 200
    assert InboxEvent.objects.get().state == "done"
    assert Saga.objects.count() == 1
    other = arrived(2)
    InboxEvent.objects.filter(pk=other).update(state="parked")
    assert api.post(f"{POST}in/drop/", {**WHY, "of": "shop"}).json() == {"events": 1}


BODIES = [{}, WHY, {"ids": [1]}, {**WHY, "ids": []}, {**WHY, "ids": [0]}, {"reason": " ", "of": "bus"}]


@pytest.mark.parametrize("body", BODIES)
def test_what_is_asked_for_must_be_said(api, body):
    parked("one")
    assert api.post(f"{POST}out/replay/", body).status_code == 422


def test_events_of_others_and_keys_of_some_definitions_see_nothing(api, world):
    ids = parked("one")
    OutboxEvent.objects.update(tenant="acme")
    assert api.get(f"{POST}out/").json()["results"] == []
    assert api.get(POST).json()["out"][0]["parked"] == 0
    assert api.post(f"{POST}out/replay/", {**WHY, "ids": ids}).status_code == 409
    world.knows(saga("order", step(world.lock, reads_only=True)))
    issued = keys.create("some", tenant="default", scopes=["read", "operate"], definitions=["order"])
    some = Client(headers={"Authorization": f"Bearer {issued.key}"})
    assert some.get(POST).json()["code"] == "definition_not_held"
