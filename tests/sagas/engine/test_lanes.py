"""Each definition has a lane of its own in each queue, and each message its rank."""

from datetime import timedelta

import pytest
from celery import current_app
from kombu import Connection
from kombu.message import Message

from gateway import doorbell
from gateway.doorbell import Rank
from sagas import saga, step
from sagas.engine.lanes import SEPARATOR, declaration, lane, lanes, rank_of
from sagas.words import registry
from sagas.words.faults import faults_of
from tests.sagas.world import World, run_of


def test_a_lane_is_named_after_its_queue_and_its_definition():
    assert lane("payments", "order") == "payments:order"
    assert lane("payments", "") == "payments"


def test_a_worker_takes_from_the_lanes_of_its_queues_and_no_others(world: World):
    order = saga("order", step(world.lock, reads_only=True), step(world.pay, reads_only=True, queue="payments"))
    refund = saga("refund", step(world.pay, reads_only=True, queue="payments"), version=7)
    with registry.replaced([order, refund]):
        assert lanes(["payments"]) == ["payments:order", "payments:refund"]
        assert lanes(["sagas", "hooks"]) == ["sagas:order"]


def test_no_lane_has_the_name_of_another_or_of_a_queue(world: World):
    strange = saga(f"or{SEPARATOR}der", step(world.lock, reads_only=True, queue=f"sagas{SEPARATOR}order"))
    assert len(faults_of(strange)) == 2


@pytest.mark.parametrize(("priority", "rank"), [(100, 0), (1, 0), (0, 1), (-1, 2), (-100, 2)])
def test_a_priority_counts_by_its_sign(priority: int, rank: int):
    assert rank_of(priority) == rank


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("priority", "rank"), [(0, Rank.NORMAL), (5, Rank.FIRST), (-5, Rank.LAST)])
def test_a_saga_is_rung_for_in_its_lane_and_keeps_its_rank_from_step_to_step(world: World, priority: int, rank: Rank):
    name = f"ranked_{rank}"
    table = saga(name, step(world.lock, reads_only=True), step(world.pay, reads_only=True))
    found = world.start(table, priority=priority)
    lock = run_of(found, "lock")
    world.deliver_one(lock)
    pay = run_of(found, "pay")
    assert doorbell.flush(timedelta(seconds=20))
    messages = taken_from(f"sagas:{name}")
    assert [message.payload[0] for message in messages] == [[lock.pk, lock.fence], [pay.pk, pay.fence]]
    assert [message.properties["priority"] for message in messages] == [rank, rank]


def taken_from(queue: str) -> list[Message]:
    with Connection(current_app.conf.broker_url) as connection, connection.channel() as channel:
        bound = declaration(queue)(channel)
        return list(iter(lambda: bound.get(no_ack=True), None))
