"""The door for participants that call back: the signed address itself is the authority."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from gateway.description import Call
from gateway.door import Door
from gateway.problems import Problem
from gateway.throttles import bound
from sagas import operations
from sagas.api.answers import StoredDocument
from sagas.api.errors import problem_of
from sagas.api.shapes import CallbackIn
from sagas.conf import conf
from sagas.engine.links import read_callback
from sagas.errors import NotAllowed, NotFound, SagaError
from sagas.models import Saga
from sagas.record import clock

MOST_A_MINUTE = 60
"""An address takes one signal, and a few repetitions of it; this is far more."""
EXPIRED = "This address is no longer good, and nothing was stored; ask whoever gave it to you for a new one."
NOT_OURS = "This address is not one of ours."
TOO_LATE = "Nothing waits for this any more; what was sent is kept all the same."
REFUSED = {"signal_conflict": "This address was used before, with another body; it takes one."}


class CallbackDoor(Door):
    """One address for one signal; what it answers says nothing about the saga."""

    authentication_classes: Any = ()
    permission_classes: Any = ()
    calls: ClassVar = {
        "POST": Call(
            "Call back",
            StoredDocument,
            status=202,
            body=CallbackIn,
            problems=(409, 410),
            sends={"status": "paid"},
            example={"stored": True, "replayed": False},
            open=True,
        )
    }

    def post(self, request: Request, token: str) -> Response:
        """202: the body is stored as the signal's payload; the same body again is answered as before.

        404 for an address that is not ours, 410 for one that is too old, 409 for another body or after the end, 422
        for one that does not fit.
        """
        callback = read_callback(token)
        bound(f"callback {callback.saga} {callback.nonce}", MOST_A_MINUTE)
        saga = Saga.objects.filter(pk=callback.saga).only("tenant", "created_at").first()
        if saga is not None and saga.created_at < clock.now() - conf().callback_for:
            raise Problem(EXPIRED, status=410, code="expired")
        tenant = saga.tenant if saga is not None else ""
        told = operations.signal(
            callback.saga, callback.name, request.data, actor="callback", id=callback.nonce, tenant=tenant
        )
        return Response({"stored": True, "replayed": told.replayed}, 202)

    def handle_exception(self, exc: Exception) -> Response:
        """Errors of the coordinator are problems; how the saga stands is nobody's business here."""
        match exc:
            case NotFound():
                return super().handle_exception(Problem(NOT_OURS, status=404, code=exc.code))
            case NotAllowed():
                return super().handle_exception(Problem(REFUSED.get(exc.code, TOO_LATE), status=409, code=exc.code))
        problem: Any = problem_of(exc) if isinstance(exc, SagaError) else None
        return super().handle_exception(problem or exc)
