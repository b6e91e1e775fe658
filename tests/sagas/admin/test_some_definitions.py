"""Who may know of some sagas only sees, counts, decides and lists those, and no others, on every path."""

import json

import pytest
from django.urls import reverse

from gateway.models import Membership
from sagas import Abort, approval, operations, saga, step
from sagas.models import Audit, BulkItem, BulkOperation, Saga
from sagas.operations import grouping, holding
from tests.sagas.admin.conftest import AUDIT, BULK, DEFINITIONS, LIST, OPERATIONS, START, page_of, text_of, verb_of

pytestmark = pytest.mark.django_db

API = "/api/v1"
GROUPS = reverse("admin:sagas_incident_group")
SAY = reverse("admin:sagas_incident_say")
APPROVALS = reverse("admin:sagas_approval_changelist")


@pytest.fixture
def tables(world):
    mine = saga("mine", step(world.charge, no_compensation="none", on_failure="incident", participant="payments"))
    theirs = saga("theirs", step(world.ship, no_compensation="none", on_failure="incident", participant="shipping"))
    asked = saga("asked", approval("large"))
    world.knows(mine, theirs, asked)
    return mine, theirs, asked


@pytest.fixture
def both(world, tables):
    """A saga of each, and each needs a person."""
    world.script("charge", Abort("no money"))
    world.script("ship", Abort("no street"))
    found = [world.start(table, business_key=f"of-{table.name}") for table in tables]
    world.work()
    return found


@pytest.fixture
def ann(someone, django_user_model):
    client = someone("view_saga", "change_saga")
    user = django_user_model.objects.get(username="ann")
    Membership.objects.create(user=user, tenant="default", definitions=["mine"])
    return client


def test_the_start_page_and_the_lists_show_and_count_no_others(ann, both):
    for page in (
        START,
        f"{LIST}?show=all",
        DEFINITIONS,
        APPROVALS + "?for=everybody",
        reverse("admin:sagas_hold_changelist"),
    ):
        said = text_of(ann.get(page))
        assert "no street" not in said, page
        assert "of-theirs" not in said, page
        assert "of-asked" not in said, page
        assert "shipping" not in said, page
    assert "no money" in text_of(ann.get(START))
    assert ann.get(START).context["numbers"].begun == 1
    assert ann.get(f"{LIST}?show=all").context["page"].counted == 1
    assert {version.name for version in ann.get(DEFINITIONS).context["versions"]} == {"mine"}


def test_what_is_held_is_told_where_ones_own_sagas_call_it(ann, both):
    for participant in ("payments", "shipping"):
        holding.hold(participant, actor="person:bob", reason="They repair it.")
    said = text_of(ann.get(START))
    assert "payments is held by person:bob" in said
    assert "shipping" not in said


def test_a_cause_of_another_definition_is_not_there(ann, both):
    assert ann.get(GROUPS, {"definition": "mine", "step": "charge", "code": "abort"}).status_code == 200
    for code in ("abort", "nothing"):
        assert ann.get(GROUPS, {"definition": "theirs", "step": "ship", "code": code}).status_code == 404


def test_a_saga_of_another_definition_is_not_there(ann, both):
    mine, theirs, _ = both
    assert ann.get(page_of(mine)).status_code == 200
    for address in (page_of(theirs), verb_of(theirs, "retry"), verb_of(theirs, "give-up")):
        assert ann.get(address).status_code == 404
        assert ann.post(address, {"reason": "x", "do": "1"}).status_code in (404, 405)
    assert Saga.objects.get(pk=theirs.pk).decisions == theirs.decisions + 1  # its incident, and nobody's verb


def test_a_group_of_another_definition_is_not_looked_after(ann, both):
    group = next(one for one in grouping.groups("default") if one.definition == "theirs")
    ann.post(SAY, {"group": group.id, "how": "note", "note": "mine now"})
    assert {one.note for one in grouping.groups("default")} == {""}
    said = text_of(ann.get(GROUPS, {"definition": "theirs", "step": "ship", "code": group.reason_code}))
    assert "no street" not in said


def test_all_that_match_are_all_that_one_may_know_of(ann, both):
    sent = {"all": "1", "query": "show=all", "verb": "give_up", "rate": "60", "reason": "enough"}
    looked = ann.post(BULK, sent)
    ann.post(BULK, {**sent, "do": "1", "seen": looked.context["seen"]})
    assert [item.saga_id for item in BulkItem.objects.all()] == [both[0].pk]
    named = ann.post(BULK, {"id": str(both[1].pk), "verb": "give_up"})
    assert named.status_code == 302  # no saga is chosen


def test_operations_and_decisions_of_others_are_not_listed(ann, both, world):
    _, theirs, _ = both
    operations.pause(theirs.pk, actor="bob", reason="a secret of theirs")
    about = {"tenant": "default", "verb": "retry", "selection": {}, "reason": "a secret of theirs", "rate": 1}
    now = theirs.created_at
    other = BulkOperation.objects.create(**about, actor="person:bob", created_at=now, at=now)
    for page in (AUDIT, OPERATIONS):
        assert "a secret of theirs" not in text_of(ann.get(page))
    assert ann.get(reverse("admin:sagas_bulkoperation_change", args=[other.pk])).status_code == 404
    assert ann.post(reverse("admin:sagas_bulk_steer", args=[other.pk]), {"how": "cancel"}).status_code == 404


def test_nothing_is_held_by_who_may_not_know_of_all_sagas(ann, both):
    assert ann.get(reverse("admin:sagas_hold_verb", args=["payments", "hold"])).status_code == 403
    assert ann.get(reverse("admin:sagas_outboxevent_changelist")).status_code == 403


def test_the_same_holds_over_rest_with_a_session(ann, both):
    mine, theirs, _ = both
    assert [one["id"] for one in ann.get(f"{API}/sagas/").json()["results"]] == [str(mine.pk)]
    assert ann.get(f"{API}/sagas/{theirs.pk}/").status_code == 404
    assert {one["definition"] for one in ann.get(f"{API}/incidents/").json()["results"]} == {"mine"}
    why = json.dumps({"reason": "because"})
    kind = "application/json"
    assert ann.post(f"{API}/sagas/{theirs.pk}/give-up/", why, content_type=kind).status_code == 404
    assert ann.post(f"{API}/participants/payments/hold/", why, content_type=kind).status_code == 403
    assert not Audit.objects.filter(actor="person:ann").exists()


def test_a_membership_names_definitions_or_none(admin_client, django_user_model):
    user = django_user_model.objects.create_user("bob")
    add = reverse("admin:gateway_membership_add")
    for given in ('"mine"', "[1]", "{}", "[]"):
        answer = admin_client.post(add, {"user": user.pk, "tenant": "default", "definitions": given})
        if given not in ("{}", "[]"):
            assert b"Write a list of names" in answer.content
        Membership.objects.all().delete()
    admin_client.post(add, {"user": user.pk, "tenant": "default", "definitions": '["mine"]'})
    assert Membership.objects.get().definitions == ["mine"]
