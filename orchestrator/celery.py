"""The Celery app; its settings are the `CELERY_*` names in `orchestrator.settings`."""

import os
import warnings
from typing import Any

from celery import Celery
from celery.platforms import SecurityWarning
from celery.signals import setup_logging
from kombu.transport import redis

from orchestrator import forking

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")

warnings.filterwarnings("ignore", category=SecurityWarning)  # it warns root of pickle, and we accept JSON only

# When Redis goes away while a message is unacknowledged, kombu 5.7 tries to put that message back over the connection
# that it has just lost, and the worker ends with an AttributeError. Nothing needs to go back: the sweep rings again.
redis.Channel.do_restore = False
# And a message whose work ends after that is acknowledged over a channel that has forgotten its connection: again an
# AttributeError, which the worker takes for a fault of its own and ends. It is a lost connection like any other.
redis.Transport.connection_errors = (*redis.Transport.connection_errors, AttributeError)

app = Celery("orchestrator")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

forking.guard_connections()


@setup_logging.connect
def leave_logging_to_django(**kwargs: Any) -> None:
    """Keep Celery from installing log handlers of its own: a receiver of this signal is all it takes."""
