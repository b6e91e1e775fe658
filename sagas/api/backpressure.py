"""A definition whose queue is too long takes no more sagas over REST for the moment."""

import time
from datetime import timedelta

from gateway.problems import Problem
from sagas.conf import conf
from sagas.models import Run
from sagas.record import clock

COUNTED_EVERY = timedelta(seconds=1)
COME_AGAIN = timedelta(seconds=5)

_counted: dict[str, tuple[float, int]] = {}


def relieve(definition: str) -> None:
    """Raise a 429 problem when more of its steps are due than `SAGAS["MOST_DUE"]` allows.

    Each process counts once a second at most, and only for definitions that have a bound, and no further than to it.
    """
    most = conf().most_due.get(definition)
    if most is None:
        return
    at, due = _counted.get(definition, (float("-inf"), 0))
    if time.monotonic() - at > COUNTED_EVERY.total_seconds():
        due = Run.objects.due(clock.now()).filter(saga__definition=definition)[: most + 1].count()
        _counted[definition] = time.monotonic(), due
    if due > most:
        sentence = f"More than {most} steps of sagas {definition!r} are due; start others later."
        raise Problem(sentence, status=429, code="queue_too_long", retry_after=COME_AGAIN)
