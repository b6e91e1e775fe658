"""Clocks are the database's: never early, over at most a sweep late, and whoever commits first has won."""

import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.ids import uuid7
from sagas import TIMED_OUT, Retry, RetryLater, approval, operations, parallel, saga, sleep, step, wait
from sagas.engine.explain import explain
from sagas.engine.sweep import sweep
from sagas.errors import Abort, TurnedBack, Unknown
from sagas.models import Journal, Run, Saga, Signal, Work, Worker
from sagas.record import clock
from sagas.record.lease import renew
from sagas.words import registry
from sagas.words.definition import Definition
from sagas.words.outcome import Refused, Succeeded
from sagas.words.rows import Row
from tests.sagas.world import World, moves_of, open_incidents, run_of

pytestmark = pytest.mark.django_db

SECONDS = timedelta(seconds=1)
MINUTES = timedelta(minutes=1)
NEARLY = 10 * SECONDS


def sweep_at(world: World, at: datetime | None) -> None:
    """Put the clock to that time, and sweep."""
    assert at is not None
    world.sweep_later(at - clock.now())


def order(world: World, *rows: Row, **options: Any) -> Definition:
    return saga("order", step(world.charge, compensation=world.refund), *rows, **options)


def arrived(world: World, *rows: Row, **options: Any) -> Saga:
    """A saga that has done its first step and has come to these rows."""
    found = world.start(order(world, *rows, **options))
    world.work(found)
    found.refresh_from_db()
    return found


def state_of(found: Saga) -> str:
    found.refresh_from_db()
    return found.state


def test_an_attempt_is_given_up_when_its_time_is_over_and_never_early(world: World) -> None:
    found = world.start(order(world))
    world.attempt(found, "charge")
    held = run_of(found, "charge")
    sweep_at(world, held.at - NEARLY)
    assert run_of(found, "charge").work == Work.RUNNING
    sweep_at(world, held.at)
    again = run_of(found, "charge")
    assert (again.work, again.happened, again.code) == ("due", "maybe", "lease_expired")
    assert again.fence > held.fence


def test_an_attempt_that_is_silent_for_its_heartbeat_is_given_up_and_one_that_speaks_is_not(world: World) -> None:
    table = saga("long", step(world.crunch, reads_only=True, heartbeat=20 * SECONDS, timeout=10 * MINUTES))
    found = world.start(table)
    world.attempt(found, "crunch")
    for percent in (10, 20, 30):
        run = run_of(found, "crunch")
        sweep_at(world, run.at - NEARLY)
        assert run_of(found, "crunch").work == Work.RUNNING
        renew(run, 20 * SECONDS, {"percent": percent})
    run = run_of(found, "crunch")
    assert run.progress == {"percent": 30}
    sweep_at(world, run.at)
    assert (run_of(found, "crunch").work, run_of(found, "crunch").tries) == ("due", 1)
    with pytest.raises(TurnedBack):
        renew(run, 20 * SECONDS, {"percent": 40})
    assert run_of(found, "crunch").progress == {"percent": 30}


def test_a_heartbeat_never_prolongs_an_attempt_beyond_its_end(world: World) -> None:
    found = world.start(saga("long", step(world.crunch, reads_only=True, heartbeat=MINUTES, timeout=90 * SECONDS)))
    world.attempt(found, "crunch")
    ends_at = run_of(found, "crunch").ends_at
    world.later(45 * SECONDS)
    renew(run_of(found, "crunch"), MINUTES, None)
    assert run_of(found, "crunch").at == ends_at
    sweep_at(world, ends_at)
    assert run_of(found, "crunch").work == Work.DUE


def test_the_time_of_a_step_is_counted_over_all_its_attempts(world: World) -> None:
    patient = Retry(attempts=50, first=MINUTES, longest=MINUTES, factor=1)
    world.script("ship", *[RetryLater("busy", after=MINUTES)] * 50)
    found = arrived(world, step(world.ship, compensation=world.unship, retry=patient, total=5 * MINUTES))
    found = world.run_through(found)
    assert found.state == "compensated"
    assert 4 <= world.called.count("ship") <= 6
    assert world.called[-1] == "refund"


def test_a_wait_times_out_never_early(world: World) -> None:
    found = arrived(world, wait("settled", timeout=MINUTES, on_timeout="continue"))
    at = run_of(found, "settled").at
    sweep_at(world, at - NEARLY)
    assert state_of(found) == "waiting"
    sweep_at(world, at)
    assert (state_of(found), run_of(found, "settled").state) == ("completed", "timed_out")


