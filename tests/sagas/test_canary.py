"""A canary: one secret goes everywhere a saga can carry it, and is then looked for everywhere somebody can read."""

import io
import json
import logging
from collections.abc import Iterator
from copy import copy
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from celery.signals import after_task_publish
from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from pydantic import BaseModel, field_validator

from sagas import Abort, RetryLater, Sensitive, approval, child, each, on_event, operations, saga, step, wait
from sagas.events import inbox
from sagas.events.arriving import Message
from sagas.models import InboxEvent, Run, Saga
from sagas.operations.bulk import begin_bulk
from sagas.operations.working import run_bulk
from sagas.words import routes
from sagas.words.sensitive import MASK
from tests.sagas.world import World

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "CANARY-4929731600428855"
API = "/api/v1"


class Bird(BaseModel):
    song: Sensitive[str]
    nest: str = "oak"


class Cage(BaseModel):
    song: Sensitive[str]
    birds: list[Bird] = []

    @field_validator("song")
    @classmethod
    def in_tune(cls, song: str) -> str:
        if "out of tune" in song:
            raise ValueError(f"{song} hurts the ears")
        return song


def sings(ctx: Any) -> dict[str, Any]:
    ctx.heartbeat({"sings": ctx.input.song})
    return {"heard": ctx.input.song, "as": f"<<{ctx.input.song}>>"}


def everywhere(world: World) -> Saga:
    """A saga that carries it in its input, items, signal, decision, child, results, errors and edits."""
    small = saga("small", step(world.hatch, compensation=world.unhatch), input=Cage)
    table = saga(
        "aviary",
        step(world.sing, compensation=world.hush),
        each("birds", step(world.feed, compensation=world.starve)),
        wait("called", schema=Bird),
        approval("allowed", form=Bird),
        child(small, input=lambda ctx: {"song": ctx.input.song}),
        step(world.fly, compensation=world.land, on_failure="incident"),
        input=Cage,
    )
    world.knows(table, small)
    world.script("sing", lambda ctx: fail(RetryLater(f"{ctx.input.song} is asleep")), sings)
    world.script("feed", lambda ctx: ctx.item)
    world.script("fly", *[lambda ctx: fail(Abort(f"{ctx.input.song} has no wings", code=ctx.input.song))] * 2)
    found = world.start(table, {"song": CANARY, "birds": [{"song": CANARY}]}, business_key="aviary-1")
    world.run_through(found)
    for payload in (CANARY, "another song"):
        about = {"actor": "the park", "id": payload[-4:]}
        operations.signal(found.pk, "called", {"song": payload}, **about)
    world.run_through(found)
    form = {"song": CANARY}
    operations.decide(found.pk, step="allowed", approved=True, actor="ann", reason="it sings", form=form)
    world.work()  # the child, too
    world.run_through(found)
    operations.retry(found.pk, actor="ann", reason="again", input={"song": f"{CANARY}!", "birds": []})
    world.run_through(found)
    assert Run.objects.filter(saga=found, path="fly", held=True).exists(), "it got as far as the last row"
    return found


def fail(error: Exception) -> None:
    raise error


def stored() -> Iterator[tuple[str, str]]:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                yield from ((f"{table}.{name}", written(value)) for name, value in zip(columns, row, strict=True))


def written(value: Any) -> str:
    """A value as somebody reads it who looks into the database."""
    return repr(bytes(value)) if isinstance(value, memoryview) else repr(value)


