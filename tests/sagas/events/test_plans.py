"""Every look at events is served by an index: told to avoid it, PostgreSQL reads no table from end to end."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import override_settings

from benchmarks.growth.plans import watched
from sagas.events import backlog, inbox, publisher
from sagas.events.targets.target import NotTaken, Sent
from sagas.models import InboxEvent, OutboxEvent
from sagas.operations import posting
from sagas.record import clock
from tests.sagas.events.post import Post

pytestmark = [pytest.mark.only_on("postgresql"), pytest.mark.django_db]

OLD = 200
TABLES = {"sagas_outboxevent", "sagas_inboxevent"}
WHO = {"actor": "ann", "tenant": "default", "reason": "a test"}


@pytest.fixture
def full():
    """Events that are sent or done, and a few that are not."""
    now, state = clock.now(), OutboxEvent.State
    states = [state.SENT] * OLD + [state.WAITING, state.RETRYING, state.HELD, state.PARKED] * 5
    OutboxEvent.objects.bulk_create(
        OutboxEvent(
            saga=uuid4(),
            rev=1,
            number=0,
            target="bus",
            tenant="default",
            type="a.b",
            document={"id": "e", "data": "x" * 300},
            at=now,
            state=one,
            ended_at=now if one == state.SENT else None,
            due_at=now if one == state.RETRYING else None,
        )
        for one in states
    )
    states = [InboxEvent.State.DONE] * OLD + [InboxEvent.State.WAITING, InboxEvent.State.PARKED] * 5
    InboxEvent.objects.bulk_create(
        InboxEvent(
            source="shop",
            origin="/s",
            event_id=str(n),
            tenant="default",
            state=one,
            at=now,
            due_at=now if one == "waiting" else None,
            until=now + timedelta(hours=1) if one == "waiting" else None,
            ended_at=now if one == "done" else None,
        )
        for n, one in enumerate(states)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE sagas_outboxevent, sagas_inboxevent")
    bus = {"kind": "rabbitmq", "url": "amqp://nowhere"}
    with override_settings(SAGAS={"EVENT_TARGETS": {"bus": bus}, "EVENT_SOURCES": {"shop": {**bus, "queue": "q"}}}):
        yield


LOOKS: dict[str, Callable[[], object]] = {
    "publish, not taken": lambda: Post(lambda event: NotTaken(reason="busy") if event.pk % 2 else Sent()).deliver(),
    "publish": lambda: Post().deliver(),
    "mend": lambda: publisher.mend("bus"),
    "forget what was sent": lambda: publisher.forget(clock.now() - timedelta(days=1)),
    "look again": inbox.look_again,
    "forget what was done": lambda: inbox.forget(clock.now() - timedelta(days=1)),
    "how events stand": lambda: (backlog.going_out("default"), backlog.coming_in("default"), backlog.going_out()),
    "replay": lambda: posting.replay("out", **WHO, of="bus"),
    "drop": lambda: posting.drop("in", **WHO, of="shop"),
    "all of a saga": lambda: list(OutboxEvent.objects.of_saga(uuid4())),
}


def test_an_index_serves_every_look_at_events(full):
    for name, look in LOOKS.items():
        with watched(by_index=True) as statements:
            look()
        assert statements, name
        for seen in statements:
            assert not set(seen.read_through) & TABLES, (name, seen.statement)