def test_a_sleep_until_a_time_is_over_then_and_never_early(world: World) -> None:
    until = clock.now() + 30 * MINUTES
    found = arrived(world, sleep(name="night", until=until))
    assert run_of(found, "night").at == until
    sweep_at(world, until - NEARLY)
    assert state_of(found) == "waiting"
    sweep_at(world, until)
    assert state_of(found) == "completed"


def test_a_sleep_until_a_time_that_is_past_is_over_at_once(world: World) -> None:
    found = arrived(world, sleep(name="night", until=lambda ctx: clock.now() - MINUTES))
    sweep()
    assert state_of(found) == "completed"


def test_an_approval_that_nobody_decides_times_out_never_early(world: World) -> None:
    found = arrived(world, approval("large", timeout=MINUTES))
    at = run_of(found, "large").at
    sweep_at(world, at - NEARLY)
    assert state_of(found) == "waiting"
    sweep_at(world, at)
    world.work()
    assert (state_of(found), run_of(found, "large").state) == ("compensated", "timed_out")


TOLD: list[tuple[str, int]] = []


def keep(what: str, document: dict[str, Any]) -> None:
    TOLD.append((what, document["times"]))


def test_people_are_told_of_an_approval_again_and_again_and_its_time_is_over_all_the_same(
    world: World, settings: Any
) -> None:
    settings.SAGAS = {**settings.SAGAS, "TELL": f"{__name__}.keep"}
    TOLD.clear()
    found = arrived(world, approval("large", remind=20 * MINUTES, timeout=50 * MINUTES))
    opened = clock.now()
    sweep()
    for minutes in (10, 21, 30, 42, 49):
        sweep_at(world, opened + minutes * MINUTES)
    assert TOLD == [("approval", 0), ("reminder", 1), ("reminder", 2)]
    assert state_of(found) == "waiting"
    sweep_at(world, opened + 51 * MINUTES)
    assert run_of(found, "large").state == "timed_out"


def test_a_deadline_turns_back_never_early_also_with_an_incident_open(world: World) -> None:
    world.script("ship", Unknown("lost"))
    once = step(world.ship, compensation=world.unship, idempotent=False)
    found = arrived(world, once, deadline=MINUTES)
    assert (found.state, open_incidents(found)) == ("stuck", [("ship", "outcome_unknown")])
    sweep_at(world, found.deadline_at - NEARLY)
    assert state_of(found) == "stuck"
    sweep_at(world, found.deadline_at)
    assert open_incidents(found) == []
    assert found.incidents.get().closed_as == "superseded"
    found = world.run_through(found)
    assert (found.state, found.cause, world.called) == (
        "compensated",
        "deadline",
        ["charge", "ship", "unship", "refund"],
    )


def test_a_deadline_past_the_pivot_is_an_incident_and_the_saga_goes_on(world: World) -> None:
    found = arrived(
        world,
        step(world.confirm, pivot=True),
        wait("picked_up", timeout=60 * MINUTES, on_timeout="continue"),
        deadline=MINUTES,
    )
    sweep_at(world, found.deadline_at)
    sweep_at(world, found.deadline_at + MINUTES)
    assert (state_of(found), open_incidents(found)) == ("waiting", [("", "deadline")])
    assert found.incidents.get().times == 1
    operations.signal(found.pk, "picked_up", actor="carrier")
    world.work()
    assert (state_of(found), open_incidents(found)) == ("completed", [])


def test_a_deadline_that_passes_while_the_pivot_is_open_takes_effect_if_the_pivot_did_not_happen(world: World) -> None:
    pivot = step(world.confirm, pivot=True, timeout=5 * MINUTES)
    found = world.start(order(world, pivot, deadline=MINUTES))
    world.record(world.attempt(found, "charge"))
    held = world.attempt(found, "confirm")
    found.refresh_from_db()
    sweep_at(world, found.deadline_at)
    assert (state_of(found), found.wanted_back) == ("running", "deadline")
    world.answer(held, Refused(error="no"))
    found = world.run_through(found)
    assert (found.state, found.cause) == ("compensated", "deadline")


def test_a_deadline_that_passes_while_the_pivot_is_open_is_an_incident_if_the_pivot_succeeds(world: World) -> None:
    pivot = step(world.confirm, pivot=True, timeout=5 * MINUTES)
    found = world.start(order(world, pivot, wait("picked_up", on_timeout="continue"), deadline=MINUTES))
    world.record(world.attempt(found, "charge"))
    held = world.attempt(found, "confirm")
    found.refresh_from_db()
    sweep_at(world, found.deadline_at)
    world.answer(held, Succeeded())
    assert (state_of(found), found.going, open_incidents(found)) == ("waiting", "forward", [("", "deadline")])


