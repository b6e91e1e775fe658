"""Each kind of target and source with a real server; for Kafka with the mock of a cluster that its client brings."""

import json
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest
import redis as client

from gateway import signatures
from sagas.events.sources.rabbitmq import RabbitMQ as FromRabbitMQ
from sagas.events.sources.redis import Redis as FromRedis
from sagas.events.targets.rabbitmq import RabbitMQ as ToRabbitMQ
from sagas.events.targets.redis import Redis as ToRedis
from sagas.events.targets.target import Away, NotTaken, Sent, Unwanted
from sagas.events.targets.webhook import Webhook
from sagas.models import OutboxEvent
from tests.harness.kafka import Kafka
from tests.harness.service import NotInstalled
from tests.harness.waiting import wait_until

PATIENCE = timedelta(seconds=120)
SECRET = signatures.made_secret(b"k" * 32)


def letter(number=0, kind="stock.locked"):
    saga = uuid4()
    document = {
        "specversion": "1.0",
        "id": f"{saga}.1.{number}",
        "source": "/sagas",
        "type": kind,
        "data": {"n": number},
    }
    document |= {"sagadefinition": "order", "subject": str(saga)}
    from django.utils import timezone

    return OutboxEvent(pk=number + 1, saga=saga, type=kind, document=document, at=timezone.now())


class Bag:
    """What a source brought; it may be told to fail at the n-th message, as when the database is away."""

    def __init__(self, fails_at=0):
        self.messages, self.fails_at = [], fails_at

    def take(self, message):
        if self.fails_at and len(self.messages) + 1 == self.fails_at:
            self.fails_at = 0
            raise RuntimeError("the database is away")
        self.messages.append(message)

    @property
    def ids(self):
        return [json.loads(message.body)["id"] for message in self.messages]


@contextmanager
def running(source, bag):
    """The source runs in a thread; what it raises at its end is shown."""
    stopping, raised = threading.Event(), []

    def live():
        try:
            source.run(bag.take, stopping)
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield raised
    finally:
        stopping.set()
        thread.join(PATIENCE.total_seconds())
        assert not thread.is_alive(), "it did not stop"


def brought(source, number, *, fails_at=0):
    """The ids of so many messages."""
    bag = Bag(fails_at)
    with running(source, bag) as raised:
        if fails_at:
            wait_until(lambda: raised, "what failed is raised", PATIENCE)
        else:
            wait_until(lambda: len(bag.messages) >= number, f"{number} messages arrive", PATIENCE)
            assert raised == []
    return bag


def test_rabbitmq_brings_again_what_was_not_taken_and_nothing_else(rabbitmq):
    target = ToRabbitMQ(url=rabbitmq.url, exchange="transports")
    source = FromRabbitMQ(url=rabbitmq.url, queue="transports", exchange="transports", keys=["stock.*"])
    letters = [letter(n) for n in range(5)]
    [lost] = target.send([letters[0]])
    assert isinstance(lost, Unwanted)
    first = Bag()
    with running(source, first):  # makes the queue
        wait_until(lambda: isinstance(target.send([letters[0]])[0], Sent), "the queue is bound", PATIENCE)
        wait_until(lambda: first.messages, "the event arrives", PATIENCE)
    assert target.send(letters[1:]) == [Sent()] * 4
    target.close()
    begun = brought(source, 0, fails_at=3)
    rest = brought(source, 2)
    expected = [one.event_id for one in letters[1:]]
    assert (begun.ids, rest.ids) == (expected[:2], expected[2:])
    assert rest.messages[0].redelivered
    assert rest.messages[0].type == "stock.locked"


def test_rabbitmq_that_is_away_is_told_apart_from_what_it_refuses(rabbitmq):
    target = ToRabbitMQ(url="amqp://guest:guest@127.0.0.1:1//")
    with pytest.raises(Away):
        target.send([letter()])
    with pytest.raises(Away, match="PRECONDITION_FAILED"):
        ToRabbitMQ(url=rabbitmq.url, exchange="amq.fanout").send([letter()])


