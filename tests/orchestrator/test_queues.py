from kombu import Connection

from orchestrator import queues


def test_a_message_for_one_queue_reaches_no_other():
    sagas, notifications = queues.declared(["a saga queue", "a notification queue"])
    with Connection("memory://localhost") as connection, connection.channel() as channel:
        bound = [queue(channel) for queue in (sagas, notifications)]
        for queue in bound:
            queue.declare()
        with connection.Producer(channel) as producer:
            producer.publish("due", exchange=notifications.exchange, routing_key=notifications.routing_key)
        assert [queue.get() is not None for queue in bound] == [False, True]


def test_a_queue_named_twice_is_declared_once():
    assert [queue.name for queue in queues.declared(["payments", "sagas", "payments"])] == ["payments", "sagas"]


def test_memory_serves_its_queues_in_turn():
    """So a crowd in one lane of the embedded default delays no other lane."""
    crowded, other = queues.declared(["served:crowd", "served:other"])
    heard = []
    with Connection("memory://localhost") as connection, connection.Producer() as producer:
        for queue in [crowded] * 5 + [other] * 2:
            producer.publish(queue.name, exchange="", routing_key=queue.name, declare=[queue])
        with connection.Consumer(
            [crowded, other], on_message=lambda message: heard.append(message.payload), no_ack=True
        ):
            while len(heard) < 7:
                connection.drain_events(timeout=120)
    assert heard.index(other.name) <= 1
    assert set(heard[:2]) == set(heard[2:4]) == {crowded.name, other.name}
    assert heard[4:] == [crowded.name] * 3


def test_redis_keeps_the_ranks_apart_and_serves_its_queues_in_turn():
    options = queues.transport_options("redis://broker/0")
    assert options["priority_steps"] == [0, 1, 2]
    assert options["queue_order_strategy"] == "round_robin"


def test_every_broker_that_can_be_silent_has_its_waits_bounded():
    assert queues.transport_options("redis://broker/0")["socket_timeout"] <= 2
    assert queues.transport_options("amqp://broker//")["read_timeout"] <= 2
