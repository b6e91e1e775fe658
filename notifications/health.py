"""What the notification service adds to a readiness probe; `GATEWAY["READINESS"]` names it by its dotted path."""

from datetime import timedelta

from django.db.models import F
from django.db.models.functions import Now

from gateway.health import Minor
from notifications.models import Sweep

SILENCE = timedelta(seconds=60)


def swept() -> str | None:
    """Whether somebody looks after leases and lost messages; beat has it done every ten seconds. None: yes."""
    mark = Sweep.objects.annotate(age=Now() - F("at")).filter(pk=1).first()
    if mark is None:
        return "nobody has swept yet; start a worker and beat"
    if mark.age > SILENCE:
        seconds = int(mark.age.total_seconds())
        return Minor(f"nobody has swept for {seconds} s; see whether a worker, beat and the broker run")
    return None
