"""What a readiness probe is told of the coordinator."""

from datetime import timedelta

import pytest
from django.test import Client

from gateway.health import Minor
from sagas import health, saga, step
from sagas.engine.sweep import sweep
from sagas.models import Run, Sweep, Worker
from sagas.record import clock

pytestmark = pytest.mark.django_db


def test_it_is_told_when_nobody_sweeps_or_has_for_long():
    assert health.swept() == "nobody has swept yet; start a worker"
    sweep()
    assert health.swept() is None
    with clock.ahead(timedelta(seconds=31)):
        assert "nobody has swept for 31 s" in str(health.swept())


def test_it_is_told_which_sagas_nothing_will_ever_move(world):
    table = saga("one", step(world.look, reads_only=True))
    sagas = sorted((world.start(table) for _ in range(5)), key=lambda found: found.pk)
    assert health.alive() is None
    Run.objects.update(work=None, at=None)
    sentence = str(health.alive())
    assert [str(found.pk) in sentence for found in sagas] == [True] * 3 + [False] * 2
    assert sentence.endswith("and more")


@pytest.mark.django_db(transaction=True)
def test_readyz_asks(settings):
    settings.GATEWAY = {"READINESS": ["sagas.health.swept", "sagas.health.alive"]}
    Sweep.objects.all().delete()
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["sagas.health.swept"]) == (
        503,
        "nobody has swept yet; start a worker",
    )
    sweep()
    assert Client().get("/readyz").status_code == 200


def test_nothing_is_called_dead_only_because_nobody_sweeps(world):
    sweep()
    world.start(saga("one", step(world.look, reads_only=True)))
    Run.objects.update(work=None, at=None)
    assert "nothing will move these sagas" in str(health.alive())
    with clock.ahead(timedelta(seconds=31)):
        assert isinstance(health.alive(), Minor)


def test_it_is_told_when_workers_hear_nothing_any_more():
    now = clock.now()
    deaf = Worker.objects.create(name="deaf", started_at=now, beat_at=now, probed_at=now - timedelta(seconds=90))
    told = health.heard()
    assert isinstance(told, Minor) and "no worker has heard a message through the broker for 90 s" in told
    Worker.objects.create(name="hearing", started_at=now, beat_at=now, probed_at=now)
    assert health.heard() is None
    Worker.objects.filter(name="hearing").delete()
    deaf.probed_at = None  # nobody sends messages to itself where there is no broker
    deaf.save()
    assert health.heard() is None
