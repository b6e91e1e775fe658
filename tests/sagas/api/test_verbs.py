"""Every verb over REST: what it does, its dry run, and its guard against a stale page."""

import json
from typing import Any

import pytest
from django.test import Client

from gateway.ids import uuid7
from gateway.models import Membership
from sagas import Abort, Retry, RetryLater, approval, operations, saga, sleep, step
from sagas.models import Audit, Saga
from tests.sagas.api.conftest import SAGAS
from tests.sagas.world import run_of

pytestmark = pytest.mark.django_db(transaction=True)

ONCE = Retry(attempts=1)


@pytest.fixture
def stuck(world):
    """A saga whose second step waits for a person."""
    table = saga(
        "stuck",
        step(world.charge, compensation=world.refund),
        step(world.ship, compensation=world.recall, on_failure="incident", retry=ONCE),
        step(world.tell, reads_only=True),
    )
    world.knows(table)
    world.script("ship", Abort("no"))
    found = world.start(table)
    world.work(found)
    return found


def verb(api, found, name, body=None, *, query="", **headers):
    return api.post(f"{SAGAS}{found.pk}/{name}/{query}", {"reason": "because", **(body or {})}, **headers)


def state_of(found):
    found.refresh_from_db()
    return found.state


def test_pause_and_resume(api, world, stuck):
    assert verb(api, stuck, "pause").json()["paused"]["by"] == "service"
    assert verb(api, stuck, "pause").json()["code"] == "paused"
    assert verb(api, stuck, "resume").json()["paused"] is None


def test_skip_goes_on_with_a_supplied_result(api, world, stuck):
    answer = verb(api, stuck, "skip", {"step": "ship", "result": {"by": "hand"}})
    assert answer.status_code == 200
    world.work(stuck)
    assert state_of(stuck) == "completed"
    assert run_of(stuck, "ship").result == {"by": "hand"}


def test_compensate_turns_back(api, world, stuck):
    assert verb(api, stuck, "compensate").status_code == 200
    world.work(stuck)
    assert state_of(stuck) == "compensated"


def test_give_up_and_clone(api, world, stuck):
    assert verb(api, stuck, "give-up").json()["failure"]["in_place"][0]["step"] == "charge"
    answer = verb(api, stuck, "clone")
    assert (answer.status_code, answer.json()["code"]) == (409, "effects_in_place")
    answer = verb(api, stuck, "clone", {"confirm_effects": True})
    assert (answer.status_code, answer.json()["cloned_from"]) == (201, str(stuck.pk))


def test_decide_and_reschedule(api, world):
    from datetime import timedelta

    table = saga("asks", approval("large"), sleep(timedelta(days=1), name="nap"))
    world.knows(table)
    found = world.start(table)
    answer = verb(api, found, "decide", {"step": "large", "approved": True})
    assert answer.status_code == 200
    again = verb(api, found, "decide", {"step": "large", "approved": False})
    assert (again.status_code, again.json()["code"]) == (409, "decided")
    world.work(found)
    assert state_of(found) == "waiting"
    answer = verb(api, found, "reschedule", {"step": "nap", "at": "2020-01-01T00:00:00+00:00"})
    assert (answer.status_code, state_of(found)) == (200, "completed")


def decision(client: Client, pk: object, step: str = "large", query: str = "") -> Any:
    body = {"step": step, "approved": True, "reason": "it is fine"}
    return client.post(f"{SAGAS}{pk}/decide/{query}", json.dumps(body), content_type="application/json")


@pytest.fixture
def asking(world):
    table = saga("asks", approval("large", group="sales"), approval("small"), step(world.charge, reads_only=True))
    world.knows(table)
    found = world.start(table, {"amount": 7})
    world.work(found)
    return found


def test_who_is_in_the_group_decides_and_sees_nothing_else(asking, person):
    seller = person("sue", groups=["sales"])
    looked = decision(seller, asking.pk, query="?dry_run=true")
    assert (looked.status_code, looked.json()["sentences"]) == (200, ["large is granted, and the saga goes on."])
    answer = decision(seller, asking.pk)
    assert answer.json() == {"saga": str(asking.pk), "step": "large", "approved": True, "state": "running"}
    assert asking.audit.get().actor == "person:sue"
    assert seller.get(f"{SAGAS}{asking.pk}/").status_code == 403
    assert decision(seller, asking.pk).json()["code"] == "decided"


@pytest.mark.parametrize("step", ["large", "small", "nothing"])
def test_who_is_not_asked_and_may_not_operate_is_refused_alike_whatever_there_is(asking, person, step):
    buyer = person("bob", groups=["purchase"], permissions=["view_saga"])
    mine, never = decision(buyer, asking.pk, step), decision(buyer, uuid7(), step)
    assert (mine.status_code, mine.json()["code"]) == (403, "permission_denied")
    assert {**never.json(), "instance": "", "trace_id": ""} == {**mine.json(), "instance": "", "trace_id": ""}