def test_a_due_step_that_nobody_picks_up_is_rung_again_and_that_is_no_attempt(world: World) -> None:
    found = world.start(order(world))
    before = run_of(found, "charge")
    for _ in range(3):
        world.sweep_later(30 * SECONDS)
    after = run_of(found, "charge")
    assert after.rung_at > before.rung_at
    assert (after.tries, after.crashes, after.fence, after.work) == (0, 0, before.fence, "due")


def test_a_result_that_is_recorded_before_the_sweep_has_found_it_overdue_counts(world: World) -> None:
    found = world.start(order(world, deadline=MINUTES))
    held = world.attempt(found, "charge")
    world.later(5 * MINUTES)
    assert not world.answer(held, Succeeded(result=1)).late
    sweep()
    assert (state_of(found), run_of(found, "charge").result) == ("completed", 1)


def test_a_signal_that_is_committed_before_the_sweep_has_fired_the_timeout_counts(world: World) -> None:
    found = arrived(world, wait("settled", timeout=MINUTES))
    world.later(5 * MINUTES)
    assert operations.signal(found.pk, "settled", 1, actor="bank").taken
    sweep()
    world.work()
    assert (state_of(found), run_of(found, "settled").result) == ("completed", 1)


def test_a_decision_that_is_committed_before_the_sweep_has_fired_the_timeout_counts(world: World) -> None:
    found = arrived(world, approval("large", timeout=MINUTES))
    world.later(5 * MINUTES)
    operations.decide(found.pk, step="large", approved=True, actor="ann", reason="fine")
    sweep()
    world.work()
    assert state_of(found) == "completed"


def test_within_one_sweep_clocks_fire_by_their_time_and_not_by_their_place_in_the_table(world: World) -> None:
    rows = [sleep(minutes * MINUTES, name=f"s{minutes}") for minutes in (3, 1, 2)]
    found = arrived(world, parallel(*rows))
    world.sweep_later(10 * MINUTES)
    fired = [move["step"] for move in moves_of(found) if move.get("did") == "succeeded" and move["step"] != "charge"]
    assert fired == ["s1", "s2", "s3"]


def test_within_one_sweep_the_deadline_comes_last(world: World) -> None:
    late = arrived(world, sleep(5 * MINUTES, name="nap"), deadline=MINUTES)
    world.sweep_later(10 * MINUTES)
    assert (state_of(late), late.going) == ("completed", "forward")


def test_within_one_sweep_a_timeout_counts_before_the_deadline(world: World) -> None:
    found = arrived(world, wait("settled", timeout=5 * MINUTES), deadline=MINUTES)
    world.sweep_later(10 * MINUTES)
    world.work()
    assert (state_of(found), found.cause) == ("compensated", "failed_step")


def test_a_thousand_clocks_that_are_due_at_once_fire_in_one_sweep(world: World) -> None:
    rows = [sleep(MINUTES, name=f"s{number}") for number in range(100)]
    table = saga("many", parallel(*rows))
    world.knows(table)
    found = [world.start(table) for _ in range(10)]
    world.sweep_later(2 * MINUTES)
    assert Saga.objects.filter(pk__in=[one.pk for one in found], state="completed").count() == 10
    assert not Run.objects.filter(work__isnull=False).exists()


def test_more_deadlines_than_a_batch_are_met_in_one_sweep(world: World) -> None:
    table = saga("hasty", wait("settled"), deadline=MINUTES)
    world.knows(table)
    for _ in range(210):
        world.start(table)
    world.sweep_later(2 * MINUTES)
    assert Saga.objects.filter(state="compensated", cause="deadline").count() == 210


def test_a_saga_whose_clock_cannot_be_fired_does_not_stop_the_others(world: World) -> None:
    table = saga("nap", sleep(MINUTES, name="nap"))
    world.knows(table)
    broken, sound = world.start(table), world.start(table)
    Saga.objects.filter(pk=broken.pk).update(position={"row": "?"})
    Run.objects.filter(saga=broken).update(at=clock.now())
    world.sweep_later(2 * MINUTES)
    assert state_of(sound) == "completed"
    assert state_of(broken) == "waiting"
    assert run_of(broken, "nap").at > clock.now()


def pause(found: Saga, **options: Any) -> None:
    operations.pause(found.pk, actor="ann", reason="let me look", **options)


def resume(found: Saga, **options: Any) -> None:
    operations.resume(found.pk, actor="ann", reason="go on", **options)


