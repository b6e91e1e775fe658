"""A second person over REST: asked for with one key, approved with another."""

import json

import pytest
from django.test import Client

from gateway import keys
from sagas import Abort, saga, step
from sagas.models import Proposal, Saga

pytestmark = pytest.mark.django_db

ALL = "/api/v1/proposals/"
WHY = {"reason": "it is beyond repair"}


class As:
    """A service of the default tenant that may operate."""

    def __init__(self, name: str, tenant: str = "default", definitions: list[str] | None = None) -> None:
        self.key = keys.issue(name, tenant=tenant, scopes=["admin"], definitions=definitions).key

    def post(self, path: str, body: object):
        headers = {"X-API-Key": self.key}
        return Client().post(path, json.dumps(body), content_type="application/json", headers=headers)

    def get(self, path: str):
        return Client().get(path, headers={"X-API-Key": self.key})


@pytest.fixture
def stuck(world, settings) -> Saga:
    settings.SAGAS = {**settings.SAGAS, "SECOND_PERSON_FOR": ("give_up",)}
    table = saga("one", step(world.charge, no_compensation="none", on_failure="incident"))
    world.knows(table)
    world.script("charge", Abort("no"))
    found = world.start(table)
    world.work()
    return found


def test_asked_for_by_one_and_approved_by_another(stuck):
    ann, bob = As("ann"), As("bob")
    refused = ann.post(f"/api/v1/sagas/{stuck.pk}/give-up/", WHY)
    assert (refused.status_code, refused.json()["code"]) == (409, "needs_second_person")
    asked = ann.post(ALL, {**WHY, "verb": "give_up", "saga": str(stuck.pk)})
    assert (asked.status_code, asked.json()["state"]) == (201, "open")
    approve = asked.json()["links"]["approve"]
    own = ann.post(approve, WHY)
    assert (own.status_code, own.json()["code"]) == (409, "own_proposal")
    done = bob.post(approve, {"reason": "I agree"})
    assert (done.status_code, done.json()["state"], done.json()["decided_by"]) == (200, "done", "service:bob")
    stuck.refresh_from_db()
    assert stuck.state == "failed"
    assert bob.post(approve, WHY).json()["code"] == "decided"
    assert bob.get(ALL).json()["results"][0]["links"] == {}


def test_many_are_asked_for_by_ids_or_a_filter(stuck):
    ann, bob = As("ann"), As("bob")
    by_ids = ann.post(ALL, {**WHY, "verb": "give_up", "ids": [str(stuck.pk)]}).json()
    by_filter = ann.post(ALL, {**WHY, "verb": "give_up", "filter": {"definition": "one"}}).json()
    assert (by_ids["count"], by_filter["count"], by_filter["definitions"]) == (1, 1, ["one"])
    done = bob.post(by_ids["links"]["approve"], WHY).json()
    assert "/api/v1/operations/" in done["operation"]
    assert bob.post(by_filter["links"]["refuse"], WHY).json()["state"] == "refused"


def test_another_tenant_and_a_key_for_other_sagas_know_nothing_of_it(stuck):
    asked = As("ann").post(ALL, {**WHY, "verb": "give_up", "saga": str(stuck.pk)}).json()
    for other in (As("eve", tenant="other"), As("dan", definitions=["another"])):
        assert other.get(ALL).json()["results"] == []
        assert other.post(asked["links"]["approve"], WHY).status_code == 404
        assert other.post(ALL, {**WHY, "verb": "give_up", "saga": str(stuck.pk)}).status_code == 422
    assert Proposal.objects.get().state == "open"


@pytest.mark.parametrize(
    "body",
    [
        {"verb": "pause", "saga": "019aa7d3-0000-7000-8000-5e7f9a1b3c4d"},
        {"verb": "give_up"},
        {"verb": "give_up", "saga": "019aa7d3-0000-7000-8000-5e7f9a1b3c4d", "filter": {}},
        {"verb": "waive", "saga": "019aa7d3-0000-7000-8000-5e7f9a1b3c4d"},
    ],
)
def test_what_makes_no_sense_is_refused(stuck, body):
    assert As("ann").post(ALL, {**WHY, **body}).status_code == 422
