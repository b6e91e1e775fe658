"""What a service tells of its people: where they can be reached, when, and with what."""

from datetime import time
from typing import Annotated, Any, ClassVar

from django.db import transaction
from django.http import Http404
from pydantic import AfterValidator, BeforeValidator, Field
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.description import Call
from gateway.door import Door
from gateway.shapes import Shape, read
from notifications import operations
from notifications.api import examples
from notifications.api.answers import ReceiverDocument
from notifications.api.shapes import LONGEST_ADDRESS, Line, Name, ReceiverPath
from notifications.api.views import as_problem
from notifications.models import Receiver, Subscriber
from notifications.quiet import is_zone


def _as_clock(given: Any) -> Any:
    try:
        found = time.fromisoformat(given)
    except (TypeError, ValueError):
        raise ValueError("A time of day is written like 22:00") from None
    if found.tzinfo is not None:
        raise ValueError("A time of day is on the receiver's own clock, without a zone")
    return found


def zone(name: str) -> str:
    """The same, if there is such a time zone."""
    if not is_zone(name):
        raise ValueError("There is no such time zone; write it like Europe/Berlin")
    return name


Clock = Annotated[time, BeforeValidator(_as_clock)]


class QuietIn(Shape):
    """From when to when somebody is left in peace, perhaps over midnight."""

    begins: Clock
    ends: Clock


class ReceiverIn(Shape):
    """All that is kept of a receiver; what is not given is not kept any more."""

    addresses: dict[Name, Annotated[Line, Field(max_length=LONGEST_ADDRESS)]] = Field(default={}, max_length=20)
    locale: Line = Field("", max_length=35, pattern=r"^$|^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$", min_length=0)
    timezone: Annotated[Line, AfterValidator(zone)] | None = None
    quiet_hours: QuietIn | None = None
    preferences: dict[Name, dict[Name, bool]] = Field(default={}, max_length=100)


KEPT = {"id": "jane", **examples.RECEIVER}


class OneReceiver(Door):
    """`GET`, `PUT` and `DELETE` what is kept of a receiver."""

    needs: ClassVar = {
        "GET": "notifications.view_receiver",
        "PUT": "notifications.change_receiver",
        "DELETE": "notifications.delete_receiver",
    }
    calls: ClassVar = {
        "GET": Call("Look at what is kept of a receiver", ReceiverDocument, example=KEPT),
        "PUT": Call(
            "Keep where somebody is reached, and what they want",
            ReceiverDocument,
            body=ReceiverIn,
            more={201: "Nothing was kept before."},
            sends=examples.RECEIVER,
            example=KEPT,
        ),
        "DELETE": Call("Keep nothing of a receiver any more", status=204),
    }

    def get(self, request: Request, key: str) -> Response:
        """What is kept."""
        found = Receiver.objects.filter(tenant=self.caller.tenant, key=key).first()
        if found is None:
            raise Http404
        return Response(_document(found))

    def put(self, request: Request, key: str) -> Response:
        """Keep this instead of what was kept."""
        given, key = read(ReceiverIn, request.data), read(ReceiverPath, {"receiver": key}).receiver
        try:
            operations.check_addresses(given.addresses, "/addresses")
        except operations.Unacceptable as error:
            raise as_problem(error) from None
        quiet = given.quiet_hours
        with transaction.atomic():
            found, created = Receiver.objects.update_or_create(
                tenant=self.caller.tenant,
                key=key,
                defaults={
                    "addresses": given.addresses,
                    "locale": given.locale,
                    "timezone": given.timezone or "",
                    "quiet_from": quiet.begins if quiet else None,
                    "quiet_to": quiet.ends if quiet else None,
                    "preferences": given.preferences,
                },
            )
        return Response(_document(found), 201 if created else 200)

    def delete(self, request: Request, key: str) -> Response:
        """Keep nothing of it any more; to topics it is subscribed no more."""
        with transaction.atomic():
            Subscriber.objects.filter(tenant=self.caller.tenant, receiver=key).delete()
            Receiver.objects.filter(tenant=self.caller.tenant, key=key).delete()
        return Response(status=204)


def _document(receiver: Receiver) -> dict[str, Any]:
    begins, ends = receiver.quiet_from, receiver.quiet_to
    quiet = None if begins is None or ends is None else {"begins": begins, "ends": ends}
    return {
        "id": receiver.key,
        "addresses": receiver.addresses,
        "locale": receiver.locale or None,
        "timezone": receiver.timezone or None,
        "quiet_hours": quiet,
        "preferences": receiver.preferences,
    }
