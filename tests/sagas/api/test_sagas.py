"""What a caller sees of sagas, and what they can do about them."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gateway import pages
from gateway.ids import uuid7
from sagas import Abort, RetryLater
from sagas.models import Audit, Saga
from sagas.operations.previewing import VERBS as VERBS_OF_SAGAS
from tests.sagas.api.conftest import SAGAS

pytestmark = pytest.mark.django_db


VERBS = {
    **{verb: {"reason": "mine?"} for verb in ("cancel", "compensate", "pause", "resume", "retry", "give-up", "clone")},
    "tell-again": {"reason": "mine?"},
    "skip": {"reason": "mine?", "step": "charge"},
    "waive": {"reason": "mine?", "step": "charge"},
    "resolve": {"reason": "mine?", "step": "charge", "landed": True},
    "decide": {"reason": "mine?", "step": "charge", "approved": True},
    "reschedule": {"reason": "mine?", "at": "2030-01-01T00:00:00Z"},
}


def held(world, table) -> Saga:
    """A saga with a step that needs a person."""
    world.script("charge", {"from": "charge"})
    world.script("ship", Abort("no such street"))
    world.script("refund", Abort("the bank says no"))
    return world.run_through(world.start(table))


def test_a_saga_says_what_it_waits_for_and_what_can_be_done(api, world, two):
    saga = held(world, two)
    found = api.get(f"{SAGAS}{saga.pk}/").json()
    assert (found["state"], found["going"], found["needs_person"]) == ("stuck", "back", True)
    assert "the bank says no" in found["next"]
    assert [(step["step"], step["state"], step["undo"]) for step in found["steps"]] == [
        ("charge", "succeeded", "stuck"),
        ("ship", "failed", "unneeded"),
    ]
    assert [(incident["step"], incident["reason"]) for incident in found["incidents"]] == [
        ("charge", "compensation_refused")
    ]
    address = f"http://testserver{SAGAS}{saga.pk}/"
    parts, verbs = ("steps", "journal", "signals", "incidents"), ("pause", "retry", "waive", "give-up")
    links = {name.replace("-", "_"): f"{address}{name}/" for name in (*parts, *verbs)}
    assert found["links"] == {"self": address, **links}


def test_a_step_that_needs_a_person_is_retried_and_the_saga_goes_on(api, world, two):
    saga = held(world, two)
    answer = api.post(f"{SAGAS}{saga.pk}/retry/", {"reason": "the bank is open again"})
    assert (answer.status_code, answer.json()["state"]) == (200, "compensating")
    assert world.run_through(saga).state == "compensated"
    entry = Audit.objects.get()
    assert (entry.verb, entry.actor, entry.reason) == ("retry", "service", "the bank is open again")


def test_only_the_step_that_is_named_is_retried(api, world, two):
    saga = held(world, two)
    answer = api.post(f"{SAGAS}{saga.pk}/retry/", {"reason": "again", "step": "ship"})
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_retry")
    assert answer.json()["allowed"] == ["signal", "pause", "retry", "waive", "give_up"]
    assert api.post(f"{SAGAS}{saga.pk}/retry/", {"reason": "again", "step": "charge"}).status_code == 200


def test_a_saga_is_cancelled_and_twice_is_no_harm(api, world, two):
    saga = world.start(two)
    first = api.post(f"{SAGAS}{saga.pk}/cancel/", {"reason": "changed my mind"})
    again = api.post(f"{SAGAS}{saga.pk}/cancel/", {"reason": "changed my mind"})
    assert (first.status_code, again.status_code) == (200, 409 if first.json()["ended_at"] else 200)
    assert world.run_through(saga).state == "cancelled"


def test_a_saga_that_has_ended_allows_nothing_and_says_so(api, world, two):
    saga = world.run_through(world.start(two))
    for verb in ("cancel", "retry"):
        answer = api.post(f"{SAGAS}{saga.pk}/{verb}/", {"reason": "late"})
        assert (answer.status_code, answer.json()["code"], answer.json()["allowed"]) == (409, "ended", ["clone"])
    assert "completed" in api.get(f"{SAGAS}{saga.pk}/").json()["next"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/reason"),
        ({"reason": ""}, "/reason"),
        ({"reason": "  "}, "/reason"),
        ({"reason": "r" * 2001}, "/reason"),
        ({"reason": 7}, "/reason"),
        ({"reason": "why", "resaon": "why"}, "/resaon"),
        ({"reason": "why", "step": 1}, "/step"),
        ({"reason": "why", "step": "s" * 64}, "/step"),
    ],
)
def test_a_verb_wants_a_reason_and_nothing_strange(api, world, two, body, pointer):
    saga = world.start(two)
    answer = api.post(f"{SAGAS}{saga.pk}/retry/", body)
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (422, [pointer])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "", None),
        ("get", "steps/", None),
        ("get", "journal/", None),
        ("get", "signals/", None),
        ("get", "incidents/", None),
        ("post", "signals/settled/", {}),
        *(("post", f"{verb}/{query}", body) for verb, body in VERBS.items() for query in ("", "?dry_run=true")),
    ],
)
def test_somebody_elses_saga_looks_exactly_like_none(api, world, two, method, path, body):
    theirs = world.start(two, tenant="theirs").pk
    nobodys = uuid7()
    answers = []
    for pk in (theirs, nobodys):
        address = f"{SAGAS}{pk}/{path}"
        answer = api.get(address) if method == "get" else api.post(address, body)
        answers.append((answer.status_code, answer.content.decode().replace(str(pk), "ID")))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    assert Saga.objects.get(pk=theirs).decisions == 0


@pytest.mark.parametrize("verb", VERBS)
def test_who_may_only_look_changes_nothing(world, two, client, django_user_model, verb):
    person = django_user_model.objects.create_user("ann", password="x")
    person.user_permissions.add(Permission.objects.get(codename="view_saga"))
    client.force_login(person)
    address = f"{SAGAS}{world.start(two).pk}/"
    assert client.get(address).status_code == 200
    for query in ("", "?dry_run=true"):
        answer = client.post(f"{address}{verb}/{query}", VERBS[verb], content_type="application/json")
        assert answer.status_code == 403
    assert client.post(f"{address}signals/settled/", {}, content_type="application/json").status_code == 403


def test_every_verb_that_a_saga_allows_has_a_door(api, world, two):
    addresses = {verb: reverse(f"sagas:{verb}", args=[uuid7()]) for verb in VERBS_OF_SAGAS}
    assert {address.rstrip("/").rpartition("/")[2] for address in addresses.values()} == set(VERBS)
    for link in api.get(f"{SAGAS}{held(world, two).pk}/").json()["links"].values():
        assert api.get(link).status_code in (200, 405)


def test_sagas_are_listed_newest_first_page_by_page(api, world, two):
    mine = [str(world.start(two).pk) for _ in range(5)]
    world.start(two, tenant="theirs")
    seen, address = [], f"{SAGAS}?limit=2"
    while address:
        found = api.get(address).json()
        assert len(found["results"]) <= 2
        seen += [saga["id"] for saga in found["results"]]
        address = found["next"]
    assert seen == sorted(mine, reverse=True)  # by id, which within one millisecond is chance


def test_the_list_costs_the_same_however_many_sagas_it_shows(api, world, two):
    from django.db import connection

    costs = []
    for _ in range(2):
        world.start(two)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            api.get(SAGAS)
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_the_list_is_filtered(api, world, two):
    stuck = held(world, two)
    running = world.start(two, business_key="order-7")
    for query, expected in (
        ({"state": "stuck"}, [stuck]),
        ({"needs_person": "true"}, [stuck]),
        ({"needs_person": "false"}, [running]),
        ({"business_key": "order-7"}, [running]),
        ({"definition": "two"}, [running, stuck]),
        ({"definition": "three"}, []),
    ):
        found = api.get(SAGAS, **query).json()["results"]
        assert [saga["id"] for saga in found] == [str(saga.pk) for saga in expected], query


def test_the_next_page_keeps_the_filter(api, world, two):
    for _ in range(2):
        world.start(two, business_key=None, labels={})
    assert "definition=two" in api.get(SAGAS, definition="two", limit=1).json()["next"]


@pytest.mark.parametrize(
    "query",
    [
        {"stat": "stuck"},
        {"state": "sleeping"},
        {"needs_person": "perhaps"},
        {"business_key": "\x00"},
        {"definition": "\x00"},
        {"cursor": "nonsense"},
        {"cursor": "Zm9v"},
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "many"},
        {"state": ["stuck", "running"]},
    ],
)
def test_a_list_that_cannot_be_made_is_refused(api, two, query):
    answer = api.get(SAGAS, **query)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")


def test_steps_and_journal_have_pages_of_their_own(api, world, two):
    saga = world.run_through(world.start(two))
    steps = api.get(f"{SAGAS}{saga.pk}/steps/", limit=1).json()
    assert [step["step"] for step in steps["results"]] == ["charge"]
    assert [step["step"] for step in api.get(steps["next"]).json()["results"]] == ["ship"]
    seen, address = [], f"{SAGAS}{saga.pk}/journal/?limit=1"
    while address:
        found = api.get(address).json()
        seen += [entry["rev"] for entry in found["results"]]
        address = found["next"]
    assert seen == list(saga.journal.values_list("rev", flat=True))


def test_a_saga_in_back_off_can_be_hastened(api, world, two):
    world.script("charge", RetryLater("busy", after=timedelta(minutes=1)))
    saga = world.start(two)
    world.work()
    assert "retry" in api.get(f"{SAGAS}{saga.pk}/").json()["links"]
    assert api.post(f"{SAGAS}{saga.pk}/retry/", {"reason": "now"}).status_code == 200
    world.work()
    assert Saga.objects.get().state == "completed"


@pytest.mark.parametrize("path", ["", "{pk}/", "{pk}/steps/"])
def test_what_an_address_does_not_know_is_405(api, world, two, path):
    answer = api.client.delete(f"{SAGAS}{path.format(pk=world.start(two).pk)}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (405, "application/problem+json")
    assert "GET" in answer.headers["Allow"]


def test_an_id_that_is_none_is_404(api):
    assert api.get(f"{SAGAS}not-an-id/").status_code == 404


def test_a_rare_label_is_found_behind_many_others_window_by_window(api, world, two, monkeypatch):
    monkeypatch.setattr(pages, "WINDOWS", (2, 5))
    rare = [world.start(two, labels={"shop": "north"}).pk]
    for _ in range(11):
        world.start(two, labels={"shop": "south"})
    rare.append(world.start(two, labels={"shop": "north"}).pk)
    found, looks, address = [], 0, f"{SAGAS}?label=shop:north&limit=50"
    while address:
        answer = api.get(address).json()
        found += [one["id"] for one in answer["results"]]
        address, looks = answer["next"], looks + 1
    assert found == [str(pk) for pk in reversed(rare)]
    assert looks == 3, "five at a time are looked at, of thirteen"


def test_a_full_page_of_a_label_goes_on_where_it_ended(api, world, two, monkeypatch):
    monkeypatch.setattr(pages, "WINDOWS", (4, 100))
    all_ = [str(world.start(two, labels={"shop": "north"}).pk) for _ in range(5)]
    first = api.get(f"{SAGAS}?label=shop:north&limit=3").json()
    second = api.get(first["next"]).json()
    assert [one["id"] for one in first["results"] + second["results"]] == sorted(all_, reverse=True), (
        "two of one millisecond may stand either way"
    )
    assert second["next"] is None
    assert api.get(f"{SAGAS}?label=shop:north&definition=none&limit=3").json() == {"results": [], "next": None}
