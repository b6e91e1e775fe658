"""People are told of trouble: once a trouble, in its order, kept while nobody takes it, and told when it is over."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection

from notifications.models import Notification
from sagas import Abort, operations, saga, step
from sagas.engine import alerting
from sagas.engine.alerting import alert, look_for_trouble, send_alerts
from sagas.models import Alert, AlertMessage, Incident, Run, Sweep, Worker
from sagas.operations import grouping
from sagas.record import clock
from tests.sagas.world import World

pytestmark = pytest.mark.django_db

PAGE = "/admin/sagas/incident/group/?definition=order&step=charge&code=Abort"
SOON = timedelta(seconds=11)


class Service:
    """A notification service that answers what it is told to, and keeps what it got."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.answers: list[int] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.got.append((dict(self.headers.items()), body))
                self.send_response(service.answers.pop(0) if service.answers else 202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/api/v1/notifications/"

    @property
    def subjects(self) -> list[str]:
        return [body["content"]["subject"] for _, body in self.got]


RECEIVERS = [
    {"severity": "urgent", "receiver": {"phone": "+491700000000"}},
    {"owner": "shop team", "receiver": {"email": "shop@example.org"}},
    {"receiver": {"email": "on-call@example.org"}},
]


@pytest.fixture
def service(settings) -> Iterator[Service]:
    found = Service()
    alerts = {"url": found.url, "key": "k", "receivers": RECEIVERS, "many": 3}
    settings.SAGAS = {**settings.SAGAS, "ALERTS": alerts, "PUBLIC_URL": "https://sagas.example.org"}
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


@pytest.fixture(autouse=True)
def swept():
    now = clock.now()
    Sweep.objects.create(at=now, steady_since=now)


@pytest.fixture
def order(world: World):
    table = saga(
        "order",
        step(world.charge, compensation=world.refund, on_failure="incident"),
        step(world.ship, compensation=world.recall),
        owner="shop team",
        runbook="https://runbooks.example.org/order",
    )
    world.knows(table)
    return table


def fail(world: World, table) -> Any:
    world.script("charge", Abort("no money", code="Abort"))
    found = world.start(table)
    world.work(found)
    return found


def look(world: World, by: timedelta = SOON) -> None:
    """Time goes by, in which others looked, and this one looks."""
    world.later(by)
    Sweep.objects.update(alerted_at=clock.now() - SOON)
    alert()


def mend(world: World) -> None:
    for incident in Incident.objects.open():
        operations.retry(incident.saga_id, actor="ann", reason="there is money")
    world.work()


def test_a_new_group_is_told_once_with_a_link_to_its_page(world, order, service):
    fail(world, order)
    for _ in range(3):
        look(world)
    fail(world, order)
    look(world)
    [(headers, body)] = service.got
    assert body["content"]["subject"] == "Needs a person: order: charge: Abort"
    assert f"https://sagas.example.org{PAGE}" in body["content"]["text"]
    assert "https://runbooks.example.org/order" in body["content"]["text"]
    assert body["receiver"] == {"email": "shop@example.org"}
    assert headers["Authorization"] == "Bearer k"
    assert headers["Idempotency-Key"] == f"saga-alert-{Alert.objects.get().pk}-1-new"


def test_it_is_over_when_nothing_of_it_is_open_and_may_come_again(world, order, service):
    fail(world, order)
    look(world)
    mend(world)
    look(world)
    assert service.subjects[1:] == ["It is over: order: charge: Abort"]
    fail(world, order)
    look(world)
    assert len(service.got) == 2  # within the cool-down nobody hears of it
    look(world, timedelta(hours=1))
    assert service.subjects[2:] == ["Needs a person: order: charge: Abort"]
    assert Alert.objects.get().episode == 2


def test_many_and_old_are_told_once_each(world, order, service):
    fail(world, order)
    look(world)
    for _ in range(3):
        fail(world, order)
    look(world)
    look(world)
    assert service.subjects[1:] == ["Many: order: charge: Abort"]
    look(world, timedelta(hours=5))
    look(world)
    assert service.subjects[2:] == ["Still open: order: charge: Abort"]


def test_nobody_is_told_of_a_muted_group(world, order, service):
    fail(world, order)
    [group] = grouping.groups("default")
    about = {"actor": "ann", "tenant": "default"}
    grouping.mute(group.id, clock.now() + timedelta(hours=1), **about)
    look(world)
    assert service.got == []
    look(world, timedelta(hours=1))
    assert len(service.got) == 1


def test_a_compensation_that_is_stuck_is_urgent(world, order, service):
    world.script("ship", Abort("no such street"))
    world.script("refund", Abort("never"))
    world.work(world.start(order))
    look(world)
    [(_, body)] = service.got
    assert (body["priority"], body["receiver"]) == ("urgent", {"phone": "+491700000000"})


def test_what_nobody_takes_is_kept_and_told_in_its_order(world, order, service):
    service.answers = [503, 500]
    fail(world, order)
    look(world)
    mend(world)
    look(world)
    assert service.subjects == ["Needs a person: order: charge: Abort"] * 2
    assert "alerts cannot be sent" in (alerting.trouble_with_alerts(clock.now()) or "")
    look(world, timedelta(minutes=1))
    look(world)
    assert service.subjects[2:] == ["Needs a person: order: charge: Abort", "It is over: order: charge: Abort"]
    assert len({headers["Idempotency-Key"] for headers, _ in service.got}) == 2
    assert alerting.trouble_with_alerts(clock.now()) is None


def test_two_looks_at_once_write_one_message(world, order, service):
    fail(world, order)
    now = clock.now() + SOON
    found = {each.name: each for each in alerting.troubles(now, alerting.policy(), None)}
    for name, trouble in found.items():
        alerting._tell(name, trouble, now)
        alerting._tell(name, trouble, now)
    assert AlertMessage.objects.count() == 1


def test_two_processes_send_a_message_once(world, order, service):
    fail(world, order)
    world.later(SOON)
    look_for_trouble(clock.now())
    first, second = AlertMessage.objects.select_related("alert").get(), AlertMessage.objects.get()
    assert (alerting._taken(first), alerting._taken(second)) == (True, False)
    assert send_alerts() == 0  # one is at it


def test_without_a_service_it_is_in_the_log(world, order, caplog):
    fail(world, order)
    look(world)
    assert "Needs a person: order: charge: Abort" in caplog.text
    assert AlertMessage.objects.get().done_at is not None


def test_what_waits_for_long_is_told_with_why(world, order, service):
    world.start(order)
    world.later(timedelta(minutes=6))
    Sweep.objects.update(alerted_at=clock.now() - SOON)
    alert()
    assert service.subjects == ["Needs a person: no living worker serves queue sagas"]
    Worker.objects.create(name="w", queues=["sagas"], started_at=clock.now(), beat_at=clock.now())
    Run.objects.update(work=None, at=None)
    look(world)
    assert service.subjects[1:] == ["It is over: no living worker serves queue sagas"]


def test_a_silence_of_the_sweep_is_told_afterwards(world, service):
    alert()
    world.later(timedelta(minutes=10))
    alert()
    assert "nobody swept from" in service.subjects[0]


@pytest.mark.django_db(transaction=True)
def test_the_notification_service_of_ours_takes_it_once(world, order, live_server, settings):
    url = f"{live_server.url}/api/v1/notifications/"
    alerts = {"url": url, "key": django_settings.GATEWAY["API_KEY"], "receivers": RECEIVERS}
    settings.SAGAS = {**settings.SAGAS, "ALERTS": alerts}
    fail(world, order)
    look(world)
    [notification] = Notification.objects.all()
    assert notification.content["subject"] == "Needs a person: order: charge: Abort"
    AlertMessage.objects.update(done_at=None, at=clock.now())  # as if its answer had been lost
    send_alerts()
    assert Notification.objects.count() == 1


@pytest.mark.only_on("postgresql")
@pytest.mark.django_db(transaction=True)
def test_sweeps_in_threads_write_one_message_a_trouble(world, order, service):
    fail(world, order)
    now = clock.now() + SOON
    found = alerting.troubles(now, alerting.policy(), None)
    gate = threading.Barrier(4)

    def tell() -> None:
        gate.wait()
        for each in found:
            alerting._tell(each.name, each, now)
        connection.close()

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert AlertMessage.objects.count() == 1


def test_troubles_that_cannot_be_told_keep_no_other_from_being_told(service):
    now = clock.now()

    def to_tell(path: str, what: str, at: Any) -> None:
        about = {"definition": "order", "path": path, "reason_code": "Abort", "told_at": now, "began_at": now}
        known, _ = Alert.objects.get_or_create(**about)
        AlertMessage.objects.create(alert=known, episode=1, what=what, severity="warning", subject=path, text="", at=at)

    for number in range(alerting.AT_ONCE + 1):
        to_tell(f"stuck {number}", "new", now + timedelta(hours=1))  # the service refuses what is told of it
        to_tell(f"stuck {number}", "many", now)
    to_tell("free", "new", now)
    assert send_alerts() == 1
    assert service.subjects == ["free"]
