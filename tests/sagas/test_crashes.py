"""Workers die, fall silent, wake up again; messages come twice or not at all. Nothing is lost, nothing counts twice."""

from contextlib import nullcontext, suppress
from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from gateway.ids import uuid7
from sagas import Abort, Retry, operations, parallel, saga, step
from sagas.engine import delivery
from sagas.engine.sweep import sweep
from sagas.engine.workers import Here, outlive_all
from sagas.errors import TurnedBack, Unknown
from sagas.models import Journal, Run, Saga, Sweep, Work, Worker
from sagas.record import attempts, clock
from sagas.record.attempts import claim, take_back
from sagas.record.late import is_echo
from sagas.words.outcome import Refused, Succeeded
from sagas.words.verdict import POISON
from tests.sagas.world import World, moves_of, open_incidents, run_of

pytestmark = pytest.mark.django_db


def two(world: World, **options):
    return saga(
        "two",
        step(world.lock, compensation=world.release),
        step(world.charge, compensation=world.refund, **options),
    )


def claimed(world: World, found: Saga, path: str = "charge"):
    """Let the saga run up to that step, and claim it without calling it."""
    while True:
        run = Run.objects.get(saga=found, work=Work.DUE)
        if run.path == path:
            return claim(run.pk, run.fence, world.worker)
        delivery.deliver(run.pk, run.fence, world.worker, stopping=lambda: True)


def alive(worker, beat_at, **fields) -> None:
    Worker.objects.create(id=worker, name="w", started_at=beat_at, beat_at=beat_at, **fields)


def long_steady(world: World) -> None:
    Sweep.objects.all().delete()
    now = clock.now()
    Sweep.objects.create(pk=1, at=now - timedelta(seconds=3), steady_since=now - timedelta(hours=1))


def test_a_run_is_claimed_once(world):
    found = world.start(two(world))
    run = run_of(found, "lock")
    assert claim(run.pk, run.fence, world.worker) is not None
    rev = Saga.objects.get(pk=found.pk).rev
    assert claim(run.pk, run.fence, uuid7()) is None
    assert claim(run.pk, run.fence + 1, uuid7()) is None
    assert Saga.objects.get(pk=found.pk).rev == rev


def test_the_intent_to_compensate_is_written_before_anything_is_done(world):
    found = world.start(two(world))
    claimed(world, found)
    run = run_of(found, "charge")
    assert (run.undo, run.happened, run.seq) == ("owed", "maybe", 2)


def test_a_dead_workers_step_is_taken_over_under_the_same_key(world):
    found = world.start(two(world, timeout=timedelta(hours=1)))
    held = claimed(world, found)
    alive(world.worker, clock.now() - timedelta(seconds=11))
    long_steady(world)
    assert sweep()
    run = run_of(found, "charge")
    assert (run.work, run.happened, run.crashes) == ("due", "maybe", 1)
    assert run.at <= clock.now()
    found = world.run_through(found)
    assert found.state == "completed"
    assert world.calls[-1] == ("charge", held.run.key)


def test_nobody_is_judged_right_after_a_gap_in_the_sweeps_marks(world):
    found = world.start(two(world, timeout=timedelta(hours=1)))
    claimed(world, found)
    alive(world.worker, clock.now() - timedelta(minutes=5))
    long_steady(world)
    Sweep.objects.update(at=clock.now() - timedelta(minutes=5))
    assert sweep()
    assert run_of(found, "charge").work == "running"
    for _ in range(6):
        world.later(timedelta(seconds=2, milliseconds=1))
        assert sweep()
    assert run_of(found, "charge").work == "due"


def test_a_mark_of_the_future_does_not_stop_the_sweeps_when_the_databases_clock_was_set_back(world):
    found = world.start(two(world, timeout=timedelta(hours=1)))
    claimed(world, found)
    alive(world.worker, clock.now() - timedelta(minutes=5))
    ahead = clock.now() + timedelta(hours=1)
    Sweep.objects.update_or_create(pk=1, defaults={"at": ahead, "steady_since": ahead})
    assert sweep()
    assert not sweep()
    assert run_of(found, "charge").work == "running"
    for _ in range(6):
        world.later(timedelta(seconds=2, milliseconds=1))
        assert sweep()
    assert run_of(found, "charge").work == "due"


def test_two_sweeps_at_once_take_back_once(world):
    found = world.start(two(world))
    held = claimed(world, found)
    run = run_of(found, "charge")
    assert take_back(run.pk, run.fence, "gone", died=True)
    assert not take_back(run.pk, run.fence, "gone", died=True)
    assert run_of(found, "charge").fence == held.run.fence + 1