def test_who_is_in_the_group_decides_nothing_but_what_is_for_it(asking, person, django_user_model):
    seller = person("sue", groups=["sales"])
    assert decision(seller, asking.pk, "small").status_code == 403
    Saga.objects.filter(pk=asking.pk).update(tenant="other")
    assert decision(seller, asking.pk).status_code == 403
    Saga.objects.filter(pk=asking.pk).update(tenant="default")
    sue = django_user_model.objects.get(username="sue")
    Membership.objects.create(user=sue, tenant="default", definitions=["order"])
    assert decision(seller, asking.pk).status_code == 403
    assert not Audit.objects.exists()


def test_who_operates_decides_what_names_no_group_and_not_what_is_for_others(world, asking, person):
    operator = person("ola", permissions=["change_saga"])
    answer = decision(operator, asking.pk)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_in_group")
    operations.decide(asking.pk, step="large", approved=True, actor="sue", reason="it is fine")
    world.work(asking)
    answer = decision(operator, asking.pk, "small")
    assert (answer.status_code, answer.json()["definition"]) == (200, "asks")


def test_a_dry_run_says_what_would_happen_and_changes_nothing(api, world, stuck):
    before = (Saga.objects.values().get(pk=stuck.pk), Audit.objects.count())
    answer = verb(api, stuck, "cancel", query="?dry_run=true")
    assert answer.status_code == 200
    assert (answer.json()["dry_run"], answer.json()["state"]) == (True, "compensating")
    assert "Undone, in this order: charge." in answer.json()["sentences"]
    assert before == (Saga.objects.values().get(pk=stuck.pk), Audit.objects.count())


def test_a_stale_page_decides_nothing(api, world, stuck):
    seen = api.get(f"{SAGAS}{stuck.pk}/").headers["ETag"]
    assert verb(api, stuck, "pause", If_Match=seen).status_code == 200
    answer = verb(api, stuck, "cancel", If_Match=seen)
    assert (answer.status_code, answer.json()["code"]) == (412, "stale_page")
    assert state_of(stuck) == "stuck"


@pytest.mark.parametrize(
    "at",
    [
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
        "2026-01-01T00:00:00",
        "2026-01-01",
        "tomorrow",
        10**30,
        True,
        None,
    ],
)
def test_a_time_that_cannot_be_is_refused(api, world, stuck, at):
    assert verb(api, stuck, "reschedule", {"at": at}).status_code == 422
    if at is not None:
        answer = api.start("stuck", start_at=at)
        assert (answer.status_code, Saga.objects.count()) == (422, 1)


@pytest.mark.parametrize("etag", ["x", '"²"', '"99999999999"', '"-1"'])
def test_an_etag_that_is_none_of_ours_is_refused(api, world, stuck, etag):
    assert verb(api, stuck, "pause", If_Match=etag).status_code == 400


def test_a_typo_is_not_silently_dropped(api, world, stuck):
    assert verb(api, stuck, "skip", {"step": "ship", "resutl": 1}).status_code == 422


def test_the_input_is_edited_only_when_it_is_sent(api, world, stuck):
    verb(api, stuck, "retry", {"input": {"n": 2}})
    stuck.refresh_from_db()
    assert (stuck.input, stuck.input_rev) == ({"n": 2}, 2)
    world.script("ship", Abort("no"))
    world.work(stuck)
    verb(api, stuck, "retry")
    stuck.refresh_from_db()
    assert stuck.input_rev == 2


def test_an_etag_is_another_one_for_every_other_document(api, world, two):
    world.script("ship", RetryLater("not now"))
    found = world.start(two)
    first = api.get(f"{SAGAS}{found.pk}/").headers["ETag"]
    world.work()
    after = api.get(f"{SAGAS}{found.pk}/").headers["ETag"]
    assert first != after, "a step has moved it"
    assert verb(api, found, "pause", If_Match=first).status_code == 200, "and nobody has decided about it"


@pytest.mark.parametrize(
    ("form", "query"),
    [("{}", ""), ("{}", "?wait=1"), ("W/{}", ""), ('"0-old", {}', ""), ("*", "")],
    ids=["strong", "after a wait", "weak", "among others", "any"],
)
def test_what_somebody_has_already_is_not_sent_again_until_it_is_another(api, two, form, query):
    address = api.start(start_at="2999-01-01T00:00:00Z").json()["url"]
    tag = api.get(address).headers["ETag"]
    again = api.client.get(f"{address}{query}", headers={"If-None-Match": form.format(tag)})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert api.post(f"{address}cancel/", {"reason": "enough"}).status_code == 200
    assert api.client.get(address, headers={"If-None-Match": tag}).json()["state"] == "cancelled"
    assert api.client.get(address, headers={"If-None-Match": "nonsense"}).status_code == 200
