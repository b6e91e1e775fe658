"""The service's doors describe themselves wholly and truly; what holds for every call is in the coordinator's tests."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.description import Call
from gateway.door import Door
from notifications import delivery
from notifications.api import urls
from notifications.channels.channel import ChannelError
from notifications.verdict import Result
from tests.notifications.door import PATH
from tests.notifications.post import later
from tests.sagas.api.test_description import SCHEMA, faults

DOORS = sorted(
    {
        pattern.callback.view_class
        for pattern in urls.urlpatterns
        if issubclass(getattr(pattern.callback, "view_class", object), Door)
    },
    key=str,
)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_a_door_describes_every_method_that_it_has(door):
    has = {method.upper() for method in door.http_method_names if hasattr(door, method) and method != "head"}
    assert set(door.calls) == has == set(door.needs or door.calls)
    assert all(isinstance(call, Call) for call in door.calls.values())


def shape(path: str, method: str, status: int) -> Any:
    return SCHEMA["paths"][path][method]["responses"][str(status)]["content"]["application/json"]["schema"]


@pytest.mark.django_db
def test_what_is_answered_has_the_shape_that_is_described(pigeon, service):
    def check(answer: Any, path: str, method: str = "get") -> Any:
        assert answer.status_code < 300, answer.content
        assert faults(shape(PATH + path, method, answer.status_code), answer.json()) == []
        return answer.json()

    put = {
        "addresses": {"loft": "17"},
        "quiet_hours": {"begins": "22:00", "ends": "07:00"},
        "timezone": "Europe/Vienna",
    }
    check(service.put(f"{PATH}receivers/jane/", put, "application/json"), "receivers/{key}/", "put")
    check(service.get(f"{PATH}receivers/jane/"), "receivers/{key}/")
    pigeon.script.append(ChannelError("It rains.", Result.OUT, code="rain"))
    sent = check(service.ask({"receiver": {"id": "jane"}, "content": "coo", "mode": "live"}), "", "post")
    pk = sent["id"]
    delivery.deliver(pk)
    later(timedelta(days=1))
    delivery.deliver(pk)
    assert check(service.get(f"{PATH}{pk}/"), "{id}/")["attempts"][1]["result"] == "sent"
    kept = service.ask({"receiver": {"loft": "17"}, "content": {"subject": "s", "text": "t"}, "mode": "sandbox"}).json()
    delivery.deliver(kept["id"])
    assert check(service.get(f"{PATH}{kept['id']}/"), "{id}/")["deliveries"][0]["captured"]
    dry = service.post(f"{PATH}?dry_run=true", {"receiver": {"id": "jane"}, "content": "coo"}, "application/json")
    assert check(dry, "", "post")["route"]
    correction = {"correction": {"content": "sorry"}}
    assert check(service.post(f"{PATH}{pk}/cancel/", correction, "application/json"), "{id}/cancel/", "post")[
        "correction"
    ]
    never = service.post(f"{PATH}by-key/never/cancel/", {}, "application/json")
    assert check(never, "by-key/{key}/cancel/", "post")["id"] is None
    check(service.post(f"{PATH}batch/", {"items": [{"a": 1}]}, "application/json"), "batch/", "post")
    for path in ("", "providers/", "suppressions/"):
        check(service.get(PATH + path), path)
