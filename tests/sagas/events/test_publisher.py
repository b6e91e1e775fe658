"""What stands in the outbox leaves in order, at least once, and nothing is held up by what is not its own trouble."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import override_settings

from sagas.conf import conf
from sagas.events import lanes, publisher
from sagas.events.targets.target import NotTaken, Sent, Unwanted
from sagas.models import EventLane, OutboxEvent
from sagas.record import clock
from tests.sagas.events.post import Post

pytestmark = pytest.mark.django_db
State = OutboxEvent.State
A, B = uuid4(), uuid4()


@pytest.fixture
def patient(monkeypatch):
    """Pauses that are not over by themselves, however slow the machine is."""
    monkeypatch.setattr(publisher, "FIRST_PAUSE", timedelta(minutes=30))
    for name in ("FIRST_PAUSE", "LONGEST_PAUSE"):
        monkeypatch.setattr(lanes, name, timedelta(minutes=30))


LATER = timedelta(minutes=31)


def stored(saga, *types, target="bus"):
    """Events of a saga, in that order."""
    return [
        OutboxEvent.objects.create(
            saga=saga,
            rev=number,
            number=0,
            target=target,
            tenant="default",
            type=kind,
            document={"id": f"{saga}.{number}.0", "sagadefinition": "order"},
            at=clock.now(),
        )
        for number, kind in enumerate(types)
    ]


def states(saga):
    return [str(state) for state in OutboxEvent.objects.of_saga(saga).values_list("state", flat=True)]


def test_all_of_a_saga_is_sent_in_order_and_noted():
    stored(A, "one", "two")
    stored(B, "one")
    stored(A, "three")
    post = Post()
    assert post.deliver() == 4
    assert (post.of(A), post.of(B)) == (["one", "two", "three"], ["one"])
    assert set(OutboxEvent.objects.values_list("state", flat=True)) == {"sent"}
    assert post.deliver() == 0


def test_two_events_of_a_saga_are_never_on_their_way_at_once():
    stored(A, "one", "two")
    sizes = []

    class Watching(Post):
        def send(self, events):
            sizes.append(len({event.saga for event in events}) == len(events))
            return super().send(events)

    Watching().deliver()
    assert sizes == [True, True]


def test_what_is_not_taken_is_sent_again_later_and_what_is_behind_it_waits(patient):
    stored(A, "one", "two", "three")
    stored(B, "one")
    refused = [NotTaken(reason="busy")]
    post = Post(lambda event: refused.pop() if event.saga == A and refused else Sent())
    post.deliver()
    assert (post.of(A), post.of(B)) == ([], ["one"])
    post.deliver()
    assert states(A) == ["retrying", "held", "held"]
    with clock.ahead(LATER):
        while post.deliver():
            pass
        assert post.of(A) == ["one", "two", "three"]


def test_what_comes_later_waits_as_well(patient):
    stored(A, "one")
    refused = [NotTaken(reason="busy")]
    post = Post(lambda event: refused.pop() if refused else Sent())
    post.deliver()
    stored(A, "two")
    post.deliver()
    assert (post.of(A), states(A)) == ([], ["retrying", "held"])


def test_pauses_grow_up_to_an_hour_and_respect_what_the_target_asks_for():
    pauses = [publisher._pause(tries, None) for tries in range(1, 20)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=2), timedelta(hours=1))
    assert publisher._pause(1, timedelta(minutes=1)) == timedelta(minutes=1)
    assert publisher._pause(1, timedelta(days=1)) == timedelta(hours=1)


def test_what_nobody_wants_is_parked_and_the_others_of_its_saga_go_on():
    stored(A, "one", "two")
    post = Post(lambda event: Unwanted(reason="no queue") if event.type == "one" else Sent())
    while post.deliver():
        pass
    assert states(A) == ["parked", "sent"]
    assert OutboxEvent.objects.parked().get().error == "no queue"


def test_what_is_never_taken_is_parked_after_the_last_try_and_frees_what_waits_behind_it():
    stored(A, "one", "two")
    post = Post(lambda event: NotTaken(reason="500", log={"status": 500}) if event.type == "one" else Sent())
    for hours in range(8):
        with clock.ahead(timedelta(hours=2 * hours)):
            while post.deliver():
                pass
    assert states(A) == ["parked", "sent"]
    first = OutboxEvent.objects.of_saga(A)[0]
    assert (first.tries, [entry["status"] for entry in first.log]) == (3, [500, 500, 500])


def test_a_target_that_is_away_costs_delay_only(patient):
    stored(A, "one")
    post = Post(away=True)
    assert post.deliver() == 0
    lane = EventLane.objects.get(pk="bus")
    assert (lane.failures, lane.error) == (1, "nobody answers")
    assert (states(A), OutboxEvent.objects.get().tries) == (["waiting"], 0)
    post.away = False
    assert post.deliver() == 0  # it is left alone for a while
    with clock.ahead(LATER):
        assert post.deliver() == 1
        assert EventLane.objects.get(pk="bus").failing_since is None


def test_one_target_does_not_hold_up_another():
    stored(A, "one")
    stored(A, "one", target="audit")
    away, well = Post(away=True), Post()
    away.deliver("bus")
    assert well.deliver("audit") == 1


def test_only_one_process_sends_to_a_target_until_it_dies():
    stored(A, "one", "two")
    first, second = Post(), Post()
    with override_settings(SAGAS={"EVENT_LEASE": timedelta(hours=1)}):
        assert lanes.hold("bus", first.me)
        assert second.deliver() == 0
        with clock.ahead(conf().event_lease + timedelta(seconds=1)):
            assert second.deliver() == 2
            assert first.deliver() == 0  # it wakes up, and the lane is not its own any more


def test_a_process_that_stops_in_good_order_is_followed_at_once():
    stored(A, "one")
    first, second = Post(), Post()
    assert lanes.hold("bus", first.me)
    lanes.let_go("bus", first.me)
    assert second.deliver() == 1


def test_a_process_that_was_frozen_cannot_change_what_another_has_noted():
    [event] = stored(A, "one")
    slow, other = Post(), Post()

    def meanwhile(_):
        with clock.ahead(conf().event_lease + timedelta(seconds=1)):
            other.deliver()
        return NotTaken(reason="too slow")

    slow.says = meanwhile
    slow.deliver()
    event.refresh_from_db()
    assert (event.state, other.of(A)) == ("sent", ["one"])


def test_what_was_set_aside_in_vain_is_found_again():
    stored(A, "one")
    OutboxEvent.objects.update(state=State.HELD)
    post = Post()
    assert post.deliver() == 0
    publisher.mend("bus")
    assert post.deliver() == 1


def test_what_was_sent_is_forgotten_after_a_while_and_nothing_else():
    stored(A, "one")
    post = Post()
    post.deliver()
    stored(A, "two")
    stored(B, "one")
    OutboxEvent.objects.filter(saga=B).update(state=State.PARKED)
    assert publisher.forget(clock.now() - timedelta(days=3)) == 0
    assert publisher.forget(clock.now() + timedelta(seconds=1)) == 1
    assert sorted(OutboxEvent.objects.values_list("type", "state")) == [("one", "parked"), ("two", "waiting")]


def test_more_than_fits_into_one_round_is_sent_by_the_next():
    stored(A, *(f"n{n}" for n in range(7)))
    post = Post()
    before, publisher.BATCH = publisher.BATCH, 3
    try:
        assert [post.deliver() for _ in range(4)] == [3, 3, 1, 0]
    finally:
        publisher.BATCH = before
    assert post.of(A) == [f"n{n}" for n in range(7)]
