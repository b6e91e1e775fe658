"""What the coordinator adds to a readiness probe; `GATEWAY["READINESS"]` names these by their dotted paths.

Each returns None when all is well, else what is not.
"""

from datetime import timedelta

from gateway.health import Minor
from sagas.conf import conf
from sagas.models import Saga, Sweep, Worker
from sagas.record import clock

SILENCE = timedelta(seconds=30)
MOST_NAMED = 3


def swept() -> str | None:
    """Whether clocks and lost messages are looked after: any worker or beat sweeps every two seconds."""
    mark = Sweep.objects.filter(pk=1).first()
    if mark is None:
        return "nobody has swept yet; start a worker"
    age = clock.now() - mark.at
    if age > SILENCE:
        return f"nobody has swept for {int(age.total_seconds())} s; see whether a worker runs"
    return None


def alive() -> str | None:
    """Whether every live saga can move by itself or has an incident; it takes sweeps to say so."""
    mark = Sweep.objects.filter(pk=1).first()
    if mark is not None and clock.now() - mark.at > SILENCE:
        return Minor("whether every saga can move cannot be told while nobody sweeps")
    dead = Saga.objects.dead(clock.now()).order_by("id").values_list("pk", flat=True)[: MOST_NAMED + 1]
    if not dead:
        return None
    names = ", ".join(str(pk) for pk in dead[:MOST_NAMED])
    return f"nothing will move these sagas: {names}{' and more' if len(dead) > MOST_NAMED else ''}"


def heard() -> str | None:
    """Whether workers hear what comes through the broker: each sends itself a message every few seconds."""
    now = clock.now()
    alive = Worker.objects.alive(now, conf().gone_after)
    last = alive.filter(probed_at__isnull=False).order_by("-probed_at").values_list("probed_at", flat=True).first()
    if last is None or now - last <= conf().deaf_after:
        return None
    seconds = int((now - last).total_seconds())
    return Minor(f"no worker has heard a message through the broker for {seconds} s; they look into the database")