def arriving() -> None:
    """Events that carry it, and come to lie in the inbox in every way there is."""
    about = {"specversion": "1.0", "source": "/park"}
    whole = {"song": CANARY, "birds": []}

    def number(event: Any) -> str:
        return str({}[event.data["song"]])

    on_event("bird.seen", start="aviary")
    on_event("bird.counted", start="aviary", key=number)
    on_event("bird.called", signal="called", saga="aviary", key=lambda e: "nowhere", park_for=timedelta(days=1))
    for type_, data, became in (
        ("bird.seen", whole, "done"),
        ("bird.seen", {"song": {"not": CANARY}}, "parked"),
        ("bird.seen", {"song": CANARY, "birds": [{"song": {"not": CANARY}, "nest": CANARY}]}, "parked"),
        ("bird.counted", whole, "parked"),
        ("bird.lost", whole, "parked"),
        ("bird.called", {"song": CANARY}, "waiting"),
    ):
        body = json.dumps({**about, "id": str(uuid4()), "type": type_, "data": data}).encode()
        assert inbox.take("park", Message(body=body)) == became, (type_, data)
    assert inbox.take("park", Message(body=f"{{{CANARY}".encode())) == "parked"
    binary = {"ce_specversion": "1.0", "ce_id": "b1", "ce_source": "/park", "ce_type": "bird.lost", "ce_song": CANARY}
    assert inbox.take("park", Message(body=CANARY.encode(), headers=binary)) == "parked"
    deadly = json.dumps({**about, "id": "deadly", "type": "bird.dies", "data": whole}).encode()
    on_event("bird.dies", start="aviary", key=die)
    with pytest.raises(SystemExit):
        inbox.take("park", Message(body=deadly, redelivered=True))
    assert {row.state for row in InboxEvent.objects.all()} == {"done", "parked", "waiting", "taken"}


def die(event: Any) -> str:
    raise SystemExit


def answered(found: Saga) -> Iterator[tuple[str, str]]:
    """Every answer about it, and the errors of what does not fit."""
    client = Client(headers={"Authorization": f"Bearer {settings.GATEWAY['API_KEY']}"}, raise_request_exception=False)
    one = f"{API}/sagas/{found.pk}/"
    parts = ("", "steps/", "journal/", "signals/", "incidents/", "diagram.svg")
    more = ("sagas/", "incidents/", "operations/", "definitions/", "definitions/aviary/", "schema/", "events/in/")
    for path in (*(one + part for part in parts), *(f"{API}/{path}" for path in more), "/metrics", "/readyz"):
        yield path, client.get(path).content.decode()
    about = {"step": "fly", "reason": "a look"}
    for verb, body in {
        "retry": {**about, "input": {"song": CANARY, "birds": CANARY}},
        "skip": about,
        "resolve": {**about, "landed": True},
        "decide": {**about, "step": "allowed", "approved": True, "form": {"song": CANARY}},
        "signals/called": {"id": "8855", "payload": {"song": f"{CANARY}?"}},
        "clone": {"reason": "a look", "input": {"song": CANARY}},
        "reveal": {"reason": "a look", "what": "given", "step": "nowhere"},
    }.items():
        said = client.post(f"{one}{verb}/?dry_run=true" if "/" not in verb and verb != "reveal" else f"{one}{verb}/",
                           json.dumps(body), content_type="application/json")  # fmt: skip
        yield f"{verb} {said.status_code}", said.content.decode()
    wrong = {"definition": "aviary", "input": {"song": {"not": CANARY}, "birds": [{"song": CANARY, "nest": 1}]}}
    said = client.post(f"{API}/sagas/", json.dumps(wrong), content_type="application/json")
    assert said.status_code == 422
    yield "start", said.content.decode()
    wrong = {"items": [{"definition": "aviary", "input": {"song": f"{CANARY} out of tune"}}]}
    about = {"content_type": "application/json", "headers": {"Idempotency-Key": "birds"}}
    said = client.post(f"{API}/sagas/batch/", json.dumps(wrong), **about)
    assert said.json()["results"][0]["problem"]["errors"] == [
        {"pointer": "/input/song", "detail": f"Value error, {MASK} hurts the ears"}
    ]
    yield "batch", said.content.decode()


def pages(found: Saga, admin: Client) -> Iterator[tuple[str, str]]:
    names = ("saga_changelist", "incident_changelist", "bulkoperation_changelist", "worker_changelist")
    names += ("outboxevent_changelist", "proposal_changelist", "approval_changelist")
    paths = [reverse(f"admin:sagas_{name}") for name in (*names, "audit_changelist", "definitions")]
    of_it = reverse("admin:sagas_saga_change", args=[found.pk])
    paths += [of_it, f"{of_it}?detail=1&rows=all", reverse("admin:sagas_definition", args=["aviary"])]
    paths += [reverse("admin:sagas_saga_verb", args=[found.pk, verb]) for verb in ("retry", "skip", "signal")]
    paths += [reverse("admin:sagas_saga_reveal", args=[found.pk])]
    paths += [reverse("admin:sagas_saga_export", args=[kind]) for kind in ("csv", "json")]
    for path in paths:
        answer = admin.get(path)
        assert answer.status_code == 200, path
        yield path, (answer.getvalue() if answer.streaming else answer.content).decode()


