"""Who looks into the database takes the higher priority first, and the definitions in turn."""

from datetime import timedelta

import pytest

from gateway.doorbell import Rank
from sagas import saga, step
from sagas.engine import door, sweep
from sagas.engine.dispatch import silenced
from sagas.engine.door import Lying, waiting
from sagas.engine.lanes import rank_of
from sagas.engine.turns import in_turn
from sagas.engine.workers import Here
from sagas.models import Run, Saga, Work
from sagas.record import attempts, clock
from sagas.words.definition import Definition
from tests.sagas.world import World, run_of

pytestmark = pytest.mark.django_db

AT_ONCE = timedelta(0)


def one_step(world: World, name: str) -> Definition:
    return saga(name, step(world.function(name), name="act", reads_only=True))


@pytest.fixture
def crowd(world: World) -> World:
    """Six sagas of one definition, and after them one each of two others."""
    tables = {name: one_step(world, name) for name in ("crowd", "other", "third")}
    world.knows(*tables.values())
    for name in ["crowd"] * 6 + ["other", "third"]:
        world.start(tables[name])
    return world


def names(found: list[tuple[int, int]]) -> list[str]:
    by_run = dict(Run.objects.values_list("pk", "saga__definition"))
    return [by_run[pk] for pk, _ in found]


def test_definitions_come_in_turn(crowd):
    order = in_turn(Run.objects.due(clock.now()), 8).values_list("saga__definition", flat=True)
    assert list(order) == ["crowd", "other", "third", *["crowd"] * 5]


def test_the_look_at_the_door_hides_nobody_behind_a_crowd(crowd):
    """Kills: taking whatever has been due for longest."""
    crowd.later(timedelta(seconds=6))
    assert names(Here(queues=["sagas"]).left_lying(3)) == ["crowd", "other", "third"]


def test_a_high_priority_is_found_first_and_a_low_one_last(crowd):
    third, other = Saga.objects.get(definition="third"), Saga.objects.get(definition="other")
    Run.objects.filter(saga=third).update(priority=3)
    Run.objects.filter(saga=other).update(priority=-3)
    assert names(waiting(["sagas"], AT_ONCE, 8)) == ["third", *["crowd"] * 6, "other"]
    assert names(waiting(["sagas"], AT_ONCE, 8, before=Rank.LAST)) == ["third", *["crowd"] * 6]
    assert names(waiting(["sagas"], AT_ONCE, 8, before=Rank.NORMAL)) == ["third"]
    assert waiting(["sagas"], AT_ONCE, 8, before=Rank.FIRST) == []


def test_what_came_later_and_is_more_urgent_is_found_when_anything_was_left_lying(crowd):
    crowd.later(timedelta(seconds=6))
    urgent = Saga.objects.get(definition="third")
    Run.objects.filter(saga=urgent).update(priority=1, at=clock.now())
    assert names(Here(queues=["sagas"]).left_lying(8))[0] == "third"


def test_a_lost_bell_is_rung_again_in_the_same_sweep_whatever_else_is_lost(crowd, monkeypatch):
    """Kills: ringing again for whatever has been due for longest."""
    monkeypatch.setattr(sweep, "RINGS", 3)
    with silenced():
        crowd.sweep_later(timedelta(seconds=11))
    rung = Run.objects.filter(rung_at__gt=clock.now() - timedelta(seconds=5))
    assert sorted(rung.values_list("saga__definition", flat=True)) == ["crowd", "other", "third"]


def test_what_was_found_is_handed_out_once_and_looked_for_again_when_it_is_gone():
    looks = [[(1, 1), (2, 1)], [(3, 1)], []]
    lying = Lying(lambda: looks.pop(0))
    assert [lying.next() for _ in range(4)] == [(1, 1), (2, 1), (3, 1), None]


def test_what_was_found_long_ago_is_looked_for_again(monkeypatch):
    monkeypatch.setattr(door, "FRESH", -1)
    monkeypatch.setattr(door, "DEAR", 0)
    looks = [[(1, 1), (2, 1)], [(3, 1)]]
    lying = Lying(lambda: looks.pop(0))
    assert [lying.next() for _ in range(2)] == [(1, 1), (3, 1)]


def test_what_was_taken_back_goes_before_all_that_waits_and_what_follows_it_does_not(crowd):
    """Kills: letting what a dead worker held wait at the end of the line, where it waits twice."""
    two = saga("two", step(crowd.first, reads_only=True), step(crowd.second, reads_only=True))
    crowd.knows(*(one_step(crowd, name) for name in ("crowd", "other", "third")), two)
    found = crowd.start(two)
    held = crowd.claim(run_of(found, "first"))
    crowd.later(timedelta(seconds=6))
    [bell] = attempts.take_back(held.run.pk, held.run.fence, "The worker that ran it is gone.", died=True)
    assert rank_of(bell.priority) is Rank.FIRST
    assert waiting(["sagas"], AT_ONCE, 9)[0] == (bell.run, bell.fence)
    assert waiting(["sagas"], AT_ONCE, 9, before=Rank.NORMAL) == [(bell.run, bell.fence)]

    crowd.record(crowd.claim(run_of(found, "first")))
    assert Run.objects.get(saga=found, work=Work.DUE).path == "second"
    assert names(waiting(["sagas"], AT_ONCE, 9))[0] == "crowd"
    assert set(Run.objects.filter(saga=found).values_list("priority", flat=True)) == {0}


def test_of_a_saga_that_comes_last_what_was_taken_back_comes_first_and_what_was_urgent_stays_so(crowd):
    for priority, then in ((-5, 1), (7, 7)):
        found = crowd.start(one_step(crowd, "crowd"), priority=priority)
        held = crowd.claim(run_of(found, "act"))
        [bell] = attempts.take_back(held.run.pk, held.run.fence, "The worker that ran it is gone.", died=True)
        assert bell.priority == then
        assert crowd.claim(run_of(found, "act")).run.priority == priority


def test_a_worker_whose_slots_are_never_idle_looks_at_the_door_in_passing(crowd):
    """Kills: looking with idle slots only, so that a lost message waits for as long as there are others."""
    worker = Here(queues=["sagas"])
    lost, other, third = (Saga.objects.filter(definition=name).first() for name in ("crowd", "other", "third"))
    Run.objects.exclude(saga__in=[lost, other, third]).delete()
    Run.objects.filter(saga__in=[other, third]).update(at=clock.now() + timedelta(seconds=6))
    crowd.script("other", lambda ctx: worker.look_at_the_door())  # the only slot is taken
    crowd.later(timedelta(seconds=6))
    for told in (other, third):
        run = run_of(told, "act")
        worker.deliver(run.pk, run.fence)
    assert crowd.called == ["other", "crowd", "third"]
