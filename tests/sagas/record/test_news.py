"""Each event that an operator needs is one line and one figure, once its transaction has ended, without any payload."""

import logging
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from gateway import counters
from sagas import Abort, RetryLater, operations, saga, step, wait
from sagas.models import Run
from sagas.record.commit import commit, roll_back
from sagas.words.retry import Retry
from tests.sagas.world import World

pytestmark = pytest.mark.django_db

SECRET = "4111-1111-1111-1111"
TWICE = Retry(attempts=2, first=timedelta(seconds=1))


@pytest.fixture(autouse=True)
def listening(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.INFO, logger="sagas")
    counters.forget()
    yield
    counters.forget()


def order(world: World, **options: Any) -> Any:
    charge = step(world.charge, compensation=world.refund, retry=TWICE, **options)
    return saga("order", step(world.reserve, compensation=world.release), charge)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == "sagas"]


def line(caplog: pytest.LogCaptureFixture, words: str) -> dict[str, Any]:
    [record] = [record for record in caplog.records if record.message == words]
    return vars(record)


def counted(name: str) -> dict[tuple[str, ...], float]:
    return {labels: by for (of, labels, part), by in counters._tally._counted.items() if of == name and not part}


def test_a_saga_that_goes_well_is_told_by_its_begin_and_its_end(world, caplog):
    started = world.start(order(world), {"card": SECRET})
    world.run_through(started)
    assert said(caplog) == ["a saga is started", "a saga ended"]
    end = line(caplog, "a saga ended")
    assert (end["saga"], end["definition"], end["state"]) == (str(started.pk), "order", "completed")
    assert counted("saga_started_total") == {("order",): 1.0}
    assert counted("saga_ended_total") == {("order", "completed"): 1.0}
    assert counted("saga_attempts_total") == {
        ("order", "reserve", "action", "succeeded"): 1.0,
        ("order", "charge", "action", "succeeded"): 1.0,
    }


def test_a_saga_that_fails_is_told_try_by_try_and_by_what_is_undone(world, caplog):
    world.script("charge", RetryLater("busy", code="http_503"), Abort(f"{SECRET} is declined", code="http_402"))
    world.run_through(world.start(order(world)))
    assert said(caplog) == [
        "a saga is started",
        "a step is tried again",
        "a step failed",
        "a saga turned back",
        "a step is undone",
        "a saga ended",
    ]
    again = line(caplog, "a step is tried again")
    assert (again["step"], again["outcome"], again["code"]) == ("charge", "not_now", "http_503")
    back = line(caplog, "a saga turned back")
    assert (back["cause"], back["step"], back["code"]) == ("failed_step", "charge", "http_402")
    assert counted("saga_turned_back_total") == {("order", "failed_step"): 1.0}
    assert counted("saga_attempts_total")["order", "charge", "action", "refused"] == 1.0
    assert counted("saga_attempts_total")["order", "charge", "action", "not_now"] == 1.0
    assert counted("saga_attempts_total")["order", "reserve", "compensation", "succeeded"] == 1.0


def test_what_a_service_said_and_what_it_was_sent_is_in_no_line(world, caplog):
    caplog.set_level(logging.DEBUG)
    world.script("charge", Abort(f"{SECRET} is declined"))
    world.script("release", Abort(f"{SECRET} is gone"))
    world.script("reserve", {"card": SECRET})
    world.run_through(world.start(order(world), {"card": SECRET}, business_key=SECRET, labels={"card": SECRET}))
    ours = [vars(record) for record in caplog.records if record.name == "sagas"]
    assert "a person is needed" in said(caplog)
    assert SECRET not in str([{name: value for name, value in entry.items() if name != "exc_info"} for entry in ours])


def test_what_needs_a_person_is_a_warning_with_its_reason(world, caplog):
    world.script("charge", RuntimeError(SECRET), RuntimeError(SECRET))
    world.run_through(world.start(order(world, idempotent=False)))
    needed = line(caplog, "a person is needed")
    assert (needed["levelname"], needed["reason"], needed["step"]) == ("WARNING", "outcome_unknown", "charge")
    assert counted("saga_incidents_total") == {("order", "charge", "outcome_unknown"): 1.0}


def test_what_somebody_decided_is_told_with_who_it_was(world, caplog):
    started = world.start(order(world))
    operations.cancel(started.pk, actor="person:anna", reason=SECRET)
    decided = line(caplog, "somebody decided")
    assert (decided["verb"], decided["actor"]) == ("cancel", "person:anna")
    assert counted("saga_verbs_total") == {("cancel",): 1.0}


def test_signals_are_told_and_those_that_nobody_waits_for_louder(world, caplog):
    started = world.start(saga("paying", wait("paid", timeout=timedelta(days=1))))
    operations.signal(started.pk, "paid", {"card": SECRET}, actor="payments")
    kinds = Counter((vars(record)["kind"], record.levelname) for record in caplog.records if "signal" in record.message)
    assert kinds == {("expected", "INFO"): 1}
    assert counted("saga_signals_total") == {("paying", "expected"): 1.0}


def test_an_attempt_that_nobody_will_hear_of_is_counted_by_who_takes_it_back(world, caplog):
    started = world.start(order(world))
    held = world.attempt(started, "reserve")
    world.later(timedelta(minutes=1))
    from sagas.engine.sweep import sweep

    assert sweep()
    assert counted("saga_attempts_total") == {("order", "reserve", "action", "lease_expired"): 1.0}
    world.record(held)
    assert counted("saga_late_outcomes_total") == {("order", "reserve"): 1.0}
    assert line(caplog, "an outcome came late")["levelname"] == "WARNING"


def test_what_is_rolled_back_is_not_told(world, caplog):
    world.knows(order(world))
    with commit():
        operations.start("order", actor="a test")
        roll_back()
    with pytest.raises(ZeroDivisionError), commit():
        operations.start("order", actor="a test")
        raise ZeroDivisionError
    assert said(caplog) == []
    with commit():
        operations.start("order", actor="a test")
        assert said(caplog) == [], "not before it is committed"
    assert said(caplog) == ["a saga is started"]


def test_what_is_committed_stays_so_whatever_becomes_of_its_news(world, caplog, monkeypatch):
    monkeypatch.setattr("sagas.record.news._about", lambda t: 1 / 0)
    with transaction.atomic():
        started = world.start(order(world))
    assert Run.objects.filter(saga=started).exists()
    assert "What a turn changed could not be told." in said(caplog) + [r.message for r in caplog.records]


def test_the_time_that_a_saga_and_a_step_waited_for_a_worker_is_counted(world):
    started = world.start(order(world))
    world.later(timedelta(seconds=3))
    world.run_through(started)
    tally = counters._tally._counted
    waits = {labels: by for (name, labels, part), by in tally.items() if name == "saga_queue_seconds" and part == "5.0"}
    starts = {
        labels: by for (name, labels, part), by in tally.items() if name == "saga_start_seconds" and part == "5.0"
    }
    assert waits == {("sagas",): 1.0}
    assert starts == {("order",): 1.0}
