"""Who started a saga with an address is told of its end: once, signed, and patiently."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from gateway import signatures
from sagas import operations, saga, step
from sagas.api.documents import callback_document
from sagas.engine import callbacks
from sagas.engine.callbacks import TRIES, tell_ends
from sagas.engine.timeline import timeline
from sagas.errors import InvalidInput, NotAllowed
from sagas.models import Callback, Saga
from sagas.operations.bulk import begin_bulk, tally
from sagas.operations.working import run_bulk

pytestmark = pytest.mark.django_db

SECRET = signatures.made_secret(b"s" * 32)


class Receiver:
    """A real web server that answers what it is told to, and keeps what it got."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status, headers = receiver.answers.pop(0) if receiver.answers else (204, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/ended"


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    settings.SAGAS = {**settings.SAGAS, "CALLBACK_NETWORKS": ("127.0.0.0/8",), "CALLBACK_SECRETS": (SECRET,)}
    found = Receiver()
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


@pytest.fixture
def one(world):
    table = saga("one", step(world.charge, compensation=world.refund))
    world.knows(table)
    return table


def test_the_end_is_told_once_and_signed(world, one, receiver):
    found = world.start(one, callback_url=receiver.url, business_key="order-7")
    assert tell_ends() == 0
    world.work()
    assert (tell_ends(), tell_ends()) == (1, 0)
    ((headers, body),) = receiver.got
    assert signatures.verify([SECRET], headers, body) == f"{found.pk}.ended"
    told = json.loads(body)
    assert (told["type"], told["id"], told["state"], told["business_key"]) == (
        "saga.ended",
        str(found.pk),
        "completed",
        "order-7",
    )


def test_a_receiver_that_does_not_take_it_is_asked_again_later(world, one, receiver):
    receiver.answers = [(500, {}), (429, {"Retry-After": "600"})]
    world.start(one, callback_url=receiver.url)
    world.work()
    assert tell_ends() == 0
    assert tell_ends() == 0
    assert len(receiver.got) == 1, "not before its time"
    world.later(callbacks.FIRST_PAUSE)
    assert tell_ends() == 0
    world.later(timedelta(seconds=500))
    tell_ends()
    assert len(receiver.got) == 2, "a Retry-After is honoured"
    world.later(timedelta(seconds=101))
    assert tell_ends() == 1
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1


@pytest.mark.parametrize("status", [410, 301])
def test_a_receiver_that_is_gone_is_left_alone_and_redirects_are_not_followed(world, one, receiver, status):
    receiver.answers = [(status, {"Location": receiver.url})]
    world.start(one, callback_url=receiver.url)
    world.work()
    tell_ends()
    assert len(receiver.got) == 1
    found = Callback.objects.get()
    assert (found.status, found.error, found.done_at is not None) == (status, f"It answered {status}.", status == 410)


def test_it_is_given_up_in_the_end(world, one, receiver):
    world.start(one, callback_url=receiver.url)
    world.work()
    receiver.answers = [(500, {})]
    tell_ends()
    Callback.objects.update(tries=TRIES - 1)
    world.later(callbacks.LONGEST_PAUSE)
    receiver.answers = [(500, {})]
    tell_ends()
    assert Callback.objects.get().done_at is not None


def test_a_process_that_died_at_it_is_taken_over(world, one, receiver):
    world.start(one, callback_url=receiver.url)
    world.work()
    callbacks._hand_over()
    assert callbacks._taken(Callback.objects.select_related("saga").get())
    assert tell_ends() == 0
    world.later(callbacks.LEASE + timedelta(seconds=1))
    assert tell_ends() == 1


def test_an_end_is_handed_over_once(world, one, receiver):
    found = world.start(one, callback_url=receiver.url)
    world.work()
    callbacks._hand_over()
    Saga.objects.filter(pk=found.pk).update(callback_url=receiver.url)  # as a process saw it that comes late
    callbacks._hand_over()
    assert (tell_ends(), Callback.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "https://127.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://user:password@example.org/",
        "ftp://example.org/",
        "nonsense",
    ],
)
def test_an_address_that_may_not_be_called_is_refused_at_the_start(one, url):
    with pytest.raises(InvalidInput, match="The callback address cannot be called") as refused:
        operations.start("one", actor="a test", callback_url=url)
    assert refused.value.errors[0]["pointer"] == "/callback_url"
    assert not Saga.objects.exists()


