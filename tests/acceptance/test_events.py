"""Events in and out with real brokers and real processes: nothing is lost, nothing counts twice, order is kept."""

import json
import random
import sys
from collections import defaultdict
from datetime import timedelta

import psycopg
import pytest
from kombu import Connection

from tests.harness.processes import Process
from tests.harness.product import Product
from tests.harness.waiting import wait_until

PATIENCE = timedelta(seconds=180)
PARCELS = 25
STORY = ["saga.started", "parcel.packed", "saga.step_succeeded", "saga.step_succeeded", "saga.step_succeeded"]
STORY += ["saga.ended"]

DRIVE = """
import sys, django
django.setup()
from gateway.ids import uuid7
from sagas import operations
from sagas.engine import delivery
from sagas.models import Run
from sagas.record import clock

me, parcels = uuid7(), int(sys.argv[1])
for number in range(parcels):
    operations.start("parcel", {"number": number}, actor="drive", business_key=str(number))

def work():
    while due := list(Run.objects.due(clock.now()).order_by("at")[:100]):
        for run in due:
            delivery.deliver(run.pk, run.fence, me)

work()
for number in range(parcels):
    operations.signal_by_key("parcel", str(number), "delivered", {}, actor="drive")
work()
"""


class Post:
    """A product whose sagas speak by events, on its own database, and a queue of the broker's."""

    def __init__(self, product, broker, name):
        self.product, self.broker, self.name = product, broker, name
        self.product.environment |= {
            "APPS": "tests.acceptance.posted.apps.PostedConfig",
            "SHOP": "0",
            "DJANGO_SETTINGS_MODULE": "tests.acceptance.posted.settings",
        }

    def drive(self, parcels):
        """So many parcels are packed and delivered; nothing of that needs the broker."""
        driving = self.product.start("drive", [sys.executable, "-c", DRIVE, str(parcels)])
        assert driving.wait(PATIENCE) == 0, driving.output()[-3000:]

    def command(self, name, *, die_at="", says=""):
        process = self.product.start(name, [sys.executable, "manage.py", name], environment={"DIE_AT": die_at})
        if says:
            process.wait_until_it_says(says, PATIENCE)
        return process

    def publisher(self, **options):
        return self.command("publish", **options)

    def consumer(self, **options):
        return self.command("consume", **options)

    def rows(self, sql):
        with psycopg.connect(self.product.environment["DATABASE_URL"], autocommit=True) as connection:
            return connection.execute(sql).fetchall()

    def count(self, sql):
        return self.rows(f"SELECT count(*) FROM {sql}")[0][0]


@pytest.fixture(scope="module")
def migrated(_postgres):
    """A database with all tables, to be copied: to make one takes longer than most of these tests."""
    url = _postgres.create_database("events")
    with Product(database_url=url, broker_url="memory://") as product:
        product.manage("migrate", "--verbosity", "0")
    return url


@pytest.fixture
def post(migrated, postgres, rabbitmq, request):
    name = f"events{abs(hash(request.node.name)) % 10**8}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE events")
    url = migrated.rsplit("/", 1)[0] + f"/{name}" + (f"?{migrated.partition('?')[2]}" if "?" in migrated else "")
    with Product(database_url=url, broker_url="memory://") as product:
        yield Post(product, rabbitmq, name)


def to_rabbitmq(post, **more):
    bus = {"kind": "rabbitmq", "url": post.broker.url, "exchange": post.name, **more}
    post.product.environment["EVENT_TARGETS"] = json.dumps({"bus": bus})


def bound(post, *keys):
    """A durable queue of the test's own, bound before anything is sent."""
    with Connection(post.broker.url) as connection:
        channel = connection.channel()
        channel.exchange_declare(post.name, "topic", durable=True, auto_delete=False)
        channel.queue_declare(post.name, durable=True, auto_delete=False)
        for key in keys:
            channel.queue_bind(post.name, post.name, key)


def letters(post):
    """All messages that are in the queue, in their order."""
    found = []
    with Connection(post.broker.url) as connection:
        channel = connection.channel()
        while message := channel.basic_get(post.name, no_ack=True):
            found.append(json.loads(message.body))
    return found


def stories(found):
    """What each saga told, by number of parcel, each event once."""
    told, seen = defaultdict(list), set()
    for event in found:
        if event["id"] not in seen:
            seen.add(event["id"])
            told[event["businesskey"]].append(event["type"])
    return told


