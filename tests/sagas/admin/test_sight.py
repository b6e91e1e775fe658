"""Who may only look sees how everything stands, and a mask in place of payloads, on every path that there is."""

from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.urls import URLResolver, reverse

from sagas import approval, operations, saga, step
from sagas.api.urls import urlpatterns
from sagas.models import (
    BulkItem,
    BulkOperation,
    Hold,
    InboxEvent,
    Incident,
    Journal,
    OutboxEvent,
    Proposal,
    Revision,
    Run,
    Saga,
)
from sagas.operations import holding
from sagas.operations.bulk import begin_bulk
from sagas.record import clock, sight
from sagas.record.sight import VEILED
from sagas.words.sensitive import MASK
from tests.sagas.admin.test_access import ROUTES
from tests.sagas.api.conftest import Api

pytestmark = pytest.mark.django_db

WORD = "tangerine-4711"
"""What callers, participants and functions have written into payloads and errors."""
HARMLESS = {
    "Alert": {"told"},
    "AlertMessage": {"text"},
    "Audit": {"reason"},
    "BulkItem": {"runs"},
    "BulkOperation": {"selection", "reason"},
    "Hold": {"canaries", "reason"},
    "InboxEvent": {"carried"},
    "IncidentGroup": {"note"},
    "Proposal": {"sagas", "definitions", "selection", "reason", "decided_why"},
    "Saga": {"labels", "position", "paused_why"},
    "SavedView": {"query"},
    "Worker": {"definitions", "queues"},
}
"""Columns of JSON and text that hold no payload, or are shown to nobody; why people did something is theirs to tell."""
OF_API = {"name": "stock"}
PAGES_WITH_IT = {
    *("sagas_saga_changelist", "sagas_saga_export", "sagas_saga_change"),
    *("sagas_incident_changelist", "sagas_incident_group", "sagas_hold_changelist"),
    *("sagas_approval_changelist", "sagas_approval_decide", "sagas_bulkoperation_change"),
    *("sagas_audit_changelist", "sagas_proposal_changelist", "sagas_outboxevent_changelist"),
}
DOORS_WITH_IT = {
    *("saga", "steps", "journal", "signals", "incidents", "events", "bulks", "bulk", "items", "proposals"),
    *("participants", "participant", "outbox", "inbox", "approvals"),
}


@pytest.fixture
def told(world) -> tuple[Saga, BulkOperation]:
    """A saga in trouble, with that word in every column that may hold one, and an operation on it."""
    table = saga(
        "order",
        step(world.lock_stock, compensation=world.release_stock, participant="stock"),
        approval("large_order", group="sales"),
        summary=lambda given: f"An order of {given['who']}",
    )
    world.knows(table)
    found = world.start(table, {"who": WORD}, business_key="order-7")
    world.work(found)
    operations.signal(found.pk, "hello", {"from": WORD}, actor="service:shop", id="1")
    about: dict[str, Any] = {"actor": "person:bob", "reason": "a look"}
    hold = holding.hold("stock", **about)
    chosen = Saga.objects.filter(pk=found.pk)
    bulk = begin_bulk("pause", chosen, tenant="default", rate=1, selection={"ids": []}, **about)
    written(found)
    run = Run.objects.get(saga=found, path="lock_stock")
    canary = {"saga": str(found.pk), "run": run.pk, "at": clock.now().isoformat(), "by": "bob"}
    Hold.objects.filter(pk=hold.pk).update(canaries=[canary])
    return found, bulk


def written(found: Saga) -> None:
    now, tenant = clock.now(), {"tenant": "default"}
    said = {"sentence": WORD, "opened_at": now, "last_at": now, "direction": "forward"}
    cause = {"definition": "order", "path": "lock_stock", "reason": "retries_exhausted", "reason_code": "http_5xx"}
    Incident.objects.create(saga=found, **tenant, **cause, **said)
    steps = Run.objects.filter(saga=found, kind="step")
    steps.update(error=WORD, given={"g": WORD}, result={"r": WORD}, late={"l": WORD}, progress=WORD)
    Revision.objects.create(saga=found, rev=1, input={"who": WORD})
    found.audit.create(**tenant, verb="skip", details={"result": WORD}, actor="bob", reason="r", at=now)
    moves = [{"step": "lock_stock", "did": "failed", "error": WORD}]
    Journal.objects.create(saga=found, rev=900, actor="a", moves=moves, at=now)
    Saga.objects.update(rev=900, failure={"step": "x", "error": WORD}, cause="failed_step", open_incidents=1)
    BulkItem.objects.update(said=WORD)
    BulkOperation.objects.update(arguments={"step": "lock_stock", "result": WORD})
    asked = {"asked_by": "bob", "asked_at": now, "expires_at": now + timedelta(days=1), "definitions": ["order"]}
    Proposal.objects.create(**tenant, **asked, verb="give_up", saga=found, arguments={"result": WORD})
    parked: dict[str, Any] = {**tenant, "at": now, "state": "parked", "type": "t"}
    sent = {"document": {"id": "1.1.0", "data": WORD}, "error": WORD, "log": [{"at": "", "error": WORD, "ms": 1}]}
    OutboxEvent.objects.create(**parked, **sent, saga=found.pk, rev=1, number=0)
    InboxEvent.objects.create(**parked, source="shop", origin="/shop", event_id="1", reason=WORD)


