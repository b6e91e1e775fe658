"""Events in and out with real brokers and real processes: nothing is lost, nothing counts twice, order is kept."""

import json
import os
import random
import subprocess
import sys
from collections import defaultdict
from datetime import timedelta

import psycopg
import pytest
from kombu import Connection

from tests.harness.migrated import migrated
from tests.harness.processes import Process
from tests.harness.product import REPOSITORY, Product
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


@pytest.fixture
def post(postgres, rabbitmq, request):
    name = f"events{abs(hash(request.node.name)) % 10**8}"
    with Product(database_url=migrated(postgres, name), broker_url="memory://") as product:
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
    publishers = [post.publisher(says="Sending events to bus."), post.publisher()]
    wait_until(lambda: post.count("sagas_eventlane WHERE failures > 0"), "it is seen that the broker is away", PATIENCE)
    post.broker.start()
    wait_until(lambda: post.count("sagas_outboxevent WHERE state = 'sent'") == total, "all is sent", PATIENCE)
    assert [publisher.stop() for publisher in publishers] == [0, 0]

    found = letters(post)
    assert len(found) > total  # what the dead one had sent came once more
    told = stories(found)
    assert len(told) == PARCELS
    assert all(story == STORY for story in told.values())
    assert post.count("sagas_eventlane WHERE failures > 0 OR holder IS NOT NULL") == 0


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
    quiet: list[Process] = [post.publisher(), post.consumer()]
    for process, kind in zip(quiet, ("target", "source"), strict=True):
        process.wait_until_it_says(f"No {kind} of events is declared", PATIENCE)
    assert [process.stop() for process in quiet] == [0, 0]
    assert all("Stopped." in process.output() for process in quiet)


def test_the_example_of_an_order_by_events_comes_out_as_it_must(rabbitmq):
    """`make demo-events`, which kills the coordinator in the middle, and holds every order against the ledgers."""
    command = [sys.executable, "-m", "examples.events.demo"]
    environment = {**os.environ, "EVENTS_URL": rabbitmq.url}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.count("as it must be") == 5
