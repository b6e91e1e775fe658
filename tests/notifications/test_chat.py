"""Chat through Apprise itself, to a room that is a server of the test's own."""

import json
import logging
import sys
from datetime import timedelta

import pytest

from notifications import delivery
from notifications.channels import aside
from notifications.checks import check_settings
from notifications.masking import without_addresses
from notifications.models import ProviderHealth
from tests.notifications import peer as peers
from tests.notifications.door import PATH
from tests.notifications.peer import DRIP, DRIPPING_BODY, HANG_UP
from tests.notifications.post import a_notification, now, results

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),  # one of Apprise's plugins has it
]

SECRETS = ("a-password", "a-secret-path", "a-secret-query")


@pytest.fixture
def room(settings):
    """A room that takes what Apprise posts as JSON; its address is full of secrets."""
    with peers.listening() as room:
        host = room.url.removeprefix("http://")
        address = f"json://jane:a-password@{host}/a-secret-path?+X-Key=a-secret-query"
        entry = {
            "channel": "chat",
            "path": "notifications.channels.chat.Apprise",
            "options": {"rooms": {"sales": address}},
        }
        settings.NOTIFICATIONS = {"PROVIDERS": {"it": entry}}
        assert check_settings() == []
        yield room


def logged(caplog):
    """What comes to a handler of the product; pytest listens also where nothing is passed on."""
    assert not logging.getLogger("apprise").propagate
    return "".join(one.getMessage() for one in caplog.records if one.name.split(".")[0] not in ("apprise", "urllib3"))


def to_the_room(**values):
    return a_notification(receiver={"chat": "sales"}, **values).pk


def test_a_room_gets_it(room):
    pk = to_the_room(content={"subject": "Hi", "text": "Grüße"})
    assert delivery.deliver(pk) == "sent"
    (request,) = room.requests
    assert request.path == "/a-secret-path"
    said = json.loads(request.body)
    assert (said["title"], said["message"]) == ("Hi", "Grüße")
    assert request.headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("answer", "result", "code"),
    [
        (400, "refused", "400"),
        (401, "denied", "401"),
        (404, "refused", "404"),
        (410, "gone", "410"),
        (429, "out", "429"),
        (500, "unknown", "500"),
        (HANG_UP, "unknown", ""),
    ],
)
def test_what_the_room_answers_decides_what_is_known(room, answer, result, code):
    room.answers.append(answer)
    pk = to_the_room()
    delivery.deliver(pk)
    assert (results(pk), now(pk).attempts.get().code) == ([result], code)


def test_a_redirect_is_not_followed(room):
    room.answers.extend([(302, {"Location": f"{room.url}/elsewhere"})] * 3)
    pk = to_the_room()
    delivery.deliver(pk)
    assert (results(pk), len(room.requests)) == (["refused"], 1)


@pytest.mark.parametrize("answer", [DRIP, DRIPPING_BODY])
def test_a_room_that_answers_slowly_or_never_is_given_up_on(room, monkeypatch, answer):
    """Apprise waits for each byte, and would wait for ever for all of them."""
    monkeypatch.setattr(aside, "PATIENCE", timedelta(seconds=1))
    room.answers.append(answer)
    pk = to_the_room()
    delivery.deliver(pk)
    assert (results(pk), now(pk).attempts.get().code) == (["unknown"], "no_answer")


def test_rooms_that_never_answer_hold_up_only_so_many(room, monkeypatch):
    monkeypatch.setattr(aside, "PATIENCE", timedelta(seconds=0.1))
    monkeypatch.setattr(aside, "_places", aside.threading.BoundedSemaphore(1))
    room.answers.append(DRIP)
    first, second = to_the_room(), to_the_room()
    delivery.deliver(first)
    ProviderHealth.objects.all().delete()
    delivery.deliver(second)
    assert (results(first), results(second)) == (["unknown"], ["out"])


@pytest.mark.parametrize("answer", [200, 401, 500, HANG_UP])
def test_its_address_is_seen_by_nobody(room, service, caplog, answer):
    caplog.set_level(logging.DEBUG)
    room.answers.append(answer)
    pk = service.ask({"receiver": {"chat": "sales"}, "content": "coo"}).json()["id"]
    delivery.deliver(now(pk).pk)
    told = service.get(f"{PATH}{pk}/").content.decode() + service.get(f"{PATH}providers/").content.decode()
    ours = logged(caplog)
    for secret in (*SECRETS, room.url.removeprefix("http://")):
        assert secret not in told + ours + now(pk).error
    answer = service.ask({"receiver": {"chat": "slack://x"}, "content": "hi"})
    assert (answer.status_code, "there are: sales" in answer.json()["detail"]) == (422, True)


def test_an_address_that_apprise_does_not_understand_is_for_a_person(settings, caplog):
    rooms = {"sales": "slack://not-a-token-at-all"}
    entry = {"channel": "chat", "path": "notifications.channels.chat.Apprise", "options": {"rooms": rooms}}
    settings.NOTIFICATIONS = {"PROVIDERS": {"it": entry}}
    pk = to_the_room()
    delivery.deliver(pk)
    assert (results(pk), now(pk).attempts.get().code) == (["denied"], "room_address")
    assert "not-a-token-at-all" not in logged(caplog) + now(pk).error


def test_without_apprise_it_says_what_to_install(room, monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    pk = to_the_room()
    delivery.deliver(pk)
    assert (results(pk), "install the extra chat" in now(pk).error) == (["not_now"], True)


def test_in_a_rooms_address_the_place_of_the_host_is_a_secret_too(settings):
    rooms = {"sales": "slack://TokenOfTheTeam/short/AnotherToken#channel"}
    entry = {"channel": "chat", "path": "notifications.channels.chat.Apprise", "options": {"rooms": rooms}}
    settings.NOTIFICATIONS = {"PROVIDERS": {"it": entry}}
    assert without_addresses("TokenOfTheTeam and AnotherToken are no tokens", {}, "it") == "… and … are no tokens"