def pages_with_it(client: Any, found: Saga, bulk: BulkOperation) -> set[str]:
    """The pages of the console on which somebody reads that word."""
    given = {"kind": "csv", "name": "order", "verb": "retry", "step": "large_order", "pk": found.pk}
    asked = {
        "sagas_incident_group": "?definition=order&step=lock_stock&code=http_5xx",
        "sagas_approval_changelist": "?for=everybody",
        "sagas_saga_change": "?detail=1",
    }
    seen = set()
    for route in ROUTES:
        values = {name: given[name] for name in route.pattern.converters}
        values |= {"pk": bulk.pk} if route.name == "sagas_bulkoperation_change" else {}
        seen |= (
            {route.name} if WORD in body(client, f"admin:{route.name}", values, asked.get(route.name, "")) else set()
        )
    return seen


def doors_with_it(client: Any, found: Saga, bulk: BulkOperation) -> set[str]:
    """The doors of the API through which somebody reads it."""
    routes = [one for way in urlpatterns for one in (way.url_patterns if isinstance(way, URLResolver) else [way])]
    given = {"definition": "order", "key": "order-7", "token": "x", "group": "x", "name": "stock"}
    seen = set()
    for route in routes:
        pk = bulk.pk if route.name in ("bulk", "items") else found.pk
        values = {name: given.get(name, pk) for name in route.pattern.converters}
        query = "?everybody=true" if route.name == "approvals" else ""
        seen |= {route.name} if WORD in body(client, f"sagas:{route.name}", values, query) else set()
    return seen


def body(client: Any, name: str, values: dict[str, Any], query: str = "") -> str:
    """What is answered; of a stream without an end, the entries that are there."""
    answer = client.get(reverse(name, kwargs=values) + query)
    if not answer.streaming:
        return str(answer.content.decode())
    return b"".join(islice(answer.streaming_content, Journal.objects.count())).decode()


def test_who_may_only_look_sees_no_payload_on_any_page(someone, told):
    assert pages_with_it(someone("change_saga"), *told) >= PAGES_WITH_IT
    assert pages_with_it(someone("view_saga", name="vera"), *told) == set()


def test_nor_through_any_door_of_the_api_with_the_session_of_the_console(someone, told):
    assert doors_with_it(someone("view_saga", "change_saga"), *told) >= DOORS_WITH_IT
    assert doors_with_it(someone("view_saga", name="vera"), *told) == set()


def test_a_service_that_may_read_sees_them(told):
    assert doors_with_it(Api().client, *told) >= DOORS_WITH_IT


def test_a_permission_shows_them_to_who_decides_nothing(someone, told):
    assert pages_with_it(someone("view_saga", "see_payloads"), *told) >= PAGES_WITH_IT - {"sagas_approval_decide"}


def test_who_decides_what_their_group_is_asked_sees_what_it_is_about(someone, told, django_user_model):
    found, _ = told
    member = someone(name="sam")
    django_user_model.objects.get(username="sam").groups.create(name="sales")
    page = reverse("admin:sagas_approval_decide", args=[found.pk, "large_order"])
    assert WORD in member.get(page).content.decode()


def test_what_is_not_there_is_seen_not_to_be_there():
    run = VEILED.look(Run(result=None, error="", given={"a": 1}))
    assert (run.result, run.error, run.given) == (None, "", MASK)


def test_every_column_of_json_or_text_is_masked_or_known_to_be_harmless():
    for model in apps.get_app_config("sagas").get_models():
        kind = model._meta.concrete_model
        masked = {*sight.VALUES.get(kind, ()), *sight.WORDS.get(kind, ()), *sight.INSIDE.get(kind, {})}
        free = {field.name for field in model._meta.fields if isinstance(field, models.JSONField | models.TextField)}
        assert free - masked == HARMLESS.get(kind.__name__, set()), model.__name__
