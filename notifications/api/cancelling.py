"""Calling a message off: by its id, or by the idempotency key that it was, or will be, sent under."""

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from gateway import idempotency
from gateway.description import Call
from gateway.door import Door
from gateway.problems import Problem
from gateway.shapes import read
from notifications import operations
from notifications.api import documents, examples
from notifications.api.answers import CancelledByKeyDocument, CancelledDocument
from notifications.api.shapes import CancelIn
from notifications.api.views import SCOPE, as_problem
from notifications.calling_off import CalledOff, UnderWay, call_off
from notifications.models import Notification

CANCEL = "notifications.cancel"
_OF_CALL: dict[str, Any] = {
    "body": CancelIn,
    "headers": ("Idempotency-Key",),
    "problems": (409,),
    "sends": examples.CANCEL,
    "example": examples.CANCELLED,
}
AGAIN_AFTER = timedelta(seconds=2)


class Cancelling(Door):
    """`POST {reason, correction}`; the answer says whether it has arrived, and which correction follows it."""

    needs: ClassVar = {"POST": "notifications.change_notification"}

    def answered(self, request: Request, named: str, find: Any) -> Response:
        """Once for each idempotency key, so that a repeated request sends no second correction."""
        given = read(CancelIn, request.data if request.data is not None else {})
        body = {"of": named, "body": request.data}
        with idempotency.remembered(self.caller, CANCEL, idempotency.key_of(request), body) as memory:
            if memory.answer:
                return Response(self._as_it_is_now(memory.answer.body), headers={idempotency.REPLAYED: "true"})
            pk = find()
            found = CalledOff() if pk is None else self._called_off(pk, given)
            outcome = documents.called_off(found)
            memory.keep(200, {**outcome, "id": None if pk is None else str(pk)})
        return Response(documents.looked_after(found.notification) | outcome)

    def _as_it_is_now(self, kept: dict[str, Any]) -> dict[str, Any]:
        """The key remembers no address: what else there is to say is read once more."""
        rows = Notification.objects.of(self.caller.tenant)
        known = None if kept["id"] is None else rows.filter(pk=kept["id"]).first()
        return documents.looked_after(known) | {**kept}

    def _called_off(self, pk: UUID, given: CancelIn) -> CalledOff:
        try:
            return call_off(self.caller, pk, given.reason, given.corrected())
        except Notification.DoesNotExist:
            raise Http404 from None
        except operations.Unacceptable as error:
            raise as_problem(error, "/correction") from None
        except operations.NotAllowed as error:
            raise Problem(str(error), status=409, code="not_allowed", allowed=error.allowed) from None
        except UnderWay:
            raise Problem(
                "A worker is sending it at this moment; ask again when it is known what comes of that.",
                status=409,
                code="under_way",
                allowed=[],
                retry_after=AGAIN_AFTER,
            ) from None


class Cancel(Cancelling):
    """Calls a message off."""

    calls: ClassVar = {"POST": Call("Call a message off", CancelledDocument, **_OF_CALL)}

    def post(self, request: Request, pk: UUID) -> Response:
        """What was not sent yet is not sent any more; a correction follows what was, or may have been."""
        return self.answered(request, str(pk), lambda: pk)


class CancelByKey(Cancelling):
    """Calls off whatever was accepted under an idempotency key of the caller's."""

    calls: ClassVar = {"POST": Call("Call off what was sent under a key", CancelledByKeyDocument, **_OF_CALL)}

    def post(self, request: Request, key: str) -> Response:
        """When nothing was accepted under it, nothing ever will be: a request that comes late is refused with 410."""
        return self.answered(request, key, lambda: self._found(key))

    def _found(self, key: str) -> UUID | None:
        known = idempotency.called_off(self.caller, SCOPE, idempotency.checked_key(key))
        return None if known is None else UUID(known.body["id"])
