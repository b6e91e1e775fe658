"""What callers of the API and people at the console look at."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from benchmarks.growth import patterns
from benchmarks.growth.act import Act, must
from benchmarks.growth.calling import call
from benchmarks.growth.engine_acts import silently
from benchmarks.growth.figures import FLOOR, OVER_REST, OVER_REST_WITH_KEY
from benchmarks.growth.sagas import order
from benchmarks.growth.urls import NOTHING
from gateway.ids import uuid7
from sagas import metrics
from sagas.management.finding import find
from sagas.models import Saga

SAGAS = "/api/v1/sagas/"
CONSOLE = "/admin/sagas/saga/"
DEEP = 20
"""How many pages back the list is looked at; a page further back is the same question."""


@cache
def _service() -> Client:
    return Client(headers={"Authorization": f"Bearer {settings.GATEWAY['API_KEY']}"})


def _api(address: str) -> Any:
    return _answer(_service(), address).json()


def _answer(client: Client, address: str) -> Any:
    answer = client.get(address)
    must(answer.status_code == 200, f"{address} is answered (it was {answer.status_code})")
    return answer


def _start(headers: Mapping[str, str]) -> None:
    """A saga begins over REST, as a service would have it."""
    body = {"definition": order.name, "input": {"order": 1}, "business_key": f"act-{uuid7()}"}
    must("id" in call("POST", SAGAS, body, headers), "a saga begins")


def _without_key(number: int) -> Sequence[Mapping[str, str]]:
    return [{}] * number


def _with_key(number: int) -> Sequence[Mapping[str, str]]:
    return [{"Idempotency-Key": f"act-{uuid7()}"} for _ in range(number)]


def _nothing(_: object) -> None:
    call("POST", NOTHING, {"order": 1})


def _far_back(number: int) -> Sequence[str]:
    address = SAGAS
    for _ in range(DEEP):
        address = _api(address)["next"] or address
    return [address] * number


def _at(address: str) -> Callable[[int], Sequence[str]]:
    return lambda number: [address] * number


def _one(part: str = "") -> Callable[[int], Sequence[str]]:
    return lambda number: [f"{SAGAS}{saga.pk}/{part}" for saga in _newest(number)]


def _newest(number: int) -> list[Saga]:
    """Of the default tenant, ended or not; at least one."""
    patterns.completed()
    found = list(Saga.objects.of_tenant("default").order_by("-id")[:number])
    return [found[place % len(found)] for place in range(number)]


def _by_key(number: int) -> Sequence[str]:
    key = Saga.objects.filter(business_key__isnull=False, tenant="default").values_list("business_key", flat=True)
    return [f"{SAGAS}?business_key={key.order_by('id').first() or 'order-1'}"] * number


class Person:
    """A superuser at the console."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._client = Client()
        users: Any = get_user_model()
        name = "growth"
        person = users.objects.filter(username=name).first() or users.objects.create_superuser(name, password=name)
        self._client.force_login(person)

    def look(self) -> None:
        _answer(self._client, self.address)


def _console(question: str = "") -> Callable[[int], Sequence[Person]]:
    return lambda number: [Person(CONSOLE + question)] * number


def _at_console(name: str, query: str = "", of: str = "") -> Callable[[int], Sequence[Person]]:
    return lambda number: [Person(reverse(f"admin:{name}", args=[of] if of else []) + f"?{query}")] * number


def _looked_through(number: int) -> Sequence[Person]:
    """What a verb would do, to the newest that needs a person."""
    patterns.stuck()
    saga = Saga.objects.of_tenant("default").needing_a_person().latest("id")
    return [Person(reverse("admin:sagas_saga_verb", args=[saga.pk, "retry"]))] * number


def _console_by_key(start: int) -> Callable[[int], Sequence[Person]]:
    """Search by a whole key, or by its begin."""

    def prepare(number: int) -> Sequence[Person]:
        keys = Saga.objects.filter(business_key__isnull=False, tenant="default").order_by("id")
        key = keys.values_list("business_key", flat=True).first() or "order-1"
        words = f"{key[:start]}*" if start else key
        return [Person(f"{CONSOLE}?show=all&q={words}")] * number

    return prepare


def _console_far_back(number: int) -> Sequence[Person]:
    return [Person(f"{CONSOLE}?show=all&before={saga.pk}") for saga in _newest(number)]


