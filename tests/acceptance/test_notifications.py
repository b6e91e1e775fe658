"""Workers are killed while they send, the broker is emptied: nothing is lost, and what may be twice is known."""

import email
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.scene import MINUTE, Scene
from tests.harness.waiting import wait_until
from tests.notifications import smtp
from tests.notifications.smtp import SILENCE, MailServer

PATH = "/api/v1/notifications/"
LONG = 3 * MINUTE


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with smtp.listening() as server:
        yield server


def test_what_a_killed_worker_was_sending_is_sent_again_and_known_as_a_second(scene, mail_server):
    with scene(environment=over(mail_server)) as scene:
        pk = killed_in_mid_send(scene, mail_server, category="transactional")
        told = wait_until(lambda: ended(scene, pk), "it is sent", LONG)
        assert (told["status"], [attempt["result"] for attempt in told["attempts"]]) == ("sent", ["silent", "sent"])
        first, second = (email.message_from_bytes(mail)["Message-ID"] for mail in mail_server.mails)
        assert first == second == told["attempts"][1]["provider_id"]


def test_what_is_sent_at_most_once_is_left_to_a_person(scene, mail_server):
    with scene(environment=over(mail_server)) as scene:
        pk = killed_in_mid_send(scene, mail_server, category="code")
        told = wait_until(lambda: ended(scene, pk), "it is given up", LONG)
        assert (told["status"], told["allowed"]) == ("unknown", ["retry"])
        assert len(mail_server.mails) == 1


def test_what_an_emptied_broker_forgot_is_sent(scene, mail_server):
    with scene(environment=over(mail_server)) as scene:
        accepted = [ask(scene, category="transactional") for _ in range(20)]
        scene.broker.flush()
        scene.worker("threads", 2)
        scene.product.beat()
        told = wait_until(lambda: all_ended(scene, accepted), "all are sent", LONG)
        assert {one["status"] for one in told} == {"sent"}
        assert {one["tries"] for one in told} == {1}
        assert len(mail_server.mails) == 20


def test_two_workers_that_are_told_of_one_message_many_times_send_it_once(scene, mail_server):
    """Real processes: the broker hands the same message to both, again and again, as sweeps at once would."""
    with scene(environment=over(mail_server)) as scene:
        accepted = [ask(scene, category="transactional") for _ in range(5)]
        queue = scene.product.start("ring", [sys.executable, "-c", RING, *accepted])
        assert queue.wait(MINUTE) == 0, queue.output()
        for _ in range(2):
            scene.worker("prefork", 2, ready=False)
        told = wait_until(lambda: all_ended(scene, accepted), "all are sent", LONG)
        assert [(one["status"], one["tries"]) for one in told] == [("sent", 1)] * 5
        assert len(mail_server.mails) == 5


RING = """
import sys, django
django.setup()
from orchestrator.celery import app
for _ in range(20):
    for pk in sys.argv[1:]:
        app.send_task("notifications.tasks.deliver", [pk], queue="notifications")
"""


def over(server: MailServer) -> dict[str, str]:
    """The product sends its mail there."""
    return {"EMAIL_URL": f"smtp://127.0.0.1:{server.port}"}


def ask(scene: Scene, *, category: str) -> str:
    body = {"receiver": {"email": "jane@example.org"}, "content": "Hello.", "category": category}
    answer = scene.api.post(PATH, json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def killed_in_mid_send(scene: Scene, server: MailServer, *, category: str) -> str:
    """A message whose worker died between the mail server's taking it and its answer; other workers are there."""
    server.answers["."] = SILENCE
    worker = scene.worker("prefork", 1)
    pk = ask(scene, category=category)
    wait_until(lambda: server.mails, "the mail server has it", MINUTE)
    worker.kill()
    server.answers.clear()
    assert told_of(scene, pk)["status"] == "sending"
    # Its lease is two minutes; it is over now.
    scene.rows("UPDATE notifications_notification SET lease_until = now() WHERE id = %s RETURNING id", pk)
    scene.worker("threads", 2)
    scene.product.beat()
    return pk


def told_of(scene: Scene, pk: str) -> dict[str, Any]:
    return dict(scene.api.get(f"{PATH}{pk}/").raise_for_status().json())


def ended(scene: Scene, pk: str) -> dict[str, Any] | None:
    told = told_of(scene, pk)
    return told if told["ended_at"] else None


def all_ended(scene: Scene, pks: list[str]) -> list[dict[str, Any]] | None:
    found = [told_of(scene, pk) for pk in pks]
    return found if all(one["ended_at"] for one in found) else None