def test_redis_brings_again_what_was_not_taken_also_to_another_consumer(redis):
    target = ToRedis(url=redis.url, stream="letters", longest=100)
    letters = [letter(n) for n in range(5)]
    assert target.send(letters) == [Sent()] * 5
    source = FromRedis(url=redis.url, stream="letters", claim_after=0.5)
    begun = brought(source, 0, fails_at=3)
    rest = brought(source, 3)
    assert (begun.ids, rest.ids) == ([one.event_id for one in letters[:2]], [one.event_id for one in letters[2:]])
    assert all(message.redelivered for message in rest.messages)
    with client.Redis.from_url(redis.url) as server:
        assert server.xpending("letters", "sagas")["pending"] == 0
    target.close()


def test_redis_that_cannot_take_anything_is_away(redis):
    with client.Redis.from_url(redis.url) as server:
        server.set("letters", "no stream")
    with pytest.raises(Away, match="WRONGTYPE"):
        ToRedis(url=redis.url, stream="letters").send([letter()])
    with pytest.raises(Away):
        ToRedis(url="redis://127.0.0.1:1/0").send([letter()])


@pytest.fixture(scope="module")
def kafka():
    try:
        cluster = Kafka()
    except NotInstalled as error:
        pytest.skip(str(error))
    yield cluster
    cluster.stop()


def test_kafka_brings_again_what_was_not_taken_in_order(kafka):
    from sagas.events.sources.kafka import Kafka as FromKafka
    from sagas.events.targets.kafka import Kafka as ToKafka

    target = ToKafka(servers=kafka.servers, topic="letters")
    letters = [letter(n) for n in range(5)]
    for one in letters:
        one.saga = letters[0].saga  # so all are on one partition
    assert target.send(letters) == [Sent()] * 5
    target.close()
    source = FromKafka(servers=kafka.servers, topics=["letters"], config={"session.timeout.ms": 6000})
    begun = brought(source, 0, fails_at=3)
    rest = brought(source, 3)
    assert (begun.ids, rest.ids) == ([one.event_id for one in letters[:2]], [one.event_id for one in letters[2:]])
    assert rest.messages[0].redelivered
    assert rest.messages[0].headers["ce_type"] == "stock.locked"


def test_kafka_that_is_away_is_told(kafka):
    from sagas.events.targets.kafka import Kafka as ToKafka

    with pytest.raises(Away):
        ToKafka(servers="127.0.0.1:1", config={"delivery.timeout.ms": 1000, "log_level": 0}).send([letter()])


@pytest.fixture
def receiver():
    """A receiver of webhooks that answers what it is told; `heard` is what came."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            self.server.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status, headers = self.server.answer
            self.send_response(status)
            for name, value in {"content-length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *args):
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.heard, server.answer = [], (204, {})
    server.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_webhook_is_signed_and_carries_the_event(receiver):
    target, sent = Webhook(url=receiver.url, secrets=[SECRET], headers={"X-Ours": "1"}), letter()
    [outcome] = target.send([sent])
    target.close()
    [(headers, body)] = receiver.heard
    assert isinstance(outcome, Sent)
    assert outcome.log["status"] == 204
    assert signatures.verify([SECRET], headers, body) == sent.event_id
    assert json.loads(body) == sent.cloud_event()
    assert (headers["content-type"], headers["x-ours"]) == ("application/cloudevents+json; charset=utf-8", "1")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [((410, {}), Unwanted), ((500, {}), NotTaken), ((404, {}), NotTaken), ((302, {"location": "/x"}), NotTaken)],
)
def test_what_a_receiver_says_decides(receiver, answer, kind):
    receiver.answer = answer
    target = Webhook(url=receiver.url, secrets=[SECRET])
    [outcome] = target.send([letter()])
    target.close()
    assert isinstance(outcome, kind)
    assert outcome.log["status"] == answer[0]
    assert len(receiver.heard) == 1


def test_a_receiver_that_asks_for_time_gets_it_and_one_that_is_away_is_noted(receiver):
    receiver.answer = (503, {"retry-after": "120"})
    target = Webhook(url=receiver.url, secrets=[SECRET])
    [busy] = target.send([letter()])
    assert busy.after == timedelta(seconds=120)
    target.close()
    nobody = Webhook(url="http://127.0.0.1:1/", secrets=[SECRET])
    [gone] = nobody.send([letter()])
    nobody.close()
    assert "Nobody could be reached" in gone.log["error"]
