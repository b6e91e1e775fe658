"""The verbs, each once; the doors only call them."""

from collections.abc import Mapping
from difflib import get_close_matches

from django.db import transaction

from gateway.callers import Caller
from notifications.channels.channel import channel, known_addresses, route
from notifications.dispatch import ring_after_commit
from notifications.models import Notification


class Unacceptable(ValueError):
    """What was asked for cannot be sent by any channel; `pointer` is the place in the request, as a JSON Pointer."""

    def __init__(self, pointer: str, sentence: str) -> None:
        super().__init__(sentence)
        self.pointer = pointer


def accept(
    caller: Caller, *, receiver: Mapping[str, str], content: Mapping[str, str], traceparent: str = ""
) -> Notification:
    """Keep a notification, and have it sent once the caller's transaction is committed.

    `receiver` has addresses by kind, such as {"email": "jane@example.org"}; `content` has a `text` and perhaps a
    `subject`. Never waits for the broker. Raises `Unacceptable`.
    """
    name = _routed(receiver)
    with transaction.atomic():
        notification = Notification.objects.create(
            tenant=caller.tenant,
            caller=caller.name,
            receiver=dict(receiver),
            content=dict(content),
            channel=name,
            traceparent=traceparent,
        )
        ring_after_commit(notification.pk)
    return notification


def _routed(receiver: Mapping[str, str]) -> str:
    """The channel for the receiver, once all its addresses are known to be some."""
    known = known_addresses()
    for kind in receiver:
        if kind not in known:
            near = get_close_matches(kind[:64], known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}."
            raise Unacceptable(f"/receiver/{_escaped(kind)}", f"No channel sends to {kind[:64]!r}; {hint}")
    name = route(receiver)
    if name is None:
        raise Unacceptable("/receiver", f"Nobody can be reached without an address; give one of: {', '.join(known)}.")
    chosen = channel(name)
    try:
        chosen.check(receiver[chosen.address])
    except ValueError as error:
        raise Unacceptable(f"/receiver/{chosen.address}", str(error)) from None
    return name


def _escaped(name: str) -> str:
    return name[:64].replace("~", "~0").replace("/", "~1")