def printed(found: Saga) -> Iterator[tuple[str, str]]:
    for words in (["show", found.pk], ["show", found.pk, "--json"], ["list"]):
        out = io.StringIO()
        call_command("saga", *map(str, words), stdout=out)
        yield " ".join(map(str, words)), out.getvalue()


@pytest.fixture(autouse=True)
def no_routes() -> Iterator[None]:
    with routes.Replaced():
        yield


@pytest.fixture
def broken_log() -> Iterator[None]:
    """A log that cannot be written any more: Python then prints why, with all exceptions that are being handled."""
    gone = io.StringIO()
    gone.close()
    handler = logging.StreamHandler(gone)
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)


def lines(records: list[logging.LogRecord]) -> str:
    """As they are printed, with all their fields."""
    made = dict(settings.LOGGING["formatters"]["line"])
    formatter = made.pop("()")(**made)
    return "\n".join(formatter.format(copy(record)) for record in records)


def test_a_secret_is_nowhere_where_somebody_could_read_it(world, admin_client, caplog, capfd, broken_log):
    caplog.set_level(logging.DEBUG)
    sent: list[tuple[str, str]] = []

    def keep(sender: str, body: Any, headers: Any, **kwargs: Any) -> None:
        sent.append((sender, repr((body, headers))))

    after_task_publish.connect(keep)
    try:
        found = everywhere(world)
        arriving()
        about = {"actor": "ann", "reason": "many", "tenant": "default", "rate": 60}
        begin_bulk("retry", Saga.objects.filter(pk=found.pk), selection={"ids": []}, **about)
        run_bulk()
        places = [*stored(), *answered(found), *pages(found, admin_client), *printed(found), *sent]
    finally:
        after_task_publish.disconnect(keep)
    places += [("the log", caplog.text), ("the lines", lines(caplog.records))]
    printed_by_the_process = "".join(capfd.readouterr())
    assert "--- Logging error ---" in printed_by_the_process
    places.append(("the terminal", printed_by_the_process))
    assert [name for name, text in places if CANARY in text or CANARY[7:] in text] == []
    assert any(MASK in text for _, text in places), "it was looked for where masks are"
    heard = [ctx.input.song for ctx in world.contexts if ctx.saga.definition == "small"]
    assert set(heard) == {CANARY}, "and the steps had it all the time"


def test_only_who_may_reveal_sees_it_and_everybody_sees_that_they_did(world, client, django_user_model):
    found = everywhere(world)
    page = reverse("admin:sagas_saga_reveal", args=[found.pk])
    user = django_user_model.objects.create_user("ann", is_staff=True)
    client.force_login(user)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_saga", "change_saga"]))
    assert client.get(page).status_code == 403
    assert b"Reveal what is masked" not in client.get(reverse("admin:sagas_saga_change", args=[found.pk])).content
    user.user_permissions.add(Permission.objects.get(codename="reveal_saga"))
    assert b"Reveal what is masked" in client.get(reverse("admin:sagas_saga_change", args=[found.pk])).content
    places = [value for value, _ in client.get(page).context["revealed"].form.fields["place"].choices]
    assert {json.loads(place)["what"] for place in places} == {"input", "result", "given", "progress", "signal"}
    without = client.post(page, {"place": places[0], "reason": ""})
    assert CANARY not in without.content.decode()
    shown = client.post(page, {"place": places[0], "reason": "the ornithologist asks"})
    assert CANARY in shown.content.decode()
    assert "no-store" in shown.headers["Cache-Control"]
    audit = client.get(reverse("admin:sagas_saga_change", args=[found.pk])).content.decode()
    assert "the ornithologist asks" in audit
    assert CANARY not in audit
