"""The broker may be out: the answer to a request does not depend on it."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest

from gateway import doorbell
from notifications import delivery
from notifications.sweep import sweep
from orchestrator.celery import app
from tests.harness.processes import free_port
from tests.notifications.post import later, now

pytestmark = pytest.mark.django_db(transaction=True)

PROMISED = 0.5  # seconds


@pytest.fixture(params=["redis refused", "redis frozen", "amqp refused", "amqp frozen"])
def broken_broker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An address where nobody listens, or where somebody takes connections and never answers."""
    scheme, how = request.param.split()
    with ExitStack() as stack:
        if how == "frozen":
            port = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        else:
            port = free_port()
        monkeypatch.setattr(app.conf, "broker_write_url", f"{scheme}://127.0.0.1:{port}//")
        yield


def test_accepting_does_not_wait_for_the_broker(service, monkeypatch, broken_broker):
    """Each request meets a doorbell that has not failed yet. The fastest tells: the machine may be busy."""
    bells, took = [], []
    for _ in range(7):
        bells.append(doorbell.Doorbell())
        monkeypatch.setattr(doorbell, "_doorbell", bells[-1])
        began = time.monotonic()
        assert service.ask().status_code == 202
        took.append(time.monotonic() - began)
    assert min(took) < PROMISED
    assert all(bell.flush(timedelta(seconds=120)) for bell in bells)
    assert [bell.tally.published for bell in bells] == [0] * 7


def test_what_was_accepted_without_a_broker_is_delivered_when_there_is_one(service, bell, monkeypatch, rung):
    with monkeypatch.context() as without:
        without.setattr(app.conf, "broker_write_url", f"redis://127.0.0.1:{free_port()}/0")
        pk = service.ask().json()["id"]
        assert bell.flush(timedelta(seconds=120))
    assert (bell.tally.published, bell.tally.failed) == (0, 1)

    monkeypatch.setattr(doorbell, "_doorbell", doorbell.Doorbell())
    later(timedelta(seconds=11))
    sweep()
    assert doorbell.flush(timedelta(seconds=120))
    assert doorbell.tally().published == 1
    delivery.deliver(now(pk).pk)
    assert now(pk).status == "sent"
