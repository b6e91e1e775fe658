"""What holds of every page of the console: what somebody wrote is text on it, and it costs the same however much."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gateway import keys
from sagas import operations
from sagas.models import (
    Alert,
    AlertMessage,
    Audit,
    EventLane,
    Hold,
    InboxEvent,
    Incident,
    IncidentGroup,
    OutboxEvent,
    Proposal,
    Run,
    Saga,
    SavedView,
    Worker,
)
from sagas.operations.bulk import begin_bulk
from sagas.record import clock
from tests.sagas.admin.scenes import RUDE, Scenes

pytestmark = pytest.mark.django_db

LISTS = {
    "start": "sagas_incident_changelist",
    "sagas": "sagas_saga_changelist",
    "operations": "sagas_bulkoperation_changelist",
    "approvals": "sagas_approval_changelist",
    "definitions": "sagas_definitions",
    "workers": "sagas_worker_changelist",
    "audit": "sagas_audit_changelist",
    "keys": "gateway_apikey_changelist",
    "alerts": "sagas_alert_changelist",
    "participants": "sagas_hold_changelist",
    "events": "sagas_outboxevent_changelist",
    "second person": "sagas_proposal_changelist",
}
PARTICIPANT = "payments"
GROUP = "?definition=order&step=charge&code=http_5xx"


@pytest.fixture
def root(client, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("root"))
    return client


def pages(found: Saga, bulk: object) -> Iterator[tuple[str, str]]:
    """Every kind of page, by what it is called here."""
    for called, name in LISTS.items():
        yield called, reverse(f"admin:{name}")
    yield "list of everything", reverse("admin:sagas_saga_changelist") + "?show=all"
    yield "cause", reverse("admin:sagas_incident_group") + GROUP
    yield "saga", reverse("admin:sagas_saga_change", args=[found.pk])
    yield "saga in detail", reverse("admin:sagas_saga_change", args=[found.pk]) + "?detail=1&rows=all"
    yield "definition", reverse("admin:sagas_definition", args=[found.definition])
    yield "operation", reverse("admin:sagas_bulkoperation_change", args=[bulk.pk])
    for slug in ("retry", "give-up", "reschedule", "signal", "pause"):
        yield slug, reverse("admin:sagas_saga_verb", args=[found.pk, slug])
    yield "bulk", reverse("admin:sagas_bulk_begin") + f"?id={found.pk}"
    yield "reveal", reverse("admin:sagas_saga_reveal", args=[found.pk])
    yield "drop events", reverse("admin:sagas_outboxevent_act") + "?direction=out&verb=drop&of=bus"
    for verb in ("hold", "release", "canary"):
        yield f"{verb} a participant", reverse("admin:sagas_hold_verb", args=[PARTICIPANT, verb])


def bulk_of(sagas: list[Saga], why: str):
    chosen = Saga.objects.filter(pk__in=[found.pk for found in sagas])
    return begin_bulk("retry", chosen, actor=RUDE, reason=why, tenant="default", rate=1, selection={"ids": []})


def test_what_somebody_wrote_is_text_on_every_page(scenes: Scenes, root, world):
    found = scenes.rude()
    [order] = scenes.of_one_cause(1)
    scenes.of_everything()
    operations.pause(order.pk, actor=RUDE, reason=RUDE)
    bulk = bulk_of([found, order], RUDE)
    everywhere(found, order)
    markup = "".join(root.get(address).content.decode() for _, address in (*pages(found, bulk), *pages(order, bulk)))
    assert markup.count("&lt;script&gt;alert(") > 20
    assert not re.search(r"<script>alert|<img src=x", markup)


def everywhere(found: Saga, order: Saga) -> None:
    """Markup in all that callers, participants, workers and people may write."""
    Incident.objects.update(sentence=RUDE, owner=RUDE)
    Run.objects.filter(saga__in=[found, order]).update(error=RUDE, progress=RUDE, result={RUDE: RUDE}, late=RUDE)
    Saga.objects.update(started_by=RUDE, labels={RUDE: RUDE}, paused_by=RUDE, paused_why=RUDE)
    Audit.objects.update(details={RUDE: [RUDE]}, path=RUDE[:80])
    now = clock.now()
    Worker.objects.create(name=RUDE, queues=[RUDE], definitions=[RUDE], started_at=now, beat_at=now)
    about = {"owner": RUDE, "note": RUDE, "changed_by": RUDE, "changed_at": now}
    IncidentGroup.objects.create(tenant="default", definition="order", path="charge", reason_code="http_5xx", **about)
    SavedView.objects.create(tenant="default", owner="root", name=RUDE[:80], query=RUDE, created_at=now)
    keys.issue(RUDE, tenant="default", scopes=[RUDE], definitions=[RUDE])
    operations.signal(order.pk, RUDE[:63], {RUDE: RUDE}, actor=RUDE, id=RUDE)
    of_the_installation(order, 1)


def of_the_installation(order: Saga, number: int) -> None:
    """One more of what is held, parked, asked for and rung, with markup in all of it."""
    now, tenant = clock.now(), {"tenant": "default"}
    held = {"reason": RUDE, "held_by": RUDE, "held_at": now, "released_by": RUDE}
    run = Run.objects.filter(saga=order).first()
    canaries = [{"saga": str(order.pk), "run": run.pk, "at": now.isoformat(), "by": RUDE}] if run else []
    Hold.objects.create(**tenant, **held, participant=f"{number} <img src=x onerror=alert(1)>", canaries=canaries)
    parked: dict[str, Any] = {**tenant, "at": now, "state": "parked", "type": RUDE[:100]}
    log = [{"at": RUDE, "error": RUDE, "ms": 1}]
    about = {"saga": order.pk, "rev": 1, "number": number, "document": {"id": RUDE}, "log": log, "tries": 2}
    OutboxEvent.objects.create(**parked, **about, target="bus", error=RUDE)
    InboxEvent.objects.create(**parked, source="shop", origin=RUDE, event_id=f"{number} {RUDE}", reason=RUDE)
    EventLane.objects.update_or_create(name="bus", defaults={"failing_since": now, "error": RUDE})
    asked = {"reason": RUDE, "asked_by": RUDE, "asked_at": now, "definitions": [RUDE], "arguments": {RUDE: RUDE}}
    for state in ("open", "refused"):
        decided = {"decided_by": RUDE, "decided_why": RUDE, "decided_at": now} if state == "refused" else {}
        end = now + timedelta(days=1)
        Proposal.objects.create(**tenant, **asked, **decided, verb=RUDE[:20], state=state, expires_at=end)
    for over in (None, now):
        cause = {"definition": RUDE[:63], "path": f"{number} {over}"[:20], "reason_code": RUDE}
        alert = Alert.objects.create(**tenant, **cause, told_at=now, began_at=now, over_at=over)
        told = {"what": "new", "severity": "urgent", "owner": RUDE, "subject": f"New: {RUDE}", "text": RUDE}
        AlertMessage.objects.create(alert=alert, episode=1, **told, at=now, error=RUDE)


@pytest.fixture(autouse=True)
def declared(settings):
    """Participants, a target and a source that the settings name."""
    bus = {"kind": "rabbitmq", "url": "amqp://nowhere"}
    about = {"SERVICES": {PARTICIPANT: {"url": "http://127.0.0.1:1"}}, "EVENT_TARGETS": {"bus": bus}}
    settings.SAGAS = {**settings.SAGAS, **about, "EVENT_SOURCES": {"shop": {**bus, "queue": "q"}}}


def test_a_page_costs_the_same_however_much_there_is(scenes: Scenes, root):
    first = scenes.of_one_cause(2)
    bulk = bulk_of(first, "They pay again.")
    more_of_all(scenes)
    before = costs(root, first[0], bulk)
    scenes.of_one_cause(3)
    for _ in range(2):
        more_of_all(scenes)
    assert costs(root, first[0], bulk_of([first[0], *scenes.of_one_cause(4)], "Again.")) == before


def more_of_all(scenes: Scenes) -> None:
    """One more of what lists show."""
    found = scenes.going_back()
    scenes.of_everything()
    operations.pause(found.pk, actor="person:ann", reason="wait")
    now, number = clock.now(), Worker.objects.count()
    Worker.objects.create(name=f"w{number}", queues=["sagas"], definitions=[], started_at=now, beat_at=now)
    SavedView.objects.create(tenant="default", owner="root", name=f"v{number}", query="show=all", created_at=now)
    keys.issue(f"k{number}", tenant="default", scopes=["read"])
    of_the_installation(found, number)


def costs(client, found: Saga, bulk: object) -> dict[str, int]:
    """How many statements each page takes."""
    taken = {}
    for called, address in pages(found, bulk):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        taken[called] = len(queries)
    return taken
