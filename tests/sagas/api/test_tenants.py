"""Nobody reaches what is not theirs: two tenants × every operation × every method, from the API's own description.

An operation without a row in `ROWS` fails, and so does a row without an operation.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from gateway import keys
from gateway.ids import uuid7
from sagas import approval, saga
from sagas.errors import Abort
from sagas.models import (
    Alert,
    Audit,
    BulkItem,
    BulkOperation,
    Incident,
    IncidentGroup,
    Journal,
    Run,
    Saga,
    Signal,
)
from sagas.operations import grouping
from sagas.operations.bulk import begin_bulk
from tests.sagas.api.conftest import SAGAS
from tests.sagas.api.test_description import SCHEMA

pytestmark = pytest.mark.django_db

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
SAGA = f"{SAGAS}{{id}}/"
GROUP = "/api/v1/incidents/{group}/"
BULK = "/api/v1/operations/{id}/"
WHY = {"reason": "because"}
STEP = {**WHY, "step": "charge"}


@dataclass(frozen=True)
class Row:
    """How an operation is asked, and of which kind it is.

    one: about one thing, which others cannot tell from one that never was. list: of what is mine. make: makes
    something that is mine. all: the same for everybody.
    """

    kind: str
    body: Any = None
    query: str = ""


ROWS = {
    ("get", SAGAS): Row("list"),
    ("post", SAGAS): Row("make", {"definition": "two", "business_key": "order-8"}),
    ("post", f"{SAGAS}by-key/{{definition}}/{{key}}/signals/{{name}}/"): Row("one", {"payload": 1}),
    ("get", SAGA): Row("one"),
    ("get", f"{SAGA}steps/"): Row("one"),
    ("get", f"{SAGA}journal/"): Row("one"),
    ("get", f"{SAGA}signals/"): Row("one"),
    ("get", f"{SAGA}incidents/"): Row("one"),
    ("get", f"{SAGA}events/"): Row("one"),
    ("get", f"{SAGA}diagram.svg"): Row("one"),
    ("post", f"{SAGAS}batch/"): Row("all", {"items": [{"definition": "three"}]}),
    ("get", "/api/v1/incidents/"): Row("list"),
    ("post", f"{GROUP}assign/"): Row("one", {"owner": "anna"}),
    ("post", f"{GROUP}note/"): Row("one", {"note": "known"}),
    ("post", f"{GROUP}mute/"): Row("one", {"until": "2030-01-01T00:00:00Z"}),
    ("get", "/api/v1/operations/"): Row("list"),
    ("post", "/api/v1/operations/"): Row("make", {"verb": "cancel", **WHY, "filter": {}}),
    ("get", BULK): Row("one"),
    ("get", f"{BULK}items/"): Row("one"),
    **{("post", f"{BULK}{how}/"): Row("one") for how in ("pause", "resume", "cancel")},
    ("get", "/api/v1/alerts/"): Row("list"),
    ("get", "/api/v1/approvals/"): Row("list"),
    ("get", "/api/v1/proposals/"): Row("all"),
    ("post", "/api/v1/proposals/"): Row("all", {**WHY, "verb": "give_up"}),
    **{("post", f"/api/v1/proposals/{{id}}/{how}/"): Row("all", WHY) for how in ("approve", "refuse")},
    **{("get", f"/api/v1/participants/{rest}"): Row("all") for rest in ("", "{name}/")},
    **{("post", f"/api/v1/participants/{{name}}/{verb}/"): Row("all", WHY) for verb in ("hold", "canary", "release")},
    **{("get", f"/api/v1/events/{rest}"): Row("all") for rest in ("", "out/", "in/")},
    **{
        ("post", f"/api/v1/events/{direction}/{verb}/"): Row("all", {**WHY, "ids": [1]})
        for direction in ("out", "in")
        for verb in ("replay", "drop")
    },
    ("get", "/api/v1/definitions/"): Row("all"),
    ("get", "/api/v1/definitions/{name}/"): Row("all"),
    ("get", "/api/v1/definitions/{name}/diagram.svg"): Row("all"),
    ("post", f"{SAGA}signals/{{name}}/"): Row("one", {"payload": 1}),
    **{
        ("post", f"{SAGA}{verb}/"): Row("one", WHY)
        for verb in ("cancel", "compensate", "pause", "resume", "give-up", "tell-again")
    },
    **{("post", f"{SAGA}{verb}/"): Row("one", STEP) for verb in ("retry", "skip", "waive")},
    ("post", f"{SAGA}resolve/"): Row("one", {**STEP, "landed": True}),
    ("post", f"{SAGA}decide/"): Row("one", {**STEP, "approved": True}),
    ("post", f"{SAGA}reschedule/"): Row("one", {**WHY, "at": "2030-01-01T00:00:00Z"}),
    ("post", f"{SAGA}reveal/"): Row("one", {**WHY, "what": "input"}),
    ("post", f"{SAGA}clone/"): Row("one", {**WHY, "confirm_effects": True}),
    ("post", "/api/v1/callbacks/{token}/"): Row("all", {}),
}


def described() -> Iterator[tuple[str, str]]:
    for path, operations in SCHEMA["paths"].items():
        if path.startswith("/api/v1/notifications/"):
            continue  # which have a matrix of their own
        yield from ((method, path) for method in operations if method in METHODS)


OPERATIONS = sorted(described())
OF_ONE = [operation for operation in OPERATIONS if operation in ROWS and ROWS[operation].kind == "one"]
OF_MANY = [operation for operation in OPERATIONS if operation in ROWS and ROWS[operation].kind == "list"]


class Caller:
    """A service of some tenant that may do everything there."""

    def __init__(self, tenant: str, definitions: list[str] | None = None) -> None:
        name = f"of {tenant} {definitions}"
        self.key = keys.issue(name, tenant=tenant, scopes=["admin"], definitions=definitions).key

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        sent = b"" if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.key}"}
        return Client().generic(method.upper(), path, sent, "application/json", headers=headers)


@dataclass(frozen=True)
class Things:
    """What the first tenant has: where each placeholder of an address leads to."""

    ours: dict[str, str]
    never: dict[str, str]

    def address(self, path: str, which: dict[str, str]) -> str:
        return path.format_map({**which, "id": which["bulk"]} if path.startswith(BULK) else which)


@pytest.fixture
def things(world, two) -> Things:
    """A saga of the first tenant that needs a person, with everything a saga can have."""
    world.script("ship", Abort("no"))
    world.script("refund", Abort("never"))
    found = world.start(two, {"order": 7}, tenant="acme", business_key="order-7", labels={"shop": "Berlin"})
    asks = saga("asks", approval("granted"))
    world.knows(two, asks)
    world.start(asks, tenant="acme")
    world.work()
    about = {"actor": "service:acme", "reason": "because", "tenant": "acme"}
    bulk = begin_bulk("cancel", Saga.objects.all(), rate=1, selection={"filter": {}}, **about)
    (group,) = grouping.groups("acme")
    rang = {"told_at": found.created_at, "began_at": found.created_at}
    Alert.objects.create(tenant="acme", definition="two", path="charge", reason_code="http_500", **rang)
    ours = {"id": str(found.pk), "definition": "two", "key": "order-7", "name": "paid", "token": "none"}
    ours |= {"bulk": str(bulk.pk), "group": group.id}
    never = {**ours, "id": str(uuid7()), "key": "order-0", "bulk": str(uuid7()), "group": "bm8KbmUKeA"}
    return Things(ours=ours, never=never)


def test_every_operation_has_a_row_and_every_row_an_operation():
    assert set(OPERATIONS) == set(ROWS)


OTHERS: dict[str, Callable[[], Caller]] = {
    "another tenant": lambda: Caller("other"),
    "a key for another saga": lambda: Caller("acme", ["three"]),
    "a key for no saga": lambda: Caller("acme", []),
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("operation", OF_ONE, ids=" ".join)
def test_what_is_somebody_elses_answers_exactly_like_what_never_was(things, operation, other):
    (method, path), row, caller = operation, ROWS[operation], OTHERS[other]()
    before = everything()
    theirs = caller.ask(method, things.address(path, things.ours) + row.query, row.body)
    never = caller.ask(method, things.address(path, things.never) + row.query, row.body)
    assert theirs.status_code == never.status_code == 404
    assert told(theirs, things.ours) == told(never, things.never)
    assert everything() == before


@pytest.mark.parametrize("operation", OF_ONE, ids=" ".join)
def test_what_is_mine_does_not_answer_so(things, operation):
    (method, path), row = operation, ROWS[operation]
    answer = Caller("acme").ask(method, things.address(path, things.ours) + row.query, row.body)
    assert answer.status_code != 404
    assert answer.status_code < 500


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("operation", OF_MANY, ids=" ".join)
def test_lists_show_what_is_mine_and_nothing_else(things, operation, other):
    (method, path), row = operation, ROWS[operation]
    mine, theirs = (caller.ask(method, path + row.query, row.body) for caller in (Caller("acme"), OTHERS[other]()))
    assert mine.status_code == theirs.status_code == 200
    assert mine.json()["results"]
    assert not theirs.json()["results"]


@pytest.mark.parametrize("operation", [key for key, row in ROWS.items() if row.kind == "make"], ids=" ".join)
def test_what_one_tenant_makes_the_other_does_not_have(things, operation):
    (method, path), row = operation, ROWS[operation]
    made = Caller("acme").ask(method, path, row.body)
    assert made.status_code == 201
    address = made.headers["Location"].removeprefix("http://testserver")
    assert Caller("acme").ask("get", address).status_code == 200
    assert Caller("other").ask("get", address).status_code == 404


@pytest.mark.parametrize("path", sorted({path for _, path in OPERATIONS}))
def test_methods_that_there_are_not_say_so_alike_to_everybody(things, path):
    there_are = {method for method, of in OPERATIONS if of == path}
    for method in set(METHODS) - there_are - ({"head"} if "get" in there_are else set()):
        answers = [
            caller.ask(method, things.address(path, things.ours)) for caller in (Caller("acme"), Caller("other"))
        ]
        assert {answer.status_code for answer in answers} == {405}
        assert len({answer.content for answer in answers}) == 1


def test_a_key_for_some_sagas_starts_no_others(things):
    answer = Caller("acme", ["three"]).ask("post", SAGAS, {"definition": "two"})
    assert (answer.status_code, answer.json()["code"]) == (403, "definition_not_held")


def test_a_key_for_some_sagas_knows_no_other_definitions(things):
    knows_all, knows_none = Caller("acme"), Caller("acme", ["three"])
    assert [found["name"] for found in knows_all.ask("get", "/api/v1/definitions/").json()["results"]] == [
        "asks",
        "two",
    ]
    assert knows_none.ask("get", "/api/v1/definitions/").json()["results"] == []
    for address in ("/api/v1/definitions/two/", "/api/v1/definitions/two/diagram.svg"):
        assert (knows_all.ask("get", address).status_code, knows_none.ask("get", address).status_code) == (200, 404)


def test_the_count_of_live_sagas_is_of_the_callers_own(things):
    live = [Caller(tenant).ask("get", "/api/v1/definitions/two/").json()["live"] for tenant in ("acme", "other")]
    assert live == [{"stuck": 1}, {}]


def test_one_business_key_is_anothers_in_another_tenant(things):
    body = {"definition": "two", "business_key": "order-7"}
    mine, theirs = Caller("acme").ask("post", SAGAS, body), Caller("other").ask("post", SAGAS, body)
    assert (mine.status_code, theirs.status_code) == (200, 201)
    assert mine.json()["id"] == things.ours["id"] != theirs.json()["id"]


def told(answer: Any, which: dict[str, str]) -> tuple[str, dict[str, str]]:
    """An answer without the names that the caller itself has sent."""
    text = answer.content.decode()
    for name in ("id", "key", "bulk", "group"):
        text = text.replace(which[name], f"<{name}>")
    own = ("Content-Length", "X-Request-ID")  # the length of those names, and what is new with each request
    return text, {name: value for name, value in answer.headers.items() if name not in own}


def everything() -> list[Any]:
    """All that could have been changed."""
    tables = (Saga, Run, Journal, Signal, Incident, IncidentGroup, Audit, BulkOperation, BulkItem)
    return [list(table.objects.order_by("pk").values()) for table in tables]