def test_a_lease_that_is_not_over_is_left_alone(world):
    found = world.start(two(world))
    claimed(world, found)
    run = run_of(found, "charge")
    assert take_back(run.pk, run.fence, "slow", died=False) == ()
    world.later(timedelta(seconds=33))
    assert take_back(run.pk, run.fence, "slow", died=False)


def test_a_step_that_kills_its_process_is_tried_three_times_and_then_needs_a_person(world):
    found = world.start(two(world))
    claimed(world, found)
    for _ in range(POISON):
        run = run_of(found, "charge")
        if run.work == Work.DUE:
            claim(run.pk, run.fence, world.worker)
            run.refresh_from_db()
        take_back(run.pk, run.fence, "gone", died=True)
    found.refresh_from_db()
    assert (found.state, open_incidents(found)) == ("stuck", [("charge", "crashed")])
    operations.retry(found.pk, actor="ann", reason="fixed")
    assert world.run_through(found).state == "completed"
    assert open_incidents(found) == []


def test_a_word_from_the_step_sets_the_crash_count_back(world):
    world.script("charge", Unknown("lost"))
    found = world.start(two(world))
    claimed(world, found)
    run = run_of(found, "charge")
    take_back(run.pk, run.fence, "gone", died=True)
    world.work()
    assert run_of(found, "charge").crashes == 0


def test_a_zombies_late_success_is_known_but_never_applied_forward(world):
    found = world.start(two(world))
    zombie = claimed(world, found)
    take_back(zombie.run.pk, zombie.run.fence, "silent", died=True)
    recorded = attempts.record(zombie, Succeeded(result={"late": 1}), world.worker, go_on=True)
    assert (recorded.late, recorded.next) == (True, None)
    run = run_of(found, "charge")
    assert (run.state, run.work, run.happened, run.result) == ("due", "due", "yes", None)
    assert run.late["result"] == {"late": 1}
    world.script("charge", Abort("declined"))
    found = world.run_through(found)
    assert (found.state, world.called[-2:]) == ("compensated", ["refund", "release"])


def turned_back_with_a_zombie(world: World, **options):
    found = world.start(two(world, **options))
    zombie = claimed(world, found)
    operations.cancel(found.pk, actor="ann", reason="no")
    world.later(timedelta(seconds=61))
    sweep()
    return Saga.objects.get(pk=found.pk), zombie


def test_draining_ends_and_what_has_not_answered_is_compensated(world):
    found, _ = turned_back_with_a_zombie(world)
    assert run_of(found, "charge").happened == "maybe"
    found = world.run_through(found)
    assert (found.state, world.called) == ("cancelled", ["lock", "refund", "release"])


def test_a_late_success_before_its_compensation_began_gives_it_the_result(world):
    found, zombie = turned_back_with_a_zombie(world)
    attempts.record(zombie, Succeeded(result={"id": 9}), world.worker, go_on=True)
    world.run_through(found)
    assert world.contexts[1].action.result == {"id": 9}
    assert [key for name, key in world.calls if name == "refund"] == [f"{found.pk}:charge:0:1:undo"]


def test_a_late_success_after_its_compensation_is_undone_once_more_under_a_new_key(world):
    world.script("release", *[ConnectionError("down")] * 3)
    found, zombie = turned_back_with_a_zombie(world)
    world.work(found)
    assert run_of(found, "charge").undo == "done"
    bells = attempts.record(zombie, Succeeded(result={"id": 9}), world.worker, go_on=True).bells
    assert [bell.run for bell in bells] == [zombie.run.pk]
    found = world.run_through(found)
    keys = [key for name, key in world.calls if name == "refund"]
    assert keys == [f"{found.pk}:charge:0:1:undo", f"{found.pk}:charge:0:1:undo:2"]
    assert found.state == "cancelled"


def test_a_late_success_during_its_compensation_is_undone_once_more_however_that_ends(world):
    found, zombie = turned_back_with_a_zombie(world)
    run = run_of(found, "charge")
    undoing = claim(run.pk, run.fence, world.worker)
    attempts.record(zombie, Succeeded(result={"id": 9}), uuid7(), go_on=False)
    attempts.record(undoing, Succeeded(), world.worker, go_on=False)
    world.run_through(found)
    assert [key for name, key in world.calls if name == "refund"] == [f"{found.pk}:charge:0:1:undo:2"]


