"""The start page, a page for a cause, workers, definitions and the audit log."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gateway.ids import uuid7
from sagas import Abort, operations, saga, step
from sagas.admin import numbers
from sagas.models import BulkOperation, Hold, Incident, Saga, Sweep, Worker
from sagas.operations import holding
from sagas.operations.bulk import begin_bulk
from sagas.record import clock, holds
from tests.sagas.admin.conftest import AUDIT, DEFINITIONS, START, WORKERS, held, listed, page_of, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def know_of_no_hold():
    yield
    holds.forget()


GROUP = reverse("admin:sagas_incident_group")
SAY = reverse("admin:sagas_incident_say")
CHARGE = {"definition": "order", "step": "charge", "code": "http_5xx"}


def test_it_groups_what_needs_a_person_by_cause_the_most_first(scenes, operator):
    scenes.going_back()
    scenes.of_one_cause(3)
    groups = operator.get(START).context["groups"]
    assert [(line.group.path, line.group.reason_code, line.group.count) for line in groups] == [
        ("charge", "http_5xx", 3),
        ("charge", "abort", 1),
    ]


def test_it_says_when_nothing_needs_a_person(operator):
    assert "Nothing needs a person." in text_of(operator.get(START))


def test_it_says_when_no_worker_is_alive(operator):
    assert "No worker is alive" in text_of(operator.get(START))


def test_it_counts_what_is_under_way_and_what_became_of_the_last_day(world, scenes, operator):
    scenes.of_one_cause(2)
    world.run_through(world.start(scenes.shipping))
    found = operator.get(START).context["numbers"]
    assert {(state, count) for state, count, _ in found.states} == {("stuck", 2), ("waiting", 1)}
    assert (found.begun, found.ended) == (3, [("live", 1), ("stuck", 2)])
    assert {speed.path for speed in found.speeds} >= {"lock_stock"}


def test_a_saga_that_needs_a_person_counts_as_such_in_the_hour_in_which_it_began(world, scenes, operator):
    scenes.of_one_cause(2)
    world.run_through(world.start(scenes.shipping))
    found = operator.get(START).context["numbers"]
    said = [(column.kind, column.title.partition("UTC: ")[2]) for column in found.chart]
    assert said == [("live", "1 live"), ("stuck", "2 still in need of a person")]


def test_trouble_counts_in_the_hour_in_which_it_began_and_not_in_that_of_its_saga(scenes, operator):
    now = clock.now()
    old, over, late = scenes.of_one_cause(3)
    Incident.objects.filter(saga=old).update(opened_at=now - timedelta(hours=25))
    Incident.objects.filter(saga=over).update(opened_at=now - timedelta(hours=3.5), closed_at=now)
    Saga.objects.filter(pk=late.pk).update(created_at=now - timedelta(days=40))
    answer = operator.get(START)
    found = answer.context["troubles"]
    assert (found.began, found.is_open, found.over) == (2, 1, 1)
    first, last = found.chart
    assert (first.kind, round(first.x / 100 * 24)) == ("over", 20)
    assert (last.kind, round(last.x / 100 * 24)) == ("stuck", 23)
    assert last.title.endswith("UTC: 1 still in need of a person")
    assert "2 · 1 still open · 1 over" in text_of(answer)


def test_trouble_of_others_is_not_counted(scenes, operator):
    [found] = scenes.of_one_cause(1)
    Incident.objects.filter(saga=found).update(tenant="berlin")
    assert operator.get(START).context["troubles"].began == 0


@pytest.mark.parametrize(
    ("heard", "said"),
    [(None, "never heard"), (timedelta(minutes=3), "silent for 3 min"), (-timedelta(minutes=5), " ago")],
)
def test_it_says_when_beat_was_heard(operator, heard, said):
    now = clock.now()
    Sweep.objects.create(at=now, steady_since=now, beat_at=None if heard is None else now - heard)
    _, _, about = text_of(operator.get(START)).partition(" Beat ")
    assert said in about.partition("Longest in the queue")[0]


def test_it_costs_the_same_however_much_there_is(scenes, operator):
    costs = []
    for _ in range(2):
        scenes.going_back()
        scenes.of_one_cause(2)
        with CaptureQueriesContext(connection) as queries:
            operator.get(START)
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_what_somebody_holds_or_repairs_stands_above_all_else(scenes, world, operator, settings):
    settings.SAGAS = {**settings.SAGAS, "SERVICES": {"payments": {"url": "http://127.0.0.1:1"}}}
    sagas = scenes.of_one_cause(2)
    assert "What people have begun" in operator.get(START).content.decode()
    assert operator.get(START).context["interventions"].holds == []
    about = {"actor": "person:bob", "reason": "They repair it."}
    holding.hold("payments", **about)
    mine = Saga.objects.filter(pk__in=[found.pk for found in sagas])
    begun = begin_bulk("retry", mine, rate=60, tenant="default", selection={}, **about)
    for page in (START, f"{GROUP}?definition=order&step=charge&code=http_5xx"):
        said = text_of(operator.get(page))
        assert "payments is held by person:bob for " in said
        assert "Retry for many sagas, begun by person:bob " in said
        assert " ago, is running : They repair it." in said
    BulkOperation.objects.filter(pk=begun.pk).update(state="done")
    Hold.objects.update(ended_at=clock.now())
    found = operator.get(START).context["interventions"]
    assert (found.holds, found.operations) == ([], [])


def test_what_waits_for_a_held_participant_says_so(world, operator):
    table = saga("one", step(world.charge, compensation=world.refund, participant="payments"))
    world.knows(table)
    holding.hold("payments", actor="person:bob", reason="They repair it.")
    holds.look()
    world.start(table)
    world.work()
    [reason] = operator.get(START).context["numbers"].waiting
    assert (reason.path, reason.what, reason.count) == ("charge", "waits for payments, which is held", 1)


def test_a_cause_says_on_which_versions_and_whom_its_step_calls(world, operator, someone):
    fails = step(world.charge, compensation=world.refund, participant="payments", on_failure="incident")
    world.script("charge", Abort("no", code="http_5xx"))
    tables = saga("order", fails), saga("order", fails, step(world.look, reads_only=True), version=2)
    world.knows(tables[0])
    world.run_through(world.start(tables[0]))
    world.knows(*tables)
    said = text_of(operator.get(GROUP, CHARGE))
    assert "On version 1 of order ; the newest is 2." in said
    assert "It calls payments: if that is what fails, hold payments … , and nothing more runs into it." in said
    holding.hold("payments", actor="person:bob", reason="They repair it.")
    assert "It calls payments, which is held." in text_of(operator.get(GROUP, CHARGE))
    viewer = someone("view_saga", name="vera")
    holding.release("payments", actor="person:bob", reason="It is back.")
    said = text_of(viewer.get(GROUP, CHARGE))
    assert "It calls payments" in said and "hold payments" not in said


def test_workers_that_are_gone_are_counted_for_an_hour(operator):
    now = clock.now()
    for hours in (0.5, 2):
        gone = now - timedelta(hours=hours)
        Worker.objects.create(name="w", queues=[], definitions=[], started_at=gone, beat_at=gone, gone_at=gone)
    assert "Workers alive 0 and 1 gone in the last hour" in text_of(operator.get(START))


def test_a_cause_leads_to_its_sagas(scenes, operator):
    sagas = scenes.of_one_cause(3)
    scenes.going_back()
    answer = operator.get(GROUP, CHARGE)
    assert {found.pk for found in listed(answer)} == {found.pk for found in sagas}
    shown = text_of(answer)
    assert "3 sagas need a person: The payment service answered 500." in shown
    assert "Looked after by the payments team." in shown
    line, _ = operator.get(START).context["groups"]
    assert {found.pk for found in listed(operator.get(f"{GROUP}?{line.query}"))} == {found.pk for found in sagas}


def test_a_cause_says_how_many_of_it_may_have_happened(scenes, operator):
    found = scenes.in_doubt()
    assert "1 may have happened: to be resolved, not retried." in text_of(operator.get(START))
    line = operator.get(START).context["groups"][0]
    cause = f"{GROUP}?{line.query}"
    assert "1 may have happened: find out at the participant and resolve each" in text_of(operator.get(cause))
    operations.resolve(found.pk, step="transfer", landed=False, actor="person:bob", reason="the bank has no such thing")
    assert "may have happened" not in text_of(operator.get(START))
    assert "may have happened" not in text_of(operator.get(cause))


def test_a_cause_that_is_gone_says_so(scenes, operator):
    assert "Nothing has this cause any more." in text_of(operator.get(GROUP, CHARGE))
    assert operator.get(GROUP).status_code == 404


def test_a_cause_is_taken_noted_and_muted(scenes, operator):
    scenes.of_one_cause(1)
    scenes.going_back()
    about = {"group": operator.get(GROUP, CHARGE).context["line"].group.id, "back": f"{GROUP}?x=1"}
    assert operator.post(SAY, {**about, "how": "take"}).url == f"{GROUP}?x=1"
    operator.post(SAY, {**about, "how": "note", "note": "the bank knows"})
    operator.post(SAY, {**about, "how": "mute", "hours": "8"})
    group = operator.get(GROUP, CHARGE).context["line"].group
    assert (group.owner, group.note) == ("ann", "the bank knows")
    assert timedelta(hours=7) < group.muted_until - clock.now() <= timedelta(hours=8)
    last = operator.get(START).context["groups"][-1]
    assert (last.is_muted, last.group.id) == (True, group.id)
    operator.post(SAY, {**about, "how": "unmute"})
    operator.post(SAY, {**about, "how": "leave"})
    group = operator.get(GROUP, CHARGE).context["line"].group
    assert (group.owner, group.muted_until) == ("", None)


@pytest.mark.parametrize("back", ["https://evil.example.org/", "//evil.example.org", "javascript:alert(1)"])
def test_looking_after_a_cause_leads_to_no_other_site(operator, back):
    assert operator.post(SAY, {"group": "nonsense", "how": "take", "back": back}).url == START


@pytest.mark.parametrize("sent", [{}, {"how": "mute", "hours": "999999999"}, {"how": "drop"}])
def test_what_cannot_be_said_of_a_cause_is_not_found(operator, sent):
    assert operator.post(SAY, sent).status_code == 404


def test_workers_are_shown_with_what_they_have_in_hand(world, two, operator):
    now = clock.now()
    about = {"queues": ["sagas"], "definitions": ["two 1"], "started_at": now - timedelta(hours=3)}
    Worker.objects.create(pk=world.worker, name="w1", beat_at=now, concurrency=4, **about)
    Worker.objects.create(pk=uuid7(), name="w2", beat_at=now - timedelta(hours=1), **about)
    Worker.objects.create(pk=uuid7(), name="w3", beat_at=now - timedelta(hours=2), gone_at=now, **about)
    world.attempt(world.start(two), "charge")
    answer = operator.get(WORKERS)
    lines = answer.context["lines"]
    assert lines[-1].age == "1 h"
    assert "was up for 1 h" in text_of(answer)
    assert [(line.worker.name, line.stands, line.in_hand) for line in lines] == [
        ("w1", "alive", 1),
        ("w2", "silent", 0),
        ("w3", "gone", 0),
    ]


def test_definitions_are_shown_with_their_live_sagas_and_drawn(scenes, operator):
    scenes.of_one_cause(2)
    versions = {
        version.name: (version.live, version.stuck) for version in operator.get(DEFINITIONS).context["versions"]
    }
    assert versions["order"] == (2, 2)
    assert versions["voyage"] == (0, 0)
    answer = operator.get(reverse("admin:sagas_definition", args=["order"]))
    assert 'data-path="charge"' in answer.content.decode()
    assert "amount" in text_of(answer)
    assert operator.get(reverse("admin:sagas_definition", args=["nonsense"])).status_code == 404


def test_the_audit_says_who_decided_what_and_why(world, two, operator):
    found = held(world, two, business_key="order-7")
    operations.pause(found.pk, actor="person:bob", reason="wait for the bank")
    operations.resume(found.pk, actor="person:eve", reason="the bank is open")
    shown = text_of(operator.get(AUDIT))
    assert "wait for the bank" in shown
    assert page_of(found) in operator.get(AUDIT).content.decode()
    for query, verbs in (
        ("?verb=pause", ["pause"]),
        ("?actor=person:eve", ["resume"]),
        ("?key=order-7", ["resume", "pause"]),
        ("?key=other", []),
        ("?before=x", ["resume", "pause"]),
    ):
        entries = operator.get(AUDIT + query).context["entries"]
        assert [entry.verb for entry, _, _ in entries] == verbs


def test_what_is_under_way_is_counted_so_far_and_no_further(world, two, operator, monkeypatch):
    for _ in range(5):
        world.start(two)
    monkeypatch.setattr(numbers, "MOST_LIVE", 2)
    assert [(state, count) for state, count, _ in operator.get(START).context["numbers"].states] == [("running", 3)]
