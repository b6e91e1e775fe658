"""Nobody reaches what is not theirs: two tenants × every operation × every method, from the API's own description.

An operation without a row in `ROWS` fails, and so does a row without an operation.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from gateway import keys
from gateway.ids import uuid7
from notifications import delivery
from notifications.models import (
    Attempt,
    Delivery,
    Event,
    InboxItem,
    MessageTemplate,
    Notification,
    Receiver,
    Subscriber,
    Suppression,
)
from tests.notifications.door import PATH
from tests.sagas.api.test_description import SCHEMA

pytestmark = pytest.mark.django_db

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
ONE = f"{PATH}{{id}}/"
RECEIVER = f"{PATH}receivers/{{key}}/"
TEMPLATE = f"{PATH}templates/{{name}}/"
TOPIC = f"{PATH}topics/{{topic}}/subscribers/"
LETTER = {"receiver": {"id": "jane"}, "content": "Acme's secret.", "channels": ["inbox"]}
DRAFT = {"locale": "en", "texts": {"en": {"text": "Acme's secret."}}}
ACCEPTED_UNDER = "acme-17"


@dataclass(frozen=True)
class Row:
    """How an operation is asked, and of which kind it is.

    one: about one thing, which others cannot tell from one that never was. list: of what is mine. own: in a space of
    names of the caller's own, where the same name is another's thing. all: the same for everybody.
    """

    kind: str
    body: Any = None
    query: str = ""


ROWS = {
    ("get", PATH): Row("list"),
    ("post", PATH): Row("own", LETTER),
    ("post", f"{PATH}batch/"): Row("own", {"items": [LETTER]}),
    ("post", f"{PATH}by-key/{{key}}/cancel/"): Row("own", {}),
    ("get", ONE): Row("one"),
    ("post", f"{ONE}cancel/"): Row("one", {}),
    ("post", f"{ONE}retry/"): Row("one", {}),
    ("get", f"{PATH}erasures/"): Row("list"),
    ("post", f"{PATH}erasures/"): Row("own", {"receiver": {"id": "jane"}}),
    ("get", f"{PATH}erasures/{{id}}/"): Row("one"),
    ("get", f"{PATH}providers/"): Row("all"),
    ("post", f"{PATH}providers/{{name}}/events/"): Row("all", {"events": []}),
    ("get", RECEIVER): Row("one"),
    ("put", RECEIVER): Row("own", {"locale": "fr"}),
    ("delete", RECEIVER): Row("own"),
    ("get", f"{RECEIVER}inbox/"): Row("list"),
    ("post", f"{RECEIVER}inbox/{{id}}/read/"): Row("one"),
    ("get", f"{PATH}suppressions/"): Row("list"),
    ("post", f"{PATH}suppressions/"): Row("own", {"channel": "email", "address": "other@example.org"}),
    ("delete", f"{PATH}suppressions/{{id}}/"): Row("one"),
    ("get", TEMPLATE): Row("one"),
    ("post", TEMPLATE): Row("own", DRAFT),
    ("post", f"{TEMPLATE}{{version}}/publish/"): Row("one"),
    ("post", f"{TEMPLATE}{{version}}/preview/"): Row("one", {}),
    ("get", TOPIC): Row("list"),
    ("put", f"{TOPIC}{{key}}/"): Row("own"),
    ("delete", f"{TOPIC}{{key}}/"): Row("one"),
}


def described() -> Iterator[tuple[str, str]]:
    for path, operations in SCHEMA["paths"].items():
        if path.startswith(PATH):
            yield from ((method, path) for method in operations if method in METHODS)


OPERATIONS = sorted(described())


def of_kind(*kinds: str) -> list[tuple[str, str]]:
    return [operation for operation in OPERATIONS if operation in ROWS and ROWS[operation].kind in kinds]


class Caller:
    """A service of some tenant that may do everything there."""

    def __init__(self, tenant: str) -> None:
        self.key = keys.issue("shop", tenant=tenant, scopes=["admin"]).key

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        sent = b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Authorization"] = f"Bearer {self.key}"
        return Client().generic(method.upper(), path, sent, "application/json", headers=named)


@dataclass(frozen=True)
class Things:
    """What the first tenant has: where each placeholder of an address leads to."""

    acme: Caller
    ours: dict[str, str]
    never: dict[str, str]
    suppression: str
    erasure: str

    def address(self, path: str, which: dict[str, str]) -> str:
        if "by-key" in path:
            which = {**which, "key": ACCEPTED_UNDER if which is self.ours else "never"}
        if "suppressions" in path and which is self.ours:
            which = {**which, "id": self.suppression}
        if "erasures" in path and which is self.ours:
            which = {**which, "id": self.erasure}
        return path.format_map(which)


@pytest.fixture
def things() -> Things:
    """One of everything that a tenant can have."""
    acme = Caller("acme")
    acme.ask("put", f"{PATH}receivers/jane/", {"addresses": {"email": "acme@example.org"}, "locale": "de"})
    acme.ask("put", f"{PATH}topics/news/subscribers/jane/")
    acme.ask("post", f"{PATH}templates/hello/", DRAFT)
    letter = acme.ask("post", PATH, LETTER, Idempotency_Key=ACCEPTED_UNDER).json()["id"]
    assert delivery.deliver(Notification.objects.get(pk=letter).pk) == "sent"
    waiting = {**LETTER, "send_at": "2100-01-01T00:00:00Z"}
    assert acme.ask("post", PATH, waiting, Idempotency_Key="waiting").status_code == 202
    entered = acme.ask("post", f"{PATH}suppressions/", {"channel": "email", "address": "acme2@example.org"})
    ours = {"id": letter, "key": "jane", "name": "hello", "version": "1", "topic": "news"}
    never = {"id": str(uuid7()), "key": "nobody", "name": "unheard", "version": "9", "topic": "nothing"}
    erased = acme.ask("post", f"{PATH}erasures/", {"receiver": {"id": "somebody"}}).json()["id"]
    return Things(acme=acme, ours=ours, never=never, suppression=entered.json()["id"], erasure=erased)


def test_every_operation_has_a_row_and_every_row_an_operation():
    assert set(OPERATIONS) == set(ROWS)


@pytest.mark.parametrize("operation", of_kind("one"), ids=" ".join)
def test_what_is_somebody_elses_answers_exactly_like_what_never_was(things, operation):
    (method, path), row, other = operation, ROWS[operation], Caller("other")
    before = everything()
    theirs = other.ask(method, things.address(path, things.ours) + row.query, row.body)
    never = other.ask(method, things.address(path, things.never) + row.query, row.body)
    assert theirs.status_code == never.status_code == 404
    assert told(theirs) == told(never)
    assert everything() == before


@pytest.mark.parametrize("operation", of_kind("one"), ids=" ".join)
def test_what_is_mine_does_not_answer_so(things, operation):
    (method, path), row = operation, ROWS[operation]
    answer = things.acme.ask(method, things.address(path, things.ours) + row.query, row.body)
    assert answer.status_code != 404
    assert answer.status_code < 500


@pytest.mark.parametrize("operation", of_kind("list"), ids=" ".join)
def test_lists_show_what_is_mine_and_nothing_else(things, operation):
    (method, path), row = operation, ROWS[operation]
    where = things.address(path, things.ours) + row.query
    mine, theirs = (caller.ask(method, where, row.body) for caller in (things.acme, Caller("other")))
    assert mine.status_code == theirs.status_code == 200
    assert mine.json()["results"]
    assert not theirs.json()["results"]


@pytest.mark.parametrize("operation", of_kind("own", "all"), ids=" ".join)
def test_the_same_name_is_another_thing_for_another_tenant(things, operation):
    (method, path), row = operation, ROWS[operation]
    before = everything()
    answer = Caller("other").ask(method, things.address(path, things.ours) + row.query, row.body)
    assert answer.status_code < 500
    assert everything() == before
    shown = answer.content.decode()
    assert all(secret not in shown for secret in (things.ours["id"], things.suppression, "acme@", '"de"'))


@pytest.mark.parametrize("path", sorted({path for _, path in OPERATIONS}))
def test_methods_that_there_are_not_say_so_alike_to_everybody(things, path):
    there_are = {method for method, of in OPERATIONS if of == path}
    for method in set(METHODS) - there_are - ({"head"} if "get" in there_are else set()):
        answers = [caller.ask(method, things.address(path, things.ours)) for caller in (things.acme, Caller("other"))]
        assert {answer.status_code for answer in answers} == {405}
        assert len({answer.content for answer in answers}) == 1


@pytest.mark.parametrize("operation", OPERATIONS, ids=" ".join)
def test_a_key_without_the_scope_is_let_in_nowhere(things, operation):
    (method, path), row = operation, ROWS[operation]
    stranger = Caller("acme")
    stranger.key = keys.issue("stranger", tenant="acme", scopes=["start"]).key
    before = everything()
    answer = stranger.ask(method, things.address(path, things.ours) + row.query, row.body)
    assert answer.status_code == (404 if "events" in path else 403), "providers are known by their signature"
    assert everything() == before


def told(answer: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """An answer without the address that the caller itself has sent, and what is new with each request."""
    own = ("Content-Length", "X-Request-ID")
    headers = {name: value for name, value in answer.headers.items() if name not in own}
    return {**answer.json(), "instance": ""}, headers


def everything() -> list[Any]:
    """All of the first tenant's that could have been changed."""
    mine = {"tenant": "acme"}
    own = (Notification, Receiver, Subscriber, Suppression, MessageTemplate, InboxItem)
    below = (Delivery, Attempt, Event)
    found = [list(table.objects.filter(**mine).order_by("pk").values()) for table in own]
    return found + [list(table.objects.filter(notification__tenant="acme").order_by("pk").values()) for table in below]
