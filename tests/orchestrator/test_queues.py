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


def test_every_broker_that_can_be_silent_has_its_waits_bounded():
    assert queues.transport_options("redis://broker/0")["socket_timeout"] <= 2
    assert queues.transport_options("amqp://broker//")["read_timeout"] <= 2