def test_an_address_is_looked_at_again_when_it_is_called(world, one, receiver, settings):
    world.start(one, callback_url=receiver.url)
    world.work()
    settings.SAGAS = {**settings.SAGAS, "CALLBACK_NETWORKS": ()}
    assert tell_ends() == 0
    assert receiver.got == []
    assert Callback.objects.get().error == "Only https addresses are called."


def test_the_saga_says_whether_its_end_was_told(world, one, receiver):
    receiver.answers = [(500, {}), (204, {}), *[(500, {})]]
    found = world.start(one, callback_url=f"{receiver.url}?token=of-the-receiver")
    before = told(found)
    assert (before["state"], before["tries"], before["url"]) == ("pending", 0, f"{receiver.url}?…")
    world.work()
    tell_ends()
    failing = told(found)
    assert (failing["state"], failing["tries"], failing["status"]) == ("pending", 1, 500)
    assert failing["error"] == "It answered 500."
    assert failing["next_at"] is not None
    world.later(callbacks.LONGEST_PAUSE)
    tell_ends()
    after = told(found)
    assert (after["state"], after["tries"], after["error"], after["next_at"]) == ("told", 2, None, None)
    given_up = world.start(one, callback_url=receiver.url)
    world.work()
    receiver.answers = [(410, {})]
    tell_ends()
    assert (told(given_up)["state"], told(given_up)["error"]) == ("failed", "It answered 410.")
    assert told(world.start(one)) is None


def test_what_was_given_up_is_told_again_when_a_person_says_so(world, one, receiver):
    receiver.answers = [(410, {})]
    found = world.start(one, callback_url=f"{receiver.url}?token=of-the-receiver")
    world.work()
    tell_ends()
    before = told(found)
    about = {"actor": "person:ann", "reason": "the shop is back"}
    sentences = operations.preview("tell_again", found.pk, **about).sentences
    assert sentences[0].startswith(f"Its end, completed, is told to {receiver.url}?… within seconds")
    assert told(found) == before, "a look changes nothing"
    operations.tell_again(found.pk, **about)
    assert (told(found)["state"], told(found)["tries"]) == ("pending", 0)
    assert tell_ends() == 1
    assert told(found)["state"] == "told"
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    entry = found.audit.get()
    assert (entry.verb, entry.actor, entry.reason) == ("tell_again", "person:ann", "the shop is back")
    assert "whoever wanted to know of its end is told once more" in [
        line.text for line in timeline(found, details=True)
    ]
    with pytest.raises(NotAllowed, match="told already"):
        operations.tell_again(found.pk, **about)


def test_what_waits_for_its_next_try_is_told_at_once_when_a_person_says_so(world, one, receiver):
    receiver.answers = [(429, {"Retry-After": "3600"})]
    found = world.start(one, callback_url=receiver.url)
    world.work()
    assert (tell_ends(), tell_ends()) == (0, 0)
    operations.tell_again(found.pk, actor="ann", reason="it is back")
    assert tell_ends() == 1


def test_all_that_was_given_up_is_told_at_a_rate_and_each_says_what_came_of_it(world, one, receiver):
    receiver.answers = [(410, {})] * 3
    for _ in range(3):
        world.start(one, callback_url=receiver.url)
    fine = world.start(one)
    world.work()
    tell_ends()
    receiver.answers = [(204, {}), (410, {}), (204, {})]
    about = {"actor": "ann", "reason": "the shop is back", "tenant": "default", "rate": 60_000}
    operation = begin_bulk("tell_again", Saga.objects.all(), selection={}, **about)
    run_bulk()
    world.later(timedelta(seconds=3))
    run_bulk()
    assert tally(operation)["asked"] == 3
    tell_ends()
    world.later(timedelta(seconds=3))
    run_bulk()
    counted = {state: count for state, count in tally(operation).items() if count}
    assert counted == {"recovered": 2, "failed_again": 1, "not_eligible": 1}
    assert operation.items.get(state="not_eligible").saga_id == fine.pk


def told(found: Saga) -> Any:
    found.refresh_from_db()
    return callback_document(found)
