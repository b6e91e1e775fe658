"""What a message from outside says: CloudEvents 1.0, as one JSON document or in headers, or JSON with an id and a type.

    structured   the body is the event: {"specversion": "1.0", "id": …, "source": …, "type": …, "data": …}
    binary       headers are the event's attributes (`ce_id`, `ce-id`, `cloudEvents:id`, `cloudEvents_id`), the body
                 is its data
    plain        the body is the data; id and type are the message's own, as RabbitMQ and others carry them

Nothing is believed: sizes, depths, characters and types are looked at before anything is stored as JSON.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from gateway import keyed, limits
from sagas.words.routes import Event

LONGEST = {"id": 255, "source": 255, "type": 100, "subject": 255, "time": 64}
NEEDED = ("id", "source", "type")
_ATTRIBUTE = re.compile(r"(?:ce[_-]|cloudevents[:_])([a-z0-9]+)", re.IGNORECASE)


class Malformed(ValueError):
    """The message cannot be understood; the message is a sentence for whoever sent it."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """What a source brought: its bytes and headers, its own id and type if it has them.

    `redelivered`: it was given to somebody before, who has not said that it is done.
    """

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    id: str = ""
    type: str = ""
    redelivered: bool = False

    @property
    def fingerprint(self) -> str:
        """What a message that cannot be understood is known by; nothing of it can be found out from that."""
        beside = json.dumps([self.id, self.type, sorted(self.headers.items())]).encode(errors="replace")
        return f"hmac:{keyed.hashes('sagas.inbox', beside + self.body)[0]}"


def parse(message: Message) -> Event:
    """The event that a message is. Raises `Malformed`."""
    if len(message.body) > limits.LARGEST:
        raise Malformed(f"It has {len(message.body)} bytes; at most {limits.LARGEST // 1024} KiB are taken.")
    value = _json(message.body)
    attributes = {m[1].lower(): v for name, v in message.headers.items() if (m := _ATTRIBUTE.fullmatch(name))}
    if "specversion" in attributes:
        return _event(attributes, value)
    if isinstance(value, dict) and "specversion" in value:
        if "data_base64" in value:
            raise Malformed("Its data is binary (data_base64); only JSON is taken.")
        return _event({name: one for name, one in value.items() if name != "data"}, value.get("data"))
    if message.id and message.type:
        known = {"specversion": "1.0", "id": message.id, "type": message.type, "source": "message"}
        return _event(known, value)
    raise Malformed("It is no CloudEvent (there is no specversion), and the message has no id and type of its own.")


def _json(body: bytes) -> Any:
    try:
        value = json.loads(body, parse_constant=_no_number) if body.strip() else None
        limits.check(value)
    except limits.LimitExceeded as error:
        raise Malformed(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise Malformed(f"It is not JSON in UTF-8: {str(error)[:100]}") from None
    return value


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _event(attributes: Mapping[str, Any], data: Any) -> Event:
    if attributes.get("specversion") != "1.0":
        raise Malformed("Its specversion is not '1.0'.")
    for name, longest in LONGEST.items():
        given = attributes.get(name)
        if given is None and name not in NEEDED:
            continue
        if not isinstance(given, str) or not given.strip() or len(given) > longest:
            raise Malformed(f"Its {name} must be text of 1 to {longest} characters.")
        if limits.clean_text(given, longest) != given:
            raise Malformed(f"Its {name} has characters that cannot be stored.")
    known = {name: attributes.get(name) or "" for name in LONGEST}
    return Event(**known, data=data, attributes=dict(attributes))
