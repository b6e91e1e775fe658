"""A receiver's inbox: what it holds, and what was read."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction
from django.http import Http404
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.description import Call
from gateway.door import Door
from gateway.pages import page
from gateway.shapes import PageQuery, read_query
from notifications.api import examples
from notifications.api.answers import InboxMessage, InboxMessages
from notifications.models import Event, InboxItem


class InboxQuery(PageQuery):
    """What an inbox can be narrowed to."""

    unread: bool = False


class InboxDoor(Door):
    """`GET` an inbox."""

    needs: ClassVar = {"GET": "notifications.view_inboxitem"}
    calls: ClassVar = {
        "GET": Call("Read an inbox", InboxMessages, query=InboxQuery, example=examples.page(examples.INBOX)),
    }

    def get(self, request: Request, key: str) -> Response:
        """A page of it, the newest first; `?unread=true` only what was not read."""
        query = read_query(InboxQuery, request)
        rows = InboxItem.objects.filter(tenant=self.caller.tenant, receiver=key)
        if query.unread:
            rows = rows.filter(read_at=None)
        return Response(page(request, rows, by="-notification_id").document(_document))


class ReadDoor(Door):
    """`POST`: the receiver has read it."""

    needs: ClassVar = {"POST": "notifications.change_inboxitem"}
    calls: ClassVar = {
        "POST": Call(
            "Say that a message was read", InboxMessage, example={**examples.INBOX, "read_at": examples.LATER}
        ),
    }

    def post(self, request: Request, key: str, pk: UUID) -> Response:
        """The item; read twice is read once, and the first time counts."""
        with transaction.atomic():
            rows = InboxItem.objects.filter(tenant=self.caller.tenant, receiver=key, pk=pk)
            found = rows.select_for_update().first()
            if found is None:
                raise Http404
            if found.read_at is None:
                found.read_at = timezone.now()
                found.save(update_fields=["read_at"])
                Event.objects.create(notification_id=found.pk, kind="read", actor=self.caller.name, at=found.read_at)
        return Response(_document(found))


def _document(item: InboxItem) -> dict[str, Any]:
    return {
        "id": str(item.pk),
        "subject": item.subject or None,
        "text": item.text,
        "created_at": item.created_at,
        "read_at": item.read_at,
    }
