"""Starting a saga does not depend on the broker: the answer comes at once, whatever has become of it."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from celery import current_app

from gateway import doorbell
from sagas.models import Saga

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = timedelta(milliseconds=500)


@contextmanager
def refused() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    yield address


@contextmanager
def frozen() -> Iterator[str]:
    """An address where connections are taken and nothing is ever answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
@pytest.mark.parametrize("broker", [refused, frozen])
def test_a_saga_begins_at_once_without_the_broker(api, two, monkeypatch, broker, scheme):
    assert api.start().status_code == 201  # what is only slow the first time is none of the broker's
    with broker() as address:
        monkeypatch.setattr(current_app.conf, "broker_write_url", f"{scheme}://{address}//")
        took = []
        for _ in range(5):  # each with a doorbell that knows nothing yet; the fastest tells, a machine may be busy
            monkeypatch.setattr(doorbell, "_doorbell", doorbell.Doorbell())
            began = time.perf_counter()
            answer = api.start()
            took.append(time.perf_counter() - began)
            assert answer.status_code == 201
            assert doorbell.flush(timedelta(seconds=120))
            assert doorbell.tally().failed, "the broker was there after all"
        assert min(took) < AT_ONCE.total_seconds()
        assert Saga.objects.count() == 6
