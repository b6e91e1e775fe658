"""What a provider's webhook says, in the form of this service: signed as Standard Webhooks has it.

{"events": [{"id": "e1", "provider_id": "…", "event": "delivered", "detail": "…"}]}
"""

import json
from collections.abc import Mapping, Sequence

from pydantic import Field, ValidationError

from gateway.shapes import Shape, Text
from gateway.signatures import Unverified, verify
from notifications.channels.channel import News


class _Event(Shape):
    id: Text = Field(max_length=200)
    provider_id: Text = Field(max_length=255)
    event: Text = Field(max_length=32)
    detail: str = Field("", max_length=2000)


class _Events(Shape):
    events: list[_Event] = Field(max_length=1000)


def read_events(secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> list[News]:
    """The news in a body that is signed with one of the secrets. Raises `Unverified`, and ValueError for no news."""
    if not secrets:
        raise Unverified("This provider has no webhook.")
    verify(secrets, headers, body)
    try:
        told = _Events.model_validate(json.loads(body))
    except (ValidationError, RecursionError) as error:
        raise ValueError('It is written {"events": [{"id", "provider_id", "event", "detail"}]}.') from error
    return [
        News(key=one.id, provider_id=one.provider_id, kind=one.event, detail=one.detail.replace("\x00", ""))
        for one in told.events
    ]
