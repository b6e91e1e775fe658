"""Events in tests: one arrives as if a source had brought it."""

import json
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import uuid4

from sagas.events import inbox
from sagas.events.arriving import Message
from sagas.models import InboxEvent, Saga
from sagas.testing.beginning import this_world
from sagas.testing.script import Script
from sagas.words import registry, routes
from sagas.words.definition import Definition
from sagas.words.routes import Route

SOURCE = "a test"


def arrives(
    type: str,  # noqa: A002 - CloudEvents' word
    data: Any = None,
    *,
    subject: str = "",
    id: str | None = None,  # noqa: A002 - CloudEvents' word
    by: Sequence[Route] | None = None,
    tables: Iterable[Definition] = (),
) -> str:
    """An event from outside arrives; what became of it: "done", "again" for one that came before, "waiting" for a saga
    that is not there yet, or "parked: " and why.

    `by` are the routes that count, all that were declared if it is not given; `tables` are definitions that no
    installed app has.
    """
    world = this_world()
    for table in tables:
        world.knows(table)
    known = {"specversion": "1.0", "id": id or uuid4().hex, "source": "/test", "type": type, "data": data}
    document = known | ({"subject": subject} if subject else {})
    counting = routes.everything() if by is None else by
    with world.lit(), routes.Replaced(*counting):
        became = inbox.take(SOURCE, Message(body=json.dumps(document).encode()))
        row = InboxEvent.objects.filter(source=SOURCE, event_id=known["id"]).latest("id")
        if row.saga is not None and row.saga not in world.cast.scripts:
            saga = Saga.objects.get(pk=row.saga)
            world.cast.add(saga.pk, Script(registry.get(saga.definition, saga.version)))
        return f"parked: {row.reason}" if became == InboxEvent.State.PARKED else became
