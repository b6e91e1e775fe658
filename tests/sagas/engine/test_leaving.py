"""A process that ends in order says so: nobody takes it for dead, and nothing that it holds is forgotten."""

import pytest
from celery import signals
from django.db import OperationalError

from gateway import pulse
from sagas import saga, step, tasks
from sagas.engine import workers
from sagas.engine.workers import Here
from sagas.models import Run, Worker
from tests.sagas.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    """A process that is known."""
    found = Here()
    found.beat()
    monkeypatch.setattr(workers, "_here", found)
    return found


def test_who_ends_in_order_leaves_no_row_behind(here: Here) -> None:
    other = Here()
    other.beat()
    signals.worker_shutdown.send(sender=None)
    assert list(Worker.objects.values_list("pk", flat=True)) == [other.id]


def test_its_heart_beats_no_more(here: Here) -> None:
    here.leave()
    here.beat()
    assert not Worker.objects.exists()


def test_who_still_holds_a_step_is_missed_later(here: Here, world: World) -> None:
    table = saga("one", step(world.charge, compensation=world.refund))
    world.knows(table)
    world.attempt(world.start(table), "charge")
    Run.objects.update(worker=here.id)
    here.leave()
    here.beat()
    assert Worker.objects.filter(pk=here.id, gone_at=None).exists()


def test_nobody_waits_for_a_database_that_is_away(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "database_answers", lambda: False)
    here.leave()
    assert Worker.objects.exists()


def test_a_database_that_goes_away_just_then_does_not_break_the_end(
    here: Here, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*arguments: object, **named: object) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(Run.objects, "filter", away)
    caplog.set_level("INFO", "sagas.tasks")
    tasks.leave()
    assert "ends without having said so" in caplog.text