def _console_page(number: int) -> Sequence[Person]:
    return [Person(reverse("admin:sagas_saga_change", args=[saga.pk])) for saga in _newest(number)]


def _approvals(number: int) -> Sequence[Person]:
    """Everybody's: of a person's own, only the rows of their groups are asked for."""
    return [Person(reverse("admin:sagas_approval_changelist") + "?for=everybody")] * number


def _ids(number: int) -> Sequence[str]:
    return [saga.pk.hex for saga in _newest(number)]


FILTERS = {
    "of a definition": f"definition={order.name}",
    "of a rare definition": "definition=growth_nowhere",
    "in a state": "state=failed",
    "in a rare state": "state=pending",
    "that need a person": "needs_person=true",
    "of a definition in a state": f"definition={order.name}&state=stuck",
    "whose end was told to nobody": "callback=failed",
}
CHOICES = {
    "what needs a person": "",
    "what is under way": "?show=live",
    "what has ended": "?show=ended",
    "everything": "?show=all",
    "everything of a definition": f"?show=all&definition={order.name}",
    "in a state": "?state=failed",
}

PAGES = {
    "start": "sagas_incident_changelist",
    "definitions": "sagas_definitions",
    "workers": "sagas_worker_changelist",
    "audit": "sagas_audit_changelist",
    "alerts": "sagas_alert_changelist",
    "participants": "sagas_hold_changelist",
    "events": "sagas_outboxevent_changelist",
    "second person": "sagas_proposal_changelist",
    "operations": "sagas_bulkoperation_changelist",
    "keys": "gateway_apikey_changelist",
}
AUDITS = {"of a person": "actor=person:nobody", "of a verb": "verb=waive", "of a key": "key=nothing"}
CAUSE = f"?definition={order.name}&step=lock_stock&code=no_shelf"

DOORS = [
    silently(act)
    for act in (
        Act(name=OVER_REST, do=_start, prepare=_without_key, timed=50),
        Act(name=OVER_REST_WITH_KEY, do=_start, prepare=_with_key, timed=50),
        Act(name=FLOOR, do=_nothing, timed=50),
        Act(name="list page", do=_api, prepare=_at(SAGAS), timed=10),
        Act(name="list page far back", do=_api, prepare=_far_back, timed=10),
        *(
            Act(name=f"list {what}", do=_api, prepare=_at(f"{SAGAS}?{asked}"), timed=5)
            for what, asked in FILTERS.items()
        ),
        Act(name="list by business key", do=_api, prepare=_by_key, timed=10),
        Act(name="approvals over REST", do=_api, prepare=_at("/api/v1/approvals/"), timed=10),
        Act(name="one saga", do=_api, prepare=_one(), timed=10),
        *(
            Act(name=f"one saga's {part}", do=_api, prepare=_one(f"{part}/"), timed=10)
            for part in ("steps", "journal", "signals", "incidents")
        ),
        *(
            Act(name=f"console: {what}", do=Person.look, prepare=_console(asked), timed=5)
            for what, asked in CHOICES.items()
        ),
        Act(name="console: search a key", do=Person.look, prepare=_console_by_key(0), timed=5),
        Act(name="console: search keys by their begin", do=Person.look, prepare=_console_by_key(20), timed=5),
        Act(name="console: everything far back", do=Person.look, prepare=_console_far_back, timed=5),
        *(
            Act(name=f"console: {what}", do=Person.look, prepare=_at_console(name), timed=5)
            for what, name in PAGES.items()
        ),
        *(
            Act(name=f"console: audit {what}", do=Person.look, prepare=_at_console("sagas_audit_changelist", asked))
            for what, asked in AUDITS.items()
        ),
        Act(name="console: a cause", do=Person.look, prepare=_at_console("sagas_incident_group", CAUSE[1:]), timed=5),
        Act(name="console: a definition", do=Person.look, prepare=_at_console("sagas_definition", of=order.name)),
        Act(name="console: approvals", do=Person.look, prepare=_approvals, timed=5),
        Act(name="console: one saga", do=Person.look, prepare=_console_page, timed=5),
        Act(name="console: what a retry would do", do=Person.look, prepare=_looked_through),
        Act(name="find by id", do=find, prepare=_ids, timed=10),
        Act(name="figures", do=lambda _: metrics.figures(), timed=5),
    )
]