def test_while_paused_nothing_new_is_claimed_forward(world: World) -> None:
    found = world.start(order(world, step(world.ship, reads_only=True)))
    held = world.attempt(found, "charge")
    pause(found)
    world.answer(held, Succeeded())
    assert run_of(found, "charge").state == "succeeded"
    world.sweep_later(MINUTES)
    world.work()
    assert (run_of(found, "ship").tries, world.called) == (0, [])
    resume(found)
    world.work()
    assert state_of(found) == "completed"


def test_while_paused_nothing_new_is_claimed_on_the_way_back(world: World) -> None:
    world.script("ship", Abort("no"))
    found = world.start(order(world, step(world.ship, reads_only=True)))
    world.record(world.attempt(found, "charge"))
    held = world.attempt(found, "ship")
    pause(found)
    world.answer(held, Refused(error="no"))
    world.sweep_later(MINUTES)
    world.work()
    assert (state_of(found), world.called) == ("compensating", [])
    resume(found)
    world.work()
    assert (state_of(found), world.called) == ("compensated", ["refund"])


def test_while_paused_no_clock_of_patience_fires_and_what_is_lost_is_still_taken_over(world: World) -> None:
    table = order(
        world,
        parallel(wait("settled", timeout=MINUTES), step(world.ship, reads_only=True), sleep(MINUTES, name="nap")),
        deadline=2 * MINUTES,
    )
    found = world.start(table)
    world.record(world.attempt(found, "charge"))
    world.attempt(found, "ship")
    pause(found)
    world.sweep_later(10 * MINUTES)
    assert state_of(found) == "running"
    states = {path: run_of(found, path).work for path in ("settled", "nap", "ship")}
    assert states == {"settled": "waiting", "nap": "waiting", "ship": "due"}
    assert run_of(found, "ship").code == "lease_expired"


def test_what_came_during_a_pause_is_taken_before_any_clock_fires(world: World) -> None:
    rows = parallel(wait("settled", timeout=MINUTES), approval("large", timeout=MINUTES))
    found = arrived(world, rows)
    world.later(2 * MINUTES)
    pause(found)
    assert not operations.signal(found.pk, "settled", "ok", actor="bank").taken
    operations.decide(found.pk, step="large", approved=True, actor="bob", reason="fine")
    world.work()
    assert state_of(found) == "waiting"
    resume(found)
    sweep()
    world.work()
    assert (state_of(found), run_of(found, "settled").result) == ("completed", "ok")
    assert Signal.objects.get().taken_by == run_of(found, "settled")
    assert run_of(found, "large").result["by"] == "bob"


@pytest.mark.parametrize(
    "row",
    [
        wait("row", timeout=60 * MINUTES),
        approval("row", timeout=60 * MINUTES),
        sleep(60 * MINUTES, name="row"),
    ],
    ids=lambda row: row.kind,
)
def test_a_pause_shifts_the_clocks_of_patience_by_its_length(world: World, row: Row) -> None:
    found = arrived(world, row, deadline=90 * MINUTES)
    before, deadline = run_of(found, "row").at, found.deadline_at
    pause(found)
    world.later(30 * MINUTES)
    resume(found)
    found.refresh_from_db()
    shifts = [run_of(found, "row").at - before, found.deadline_at - deadline, found.clock_offset]
    assert all(30 * MINUTES <= shift < 31 * MINUTES for shift in shifts), shifts


def test_a_pause_shifts_only_by_the_part_that_lies_after_a_clock_was_set(world: World) -> None:
    found = world.start(order(world, wait("settled", timeout=60 * MINUTES)))
    held = world.attempt(found, "charge")
    pause(found)
    world.later(20 * MINUTES)
    world.answer(held, Succeeded())
    before = run_of(found, "settled").at
    world.later(10 * MINUTES)
    resume(found)
    assert 10 * MINUTES <= run_of(found, "settled").at - before < 11 * MINUTES


def test_a_deadline_that_was_moved_during_a_pause_is_shifted_only_by_the_rest_of_it(world: World) -> None:
    found = arrived(world, wait("settled"), deadline=60 * MINUTES)
    pause(found)
    world.later(20 * MINUTES)
    to = clock.now() + 60 * MINUTES
    operations.reschedule(found.pk, at=to, actor="ann", reason="more time")
    world.later(10 * MINUTES)
    resume(found)
    found.refresh_from_db()
    assert 10 * MINUTES <= found.deadline_at - to < 11 * MINUTES


