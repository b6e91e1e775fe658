"""The outside tells a saga something."""

from typing import ClassVar
from uuid import UUID

from django.core.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.description import Call
from gateway.shapes import read
from sagas import operations
from sagas.api import examples
from sagas.api.answers import ToldDocument
from sagas.api.backpressure import relieve
from sagas.api.documents import told_document
from sagas.api.door import SagaDoor
from sagas.api.shapes import KeyPath, SignalByKeyIn, SignalIn
from sagas.errors import NotFound

SENDS = {"id": "evt_71", "payload": {"status": "paid"}}


class SignalDoor(SagaDoor):
    """A saga is told something, by its id."""

    needs: ClassVar = {"POST": "sagas.add_signal"}
    calls: ClassVar = {
        "POST": Call(
            "Signal a saga",
            ToldDocument,
            status=202,
            body=SignalIn,
            problems=(409,),
            sends=SENDS,
            example=examples.TOLD,
        )
    }

    def post(self, request: Request, pk: UUID, name: str) -> Response:
        """202: it is stored, whatever the saga does just then."""
        given = read(SignalIn, request.data)
        self.must_know(pk)
        told = operations.signal(
            pk, name, given.payload, actor=self.caller.name, id=given.id, tenant=self.caller.tenant
        )
        return Response(told_document(told, request), 202)


class SignalByKeyDoor(SagaDoor):
    """Whoever holds a business key is told something."""

    needs: ClassVar = {"POST": "sagas.add_signal"}
    calls: ClassVar = {
        "POST": Call(
            "Signal the holder of a business key",
            ToldDocument,
            status=202,
            body=SignalByKeyIn,
            problems=(409,),
            sends=SENDS,
            example=examples.TOLD,
        )
    }

    def post(self, request: Request, definition: str, key: str, name: str) -> Response:
        """202: it is stored; without a holder the saga may be begun with it."""
        given = read(SignalByKeyIn, request.data)
        meant = read(KeyPath, {"definition": definition, "key": key})
        if not self.caller.knows(meant.definition):
            raise NotFound(f"No open saga {meant.definition!r} holds the business key {meant.key!r}.")
        if given.start_if_missing is not None:
            self._may_begin(meant)
        told = operations.signal_by_key(
            meant.definition,
            meant.key,
            name,
            given.payload,
            actor=self.caller.name,
            id=given.id,
            tenant=self.caller.tenant,
            start_if_missing=given.start_if_missing.model_dump() if given.start_if_missing else None,
        )
        return Response(told_document(told, request), 202)

    def _may_begin(self, meant: KeyPath) -> None:
        """Raises what starting it would raise; where it is there already, the length of the queue is no matter."""
        if not self.caller.may("sagas.add_saga"):
            raise PermissionDenied
        if not self.sagas().holding(meant.definition, meant.key).exists():
            relieve(meant.definition)