def test_all_of_every_saga_arrives_in_order_over_a_killed_publisher_and_a_restarted_broker(post):
    to_rabbitmq(post)
    bound(post, "#")
    post.drive(PARCELS)
    total = post.count("sagas_outboxevent")
    assert total == PARCELS * len(STORY)

    dying = post.publisher(die_at="shipped:2")  # sent, and not noted
    assert dying.wait(PATIENCE) == -9, dying.output()
    post.broker.kill()
    publisher = post.publisher(says="Sending events to bus.")
    wait_until(lambda: post.count("sagas_eventlane WHERE failures > 0"), "it is seen that the broker is away", PATIENCE)
    post.broker.start()
    wait_until(lambda: post.count("sagas_outboxevent WHERE state = 'sent'") == total, "all is sent", PATIENCE)
    assert publisher.stop() == 0

    found = letters(post)
    assert len(found) > total  # what the dead one had sent came once more
    told = stories(found)
    assert len(told) == PARCELS
    assert all(story == STORY for story in told.values())
    assert post.count("sagas_eventlane WHERE failures > 0 OR holder IS NOT NULL") == 0


def test_what_no_queue_takes_is_parked_and_the_rest_arrives(post):
    to_rabbitmq(post)
    bound(post, "saga.ended.*", "parcel.*")
    post.drive(2)
    post.publisher()
    left = "sagas_outboxevent WHERE state NOT IN ('sent', 'parked')"
    wait_until(lambda: post.count(left) == 0, "all is sent or parked", PATIENCE)
    assert sorted(event["type"] for event in letters(post)) == ["parcel.packed"] * 2 + ["saga.ended"] * 2
    parked = post.rows("SELECT DISTINCT type, error FROM sagas_outboxevent WHERE state = 'parked' ORDER BY type")
    assert [kind for kind, _ in parked] == ["saga.started", "saga.step_succeeded"]
    assert "No queue is bound" in parked[0][1]


def test_two_publishers_keep_the_order_and_send_nothing_twice(post):
    to_rabbitmq(post)
    bound(post, "#")
    first, second = post.publisher(says="Sending"), post.publisher(says="Sending")
    post.drive(PARCELS)
    left = "sagas_outboxevent WHERE state <> 'sent'"
    wait_until(lambda: post.count(left) == 0, "all is sent", PATIENCE)
    assert (first.stop(), second.stop()) == (0, 0)
    found = letters(post)
    assert len(found) == PARCELS * len(STORY)
    assert all(story == STORY for story in stories(found).values())


def from_rabbitmq(post):
    shop = {"kind": "rabbitmq", "url": post.broker.url, "queue": post.name, "prefetch": 10}
    post.product.environment["EVENT_SOURCES"] = json.dumps({"shop": shop})


def send(post, bodies):
    with Connection(post.broker.url) as connection:
        channel = connection.channel()
        channel.queue_declare(post.name, durable=True, auto_delete=False)
        channel.confirm_select()
        for body in bodies:
            message = channel.prepare_message(body, properties={"delivery_mode": 2})
            channel.basic_publish_confirm(message, "", post.name)


def wanted(number):
    known = {"specversion": "1.0", "id": f"w{number}", "source": "/shop", "type": "parcel.wanted"}
    return json.dumps({**known, "data": {"number": str(number)}}).encode()


def delivered(number):
    known = {"specversion": "1.0", "id": f"d{number}", "source": "/carrier", "type": "parcel.delivered"}
    return json.dumps({**known, "subject": str(number), "data": {}}).encode()


def test_each_event_counts_once_over_killed_consumers_duplicates_disorder_and_garbage(post):
    from_rabbitmq(post)
    chance = random.Random(9)
    bodies = [wanted(n) for n in range(PARCELS)] + [delivered(n) for n in range(PARCELS)]
    bodies = [*bodies, *chance.sample(bodies, PARCELS), b"garbage", b"{}", b"\xff\xfe", b"[" * 10_000]
    chance.shuffle(bodies)
    send(post, bodies)

    for place in ("taken_in:5", "taken_in:1"):  # committed, and not acknowledged
        dying = post.consumer(die_at=place)
        assert dying.wait(PATIENCE) == -9, dying.output()
    consumers = [post.consumer(says="Taking events in from shop."), post.consumer()]
    wait_until(lambda: post.count("sagas_saga") >= PARCELS // 2, "sagas begin", PATIENCE)
    post.broker.restart()
    ended = "sagas_inboxevent WHERE state = 'done'"
    wait_until(lambda: post.count(ended) == 2 * PARCELS, "all events are done", PATIENCE)
    wait_until(lambda: post.count("sagas_inboxevent WHERE state = 'parked'") == 4, "garbage is parked", PATIENCE)
    assert [consumer.stop() for consumer in consumers] == [0, 0]

    assert post.count("sagas_saga") == PARCELS
    assert post.count("sagas_signal") == PARCELS
    assert post.rows("SELECT saga_id FROM sagas_signal GROUP BY 1 HAVING count(*) > 1") == []
    assert letters(post) == []


def test_without_anything_declared_both_wait_and_say_so(post):
    quiet: list[Process] = [
        post.publisher(says="No target of events is declared"),
        post.consumer(says="No source of events is declared"),
    ]
    assert [process.stop() for process in quiet] == [0, 0]
    assert all("Stopped." in process.output() for process in quiet)