def test_a_pause_shifts_the_time_of_a_step_over_all_its_attempts(world: World) -> None:
    patient = Retry(attempts=50, first=MINUTES, longest=MINUTES, factor=1)
    world.script("ship", RetryLater("busy", after=3 * MINUTES))
    found = arrived(world, step(world.ship, compensation=world.unship, retry=patient, total=10 * MINUTES))
    pause(found)
    world.later(60 * MINUTES)
    resume(found)
    world.script("ship", RetryLater("busy", after=3 * MINUTES))
    found = world.run_through(found)
    assert (found.state, world.called) == ("completed", ["charge", "ship", "ship", "ship"])


def test_a_pause_shifts_neither_leases_nor_back_offs_nor_a_sleep_until_a_time(world: World) -> None:
    world.script("ship", RetryLater("busy", after=45 * MINUTES))
    table = order(
        world,
        parallel(
            step(world.ship, reads_only=True, total=timedelta(days=1)),
            step(world.crunch, reads_only=True, timeout=60 * MINUTES),
            sleep(name="night", until=clock.now() + 60 * MINUTES),
        ),
    )
    found = world.start(table)
    world.record(world.attempt(found, "charge"))
    world.attempt(found, "crunch")
    world.deliver(run_of(found, "ship"))
    paths = ("ship", "crunch", "night")
    before = {path: run_of(found, path).at for path in paths}
    pause(found)
    world.later(30 * MINUTES)
    resume(found)
    assert {path: run_of(found, path).at for path in paths} == before


def test_a_lease_is_counted_from_the_claim_whatever_the_workers_clock_says(world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(time, "time", lambda: 0.0)
    found = world.start(order(world))
    before = clock.now()
    world.attempt(found, "charge")
    run = run_of(found, "charge")
    assert before + 30 * SECONDS <= run.at <= clock.now() + 33 * SECONDS


def test_a_saga_that_begins_later_never_begins_early_and_its_deadline_counts_from_then(world: World) -> None:
    at = clock.now() + 60 * MINUTES
    found = world.start(order(world, deadline=MINUTES), start_at=at)
    assert (found.state, found.deadline_at) == ("pending", at + MINUTES)
    sweep_at(world, at - NEARLY)
    world.work()
    assert (state_of(found), world.called) == ("pending", [])
    sweep_at(world, at)
    world.work()
    assert state_of(found) == "completed"


def test_a_deadline_that_passes_before_a_saga_has_begun_ends_it_with_nothing_done(world: World) -> None:
    at = clock.now() + 60 * MINUTES
    found = world.start(order(world, deadline=MINUTES), start_at=at)
    sweep_at(world, at + 2 * MINUTES)
    world.work()
    assert (state_of(found), found.cause, world.called) == ("cancelled", "deadline", [])


def test_two_sweeps_at_once_fire_a_clock_once(world: World) -> None:
    found = arrived(world, wait("settled", timeout=MINUTES, on_timeout="continue"), wait("next"))
    world.sweep_later(2 * MINUTES)
    assert sweep() is False
    world.sweep_later(5 * SECONDS)
    rows = Journal.objects.filter(saga=found)
    timed_out = [move for row in rows for move in row.moves if move.get("did") == "timed_out"]
    assert len(timed_out) == 1
    assert run_of(found, "next").work == Work.WAITING


def test_a_clock_of_a_table_that_is_not_known_here_is_left_alone_and_a_reason_is_seen(world: World) -> None:
    found = arrived(world, wait("settled", timeout=MINUTES, on_timeout="continue"))
    with registry.replaced([saga("other", wait("x"))]):
        world.later(10 * MINUTES)
        now = clock.now()
        Worker.objects.create(
            id=uuid7(), name="w", definitions=[["other", 1, "x"]], queues=["sagas"], beat_at=now, started_at=now
        )
        sweep()
        run = run_of(found, "settled")
        assert (run.state, run.work) == ("waiting", "waiting")
        assert open_incidents(found) == [("settled", "definition_unknown")]
        found.refresh_from_db()
        assert "No living worker knows" in explain(found)
    world.sweep_later(10 * SECONDS)
    assert (state_of(found), open_incidents(found)) == ("completed", [])


def test_a_wait_that_timed_out_hands_on_something_that_is_not_none(world: World) -> None:
    seen: list[Any] = []
    look = step(lambda ctx: seen.append(ctx.results["settled"]), name="look", reads_only=True)
    arrived(world, wait("settled", timeout=MINUTES, on_timeout="continue"), look)
    world.sweep_later(2 * MINUTES)
    world.work()
    assert seen == [TIMED_OUT]