def test_a_late_success_on_an_ended_saga_needs_a_person(world):
    found, zombie = turned_back_with_a_zombie(world)
    found = world.run_through(found)
    attempts.record(zombie, Succeeded(result={"id": 9}), world.worker, go_on=False)
    found.refresh_from_db()
    assert (found.state, found.open_incidents) == ("cancelled", 1)
    assert open_incidents(found) == [("charge", "late_success")]


def test_a_late_failure_is_a_note(world):
    found, zombie = turned_back_with_a_zombie(world)
    attempts.record(zombie, Refused(error="no"), world.worker, go_on=False)
    assert run_of(found, "charge").happened == "maybe"
    assert [move["outcome"] for move in moves_of(found) if move.get("did") == "late"] == ["refused"]


def test_a_turned_back_function_hears_of_it(world):
    found = world.start(two(world))
    held = claimed(world, found)
    operations.cancel(found.pk, actor="ann", reason="no")
    with pytest.raises(TurnedBack):
        delivery.context_of(held).heartbeat()


def test_an_answer_lost_with_the_connection_is_found_again_not_refused_as_late(world):
    found = world.start(two(world))
    held = claimed(world, found, "lock")
    first = attempts.record(held, Succeeded(result=1), world.worker, go_on=True)
    again = attempts.record(held, Succeeded(result=1), world.worker, go_on=True, repeated=True)
    assert (again.late, again.next.run.pk, again.next.run.fence) == (False, first.next.run.pk, first.next.run.fence)
    assert is_echo(held.run, uuid7()) is None
    assert "late" not in [move.get("did") for move in moves_of(found)]


def test_a_claim_whose_answer_was_lost_is_found_by_its_token_and_by_no_other(world):
    found = world.start(two(world))
    run = run_of(found, "lock")
    claim(run.pk, run.fence, world.worker, "mine")
    assert attempts.claimed_before(run.pk, run.fence, world.worker, "mine").run.pk == run.pk
    assert attempts.claimed_before(run.pk, run.fence, world.worker, "another's") is None


def test_the_database_going_away_for_a_moment_costs_an_attempt_nothing(world, monkeypatch):
    found = world.start(two(world))
    real, failures = attempts.record, [OperationalError("gone"), OperationalError("gone")]

    def shaky(*arguments, **options):
        done = real(*arguments, **options)
        if failures:
            raise failures.pop()
        return done

    monkeypatch.setattr(attempts, "record", shaky)
    monkeypatch.setattr(delivery.time, "sleep", lambda seconds: None)
    found = world.run_through(found)
    assert (found.state, world.called) == ("completed", ["lock", "charge"])


def test_lost_messages_are_rung_again_and_only_those(world):
    found = world.start(two(world))
    rung = run_of(found, "lock").rung_at
    long_steady(world)
    sweep()
    assert run_of(found, "lock").rung_at == rung
    world.later(timedelta(seconds=11))
    sweep()
    assert run_of(found, "lock").rung_at > rung


def test_a_table_that_no_living_worker_knows_needs_a_person_until_one_does(world):
    found = world.start(two(world))
    alive(uuid7(), clock.now() + timedelta(seconds=70), definitions=[["other", 1, "x"]])
    world.later(timedelta(seconds=75))
    long_steady(world)
    sweep()
    assert open_incidents(found) == [("lock", "definition_unknown")]
    found = world.run_through(found)
    assert (found.state, open_incidents(found)) == ("completed", [])


def test_a_table_that_is_known_again_while_its_saga_is_paused_still_counts_its_incident(world):
    found = world.start(two(world))
    alive(uuid7(), clock.now() + timedelta(seconds=70), definitions=[["other", 1, "x"]])
    world.later(timedelta(seconds=75))
    long_steady(world)
    sweep()
    operations.pause(found.pk, actor="ann", reason="wait for the deployment")
    run = run_of(found, "lock")
    assert claim(run.pk, run.fence, world.worker) is None
    found.refresh_from_db()
    assert found.open_incidents == len(open_incidents(found)) == 1
    operations.resume(found.pk, actor="ann", reason="deployed")
    found = world.run_through(found)
    assert (found.state, found.open_incidents, open_incidents(found)) == ("completed", 0, [])


def test_a_worker_looks_at_the_door_when_a_step_is_left_lying(world):
    found = world.start(two(world))
    worker = Here(queues=["sagas"])
    run = run_of(found, "lock")
    assert worker.left_lying(5) == []
    world.later(timedelta(seconds=6))
    assert worker.left_lying(5) == [(run.pk, run.fence)]
    assert Here(queues=["another"]).left_lying(5) == []


