"""What the checker says of the course of a run: late take-overs, refused starts, old transactions, creep, secrets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.soak.checker import course, holds, secrets
from tests.soak.checker.course import TakeOver
from tests.soak.checker.record import Entry, Saga, Story
from tests.soak.checker.sums import Sums
from tests.soak.disturbed import Disturbance
from tests.soak.promises import Promises, Start
from tests.soak.samples import DEAD, Memory, Transaction
from tests.soak.site import Loss

T0 = datetime(2026, 1, 1, tzinfo=UTC)
LOST = {"id": 1, "saga_id": "s", "path": "charge", "item": 0, "fence": 2}


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def a_fault(kind: str, began: float, ended: float, note: str = "") -> Disturbance:
    return Disturbance(kind=kind, began=at(began), ended=at(ended), note=note)


def a_story(*moves: tuple[float, str, int]) -> Story:
    """A saga whose charge did that, at those seconds, under those tokens."""
    journal = [
        Entry(number, at(seconds), [{"step": "charge", "item": 0, "did": did, "fence": fence}])
        for number, (seconds, did, fence) in enumerate(moves, 1)
    ]
    return Story(Saga("s", "", "running", "", len(moves), None, T0, None), [], journal)


def taken_over(story: Story, *faults: Disturbance) -> tuple[list[TakeOver], Sums]:
    sums, loss = Sums(), Loss(kind="worker killed", at=at(100), runs=[LOST], killed=True)
    return course.take_overs([loss], {"s": story}, faults, sums), sums


def test_a_take_over_lasts_from_the_kill_to_the_next_attempt():
    [found], _ = taken_over(a_story((99, "claimed", 2), (111, "again", 3), (112, "claimed", 4)))
    assert (found.taken_back, found.seconds, found.undisturbed) == (11, 12, True)


@pytest.mark.parametrize("kind", ["postgres restarted", "garbage"])
def test_a_take_over_beside_a_fault_of_the_database_or_of_other_workers_is_not_held_to_the_bound(kind):
    [found], _ = taken_over(a_story((111, "again", 3), (112, "claimed", 4)), a_fault(kind, 90, 95))
    assert not found.undisturbed


def test_what_nobody_takes_over_is_reported():
    _, sums = taken_over(a_story((99, "claimed", 2)))
    assert sums["what dead workers held is taken over"].violations


@pytest.mark.parametrize(("seconds", "wrong"), [(14.9, False), (15.1, True)])
def test_a_late_take_over_is_reported(seconds, wrong):
    found, _ = taken_over(a_story((100 + seconds, "claimed", 4)))
    course.punctual(found, sums := Sums(), bounds=True)
    assert bool(sums.violations) == wrong


@pytest.mark.parametrize(("first", "seconds", "wrong"), [(201, 0.1, 0), (503, 0.1, 1), (201, 0.6, 1)])
def test_a_start_that_waits_for_the_broker_or_is_refused_is_reported(first, seconds, wrong):
    promises, sums = Promises(), Sums()
    promises.started(Start(key="k", shape="", fails="", at=at(100), seconds=seconds, first=first))
    course.starts_without_broker(promises, [a_fault("redis frozen", 99, 103)], sums, bounds=True)
    assert len(sums.violations) == wrong


@pytest.mark.parametrize(
    ("fault", "wrong"),
    [
        (a_fault("redis frozen", 90, 101), True),
        (a_fault("database silent", 90, 101), False),
        (a_fault("worker frozen", 90, 101, "t1: 3 in hand"), False),
        (a_fault("worker frozen", 90, 101, "t2: 3 in hand"), True),
    ],
)
def test_an_old_transaction_is_reported_unless_a_fault_held_its_client(fault, wrong):
    old = Transaction(name="t1", at=at(100), age=timedelta(seconds=6), state="idle in transaction", statement="")
    course.transactions([old], [fault], 10, sums := Sums())
    assert bool(sums.violations) == wrong


@pytest.mark.parametrize(("last", "wrong"), [(110, False), (200, True)])
def test_a_process_that_grows_is_reported(last, wrong):
    life = [
        Memory(name="t1", pid=1, at=at(second), megabytes=100 if second < 300 else last) for second in range(0, 400, 5)
    ]
    course.memory(life, sums := Sums(), bounds=True)
    assert bool(sums.violations) == wrong


@pytest.mark.parametrize(
    ("seconds", "saga", "faults", "wrong"),
    [
        (103, "s", [], False),
        (107, "s", [], True),
        (107, "canary", [], False),
        (111, "s", [], False),
        (107, "s", [a_fault("worker frozen", 90, 101)], False),
    ],
)
def test_a_step_that_is_begun_while_its_participant_is_held_is_reported(seconds, saga, faults, wrong):
    story = a_story((seconds, "claimed", 4))
    story = replace(story, saga=replace(story.saga, id=saga))
    held = holds.Hold("payments", at(100), at(110), at(112), frozenset(["canary"]), 0)
    holds.calls([held], [story], faults, sums := Sums())
    assert bool(sums.violations) == wrong


def test_a_secret_in_a_log_or_a_table_is_reported(postgres, tmp_path):
    log = tmp_path / "web.log"
    log.write_text("the token is hush-1")
    with psycopg.connect(postgres.create_database("secrets")) as line:
        line.execute("CREATE TABLE notes (text text)")
        line.execute("INSERT INTO notes VALUES ('hush-2')")
        found = Sums()
        for secret in ("hush-1", "hush-2", "hush-3"):
            secrets.check(line, [log], secret, found)
    assert found.violations == [
        "secrets are kept: a secret stands in web.log",
        "secrets are kept: a secret stands in 1 rows of notes",
    ]


def test_what_nothing_will_move_is_dead(postgres):
    with psycopg.connect(postgres.create_database("dead")) as line:
        line.execute("CREATE TABLE sagas_saga (id text, state text, ended_at timestamptz, paused_at timestamptz)")
        line.execute("CREATE TABLE sagas_run (saga_id text, work text, at timestamptz, rung_at timestamptz)")
        line.execute("CREATE TABLE sagas_incident (saga_id text, closed_at timestamptz)")
        line.execute("INSERT INTO sagas_saga VALUES ('dead', 'running'), ('due', 'running'), ('held', 'stuck')")
        line.execute("INSERT INTO sagas_saga VALUES ('over', 'completed', now())")
        line.execute("INSERT INTO sagas_run VALUES ('due', 'due', now()), ('dead', 'running', now() - interval '1 h')")
        line.execute("INSERT INTO sagas_incident VALUES ('held')")
        assert line.execute(DEAD).fetchall() == [("dead", "running")]
