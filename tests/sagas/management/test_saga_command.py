"""`manage.py saga`, as an operator and a script use it."""

import json
from io import StringIO

import pytest
from django.core.management import call_command

from sagas import Abort, Retry, approval, saga, step, wait
from sagas.models import Audit, Saga
from tests.sagas.world import run_of

pytestmark = pytest.mark.django_db(transaction=True)


class Ran:
    """What a command printed, and its exit status."""

    def __init__(self, *words: str) -> None:
        out, error = StringIO(), StringIO()
        self.status = 0
        try:
            call_command("saga", *words, stdout=out, stderr=error)
        except SystemExit as end:
            self.status = int(end.code or 0)
        self.out, self.error = out.getvalue(), error.getvalue()

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def order(world):
    table = saga(
        "order",
        step(world.charge, compensation=world.refund),
        step(world.ship, compensation=world.recall, on_failure="incident", retry=Retry(attempts=1)),
        wait("delivered"),
    )
    world.knows(table)
    return table


def held(world):
    world.script("ship", Abort("no parcels today"))
    found = Ran("start", "order", "--key", "o-1", "--input", '{"n": 1}', "--json").json
    started = Saga.objects.get(pk=found["id"])
    world.work(started)
    return started


def test_a_saga_is_started_shown_and_listed(world, order):
    started = held(world)
    shown = Ran("show", "o-1")
    assert shown.status == 0
    assert "no parcels today" in shown.out
    assert str(started.pk)[:8] in shown.out
    assert "order 1" in Ran("list").out
    assert [line["business_key"] for line in Ran("list", "--needs-person", "--json").json] == ["o-1"]


def test_a_dry_run_changes_nothing_and_the_verb_then_does_it(world, order):
    started = held(world)
    dry = Ran("cancel", "o-1", "--reason", "no stock", "--dry-run")
    assert "Undone, in this order: charge." in dry.out
    assert not Audit.objects.exists()
    assert Ran("cancel", "o-1", "--reason", "no stock").status == 0
    world.work(started)
    assert Ran("show", "o-1", "--follow").status == 1
    assert Audit.objects.get().actor.startswith("cli:")


def test_what_is_refused_is_one_sentence_with_what_is_allowed(world, order):
    held(world)
    refused = Ran("resume", "o-1", "--reason", "x")
    assert refused.status == 2
    assert refused.error.startswith("The saga is not paused. Allowed now: signal, cancel, pause")
    assert Ran("show", "nobody").error.startswith("There is no saga 'nobody'")


def test_a_saga_is_repaired_told_and_completes(world, order):
    started = held(world)
    assert Ran("skip", "o-1", "--step", "ship", "--result", '{"by": "hand"}', "--reason", "sent it").status == 0
    assert run_of(started, "ship").result == {"by": "hand"}
    world.work(started)
    assert "a wait has taken it" in Ran("signal", "o-1", "delivered", "--payload", "{}").out
    world.work(started)
    assert Ran("show", "o-1", "--follow").status == 0
    again = Ran("clone", "o-1", "--reason", "once more", "--confirm-effects", "--json")
    assert again.json["cloned_from"] == str(started.pk)


def test_a_person_decides(world):
    table = saga("asks", approval("large"), step(world.charge, compensation=world.refund))
    found = world.start(table)
    assert Ran("decide", str(found.pk)[:13], "--step", "large", "--yes", "--reason", "fine").status == 0
    world.work(found)
    found.refresh_from_db()
    assert found.state == "completed"


def test_a_saga_is_drawn_and_versions_are_told(world, order):
    assert "charge" in Ran("diagram", "order").out
    assert Ran("diagram", "order", "--format", "svg").out.lstrip().startswith("<svg")
    assert "order 1: current" in Ran("versions").out