def test_a_worker_that_was_declared_gone_begins_anew(world):
    worker = Here(queues=["sagas"], concurrency=3)
    worker.beat()
    before = worker.id
    worker.beat()
    assert worker.id == before
    Worker.objects.update(gone_at=clock.now())
    worker.beat()
    assert worker.id != before
    assert Worker.objects.get(pk=worker.id).gone_at is None


def test_a_message_to_itself_that_came_back_is_told_with_the_heartbeat(world):
    worker = Here(queues=["sagas"])
    worker.beat()
    worker.beat()
    assert Worker.objects.get(pk=worker.id).probed_at is None
    worker.sang()
    worker.beat()
    assert Worker.objects.get(pk=worker.id).probed_at is not None


def test_nothing_is_claimed_in_a_paused_saga(world):
    found = world.start(two(world))
    Saga.objects.update(paused_at=clock.now())
    run = run_of(found, "lock")
    assert claim(run.pk, run.fence, world.worker) is None


def test_the_liveness_query_finds_exactly_what_nothing_will_move(world):
    found = world.start(two(world))
    other = world.start(two(world))
    now = clock.now()
    assert list(Saga.objects.dead(now)) == []
    Run.objects.filter(saga=other).delete()
    assert list(Saga.objects.dead(now)) == [other]
    world.later(timedelta(minutes=2))
    assert set(Saga.objects.dead(clock.now())) == {found, other}


def test_what_stands_in_a_long_line_is_not_dead(world):
    found = world.start(two(world))
    world.later(timedelta(seconds=70))
    run = run_of(found, "lock")
    assert list(Saga.objects.dead(clock.now())) == [found]
    others = [
        Run(saga_id=found.pk, path="lock", item=n, work=Work.DUE, at=run.at, rung_at=run.rung_at)
        for n in range(1, 2_000)
    ]
    Run.objects.bulk_create(others)
    assert list(Saga.objects.dead(clock.now())) == []
    world.later(timedelta(seconds=30))
    assert list(Saga.objects.dead(clock.now())) == [found]


def test_who_stands_in_line_is_not_looked_at_one_by_one(world, django_assert_num_queries):
    """Kills: the names of all that wait in a backlog, read at each look and told to the database again."""
    for _ in range(3):
        world.start(two(world))
    world.later(timedelta(seconds=30))
    now = clock.now()
    with django_assert_num_queries(3):  # how many are due, who is idle, who is late and not in line: nobody is left
        assert list(Saga.objects.dead(now)) == []


def test_one_poisoned_saga_does_not_stop_the_sweep_for_the_others(world, monkeypatch):
    first, second = world.start(two(world)), world.start(two(world))
    for found in (first, second):
        run = run_of(found, "lock")
        claim(run.pk, run.fence, world.worker)
    world.later(timedelta(seconds=40))
    real = Saga.objects.get(pk=first.pk)
    Saga.objects.filter(pk=first.pk).update(position={"broken": True})
    long_steady(world)
    sweep()
    assert real.state == "running"
    assert run_of(second, "lock").fence > run_of(first, "lock").fence
    assert run_of(first, "lock").at > clock.now()


@pytest.mark.parametrize("sqlstate", [None, "08006", "57P01", "25P03", "55P03", "40P01"])
def test_a_database_that_is_away_or_busy_for_a_moment_puts_no_clock_off(world, sqlstate):
    found = world.start(two(world))
    run = run_of(found, "lock")
    claim(run.pk, run.fence, world.worker)
    world.later(timedelta(seconds=40))
    over = run_of(found, "lock").at

    def trouble(execute, sql, params, many, context):
        if ' AS "clock"' in sql:  # the saga is being locked
            cause = Exception()
            cause.sqlstate = sqlstate
            raise OperationalError("not now") from cause
        return execute(sql, params, many, context)

    long_steady(world)
    with connection.execute_wrapper(trouble), suppress(OperationalError):
        sweep()
    assert run_of(found, "lock").at == over
    long_steady(world)
    sweep()
    assert run_of(found, "lock").work == Work.DUE


