"""The form of an event on its way: CloudEvents 1.0 as JSON."""

import json

from sagas.models import OutboxEvent

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


def encoded(event: OutboxEvent) -> bytes:
    """The event as its receiver gets it; the same bytes on every try."""
    return json.dumps(event.cloud_event(), separators=(",", ":"), sort_keys=True).encode()