@pytest.mark.parametrize(("sqlstate", "level"), [("57P01", None), ("55P03", "WARNING"), ("22000", "ERROR")])
def test_a_deadline_of_a_saga_that_is_busy_or_away_is_no_fault_of_the_saga(world, caplog, sqlstate, level):
    world.start(saga("hasty", step(world.lock, compensation=world.release), deadline=timedelta(seconds=1)))
    world.later(timedelta(seconds=2))

    def trouble(execute, sql, params, many, context):
        if ' AS "clock"' in sql:
            cause = Exception()
            cause.sqlstate = sqlstate
            raise OperationalError("not now") from cause
        return execute(sql, params, many, context)

    with connection.execute_wrapper(trouble), nullcontext() if level else pytest.raises(OperationalError):
        sweep()
    told = [record.levelname for record in caplog.records if record.name == "sagas.engine.sweep"]
    assert told == ([level] if level else [])


def test_members_recorded_at_once_join_exactly_once(world):
    table = saga(
        "side",
        parallel(*(step(world.function(f"m{n}"), compensation=world.undo) for n in range(4))),
        step(world.last, compensation=world.undo_last),
    )
    found = world.start(table)
    held = [claim(run.pk, run.fence, uuid7()) for run in Run.objects.filter(saga=found)]
    for one in held:
        attempts.record(one, Succeeded(result=None), uuid7(), go_on=False)
    assert Run.objects.filter(saga=found, path="last").count() == 1
    assert Journal.objects.filter(saga=found).count() == 1 + 4 + 4


def test_a_killed_step_with_no_tries_left_is_undone(world):
    found = world.start(two(world, retry=Retry(attempts=1)))
    held = claimed(world, found)
    take_back(held.run.pk, held.run.fence, "gone", died=True)
    assert world.run_through(found).state == "compensated"
    assert "refund" in world.called


def test_a_process_that_is_the_only_one_takes_over_at_once(world):
    found = world.start(two(world, timeout=timedelta(hours=1)))
    claimed(world, found)
    alive(world.worker, clock.now())
    outlive_all()
    sweep()
    assert run_of(found, "charge").work == "due"


def lost(world: World, found: Saga):
    """A claimed charge whose worker was taken for dead."""
    held = claimed(world, found)
    take_back(held.run.pk, held.run.fence, "silent", died=True)
    return held


def test_a_retry_after_a_final_probe_said_no_begins_a_new_generation(world):
    world.script("charge", Unknown("lost"))
    world.script("find", Abort("not landed"))
    once = {"retry": Retry(attempts=1), "probe": world.find, "probe_is_final": True, "on_exhausted": "suspend"}
    found = world.run_through(world.start(two(world, **once)))
    assert (run_of(found, "charge").happened, found.state) == ("no", "stuck")
    operations.retry(found.pk, actor="ann", reason="again")
    assert run_of(found, "charge").generation == 2


def test_a_late_success_after_an_operators_retry_is_undone_under_a_new_key(world):
    found = world.start(two(world))
    zombie = claimed(world, found)
    operations.cancel(found.pk, actor="ann", reason="no")
    take_back(zombie.run.pk, zombie.run.fence, "silent", died=True)
    world.script("refund", Abort("nothing to refund"))
    world.work(found)
    operations.retry(found.pk, actor="ann", reason="again")
    attempts.record(zombie, Succeeded(result=1), world.worker, go_on=False)
    world.run_through(found)
    keys = [key for name, key in world.calls if name == "refund"]
    assert keys == [f"{found.pk}:charge:0:1:undo", f"{found.pk}:charge:0:1:undo:2"]


def test_a_saga_is_not_stuck_while_something_of_it_still_runs(world):
    left = step(world.left, compensation=world.unleft)
    right = step(world.right, compensation=world.unright)
    found = world.start(saga("side", parallel(left, right)))
    held = [claim(run.pk, run.fence, world.worker) for run in Run.objects.filter(saga=found).order_by("id")]
    world.script("unright", Abort("cannot"))
    attempts.record(held[1], Refused(error="half of it", partly=True), world.worker, go_on=False)
    world.work(found)
    found.refresh_from_db()
    assert (run_of(found, "right").undo, found.state) == ("stuck", "compensating")
    attempts.record(held[0], Succeeded(), world.worker, go_on=False)
    found.refresh_from_db()
    assert found.state == "stuck"


def test_a_late_success_is_not_forgotten_for_a_later_word(world):
    found = world.start(two(world))
    first, second = lost(world, found), lost(world, found)
    attempts.record(first, Succeeded(result={"id": 7}), world.worker, go_on=False)
    attempts.record(second, Refused(error="no"), world.worker, go_on=False)
    operations.cancel(found.pk, actor="ann", reason="no")
    world.run_through(found)
    assert world.contexts[1].action.result == {"id": 7}
