"""The verbs of one saga."""

from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.description import Call
from gateway.shapes import read, read_query
from sagas import operations
from sagas.api import examples
from sagas.api.answers import DecisionDocument, VerbDocument
from sagas.api.approvals import LOOK, OPERATE, IsPersonOrMay, groups_of
from sagas.api.documents import address, preview_document, saga_document
from sagas.api.door import SagaDoor, etag, expected
from sagas.api.shapes import DecideIn, VerbIn, VerbQuery
from sagas.models import Saga
from sagas.operations.approvals import approval_of, is_for


class VerbDoor(SagaDoor):
    """One verb on one saga; what the verb refuses is a 409 that says what is allowed instead.

    `?dry_run=true` says what would happen and changes nothing. `If-Match` with the saga's ETag refuses a decision that
    was made before a look at a saga that others have decided about since: 412.
    """

    needs: ClassVar = {"POST": OPERATE}
    document: ClassVar[type[BaseModel]] = VerbDocument
    verb: ClassVar[str]
    shape: ClassVar[type[VerbIn]]

    def post(self, request: Request, pk: UUID) -> Response:
        """The saga as the verb left it, or with `?dry_run=true` what it would do."""
        asked = read_query(VerbQuery, request)
        arguments = self.arguments(read(self.shape, request.data))
        arguments |= {"actor": self.caller.name, "tenant": self.caller.tenant, "expect": expected(request)}
        self.must_know(pk)
        if asked.dry_run:
            return Response(preview_document(operations.preview(self.verb, pk, **arguments)))
        self.must_be_confirmed(self.verb)
        return self.answer(request, getattr(operations, self.verb)(pk, **arguments))

    def arguments(self, given: VerbIn) -> dict[str, Any]:
        """What the verb takes: an input that was not sent is not an input of null."""
        left = {"input"} - given.model_fields_set
        return {name: getattr(given, name) for name in type(given).model_fields if name not in left}

    def answer(self, request: Request, saga: Saga) -> Response:
        """The saga in full."""
        document = saga_document(saga, request, self.sight)
        return Response(document, headers=etag(saga, document))


class DecideDoor(VerbDoor):
    """A person's yes or no; a service with a key is trusted to know whose it is.

    Who is in the group that an approval names decides it, and needs no permission on sagas, as in the console. People
    who neither operate nor are asked are refused alike, whatever there is.
    """

    permission_classes = (IsPersonOrMay,)
    document: ClassVar = DecisionDocument

    def post(self, request: Request, pk: UUID) -> Response:
        """As any verb, for whoever operates or is asked."""
        if not self.caller.may(OPERATE) and not self._is_asked(pk, read(DecideIn, request.data).step):
            self.permission_denied(request, message=IsPersonOrMay.message)
        return super().post(request, pk)

    def arguments(self, given: VerbIn) -> dict[str, Any]:
        """A person decides as a member of groups."""
        return {**super().arguments(given), "groups": groups_of(self.caller)}

    def answer(self, request: Request, saga: Saga) -> Response:
        """The saga in full, for those who may look at it; for others, that it is recorded."""
        if self.caller.may(LOOK) or self.caller.may(OPERATE):
            return super().answer(request, saga)
        decided = read(DecideIn, request.data)
        said = {"saga": str(saga.pk), "step": decided.step, "approved": decided.approved, "state": saga.state}
        return Response(said)

    def _is_asked(self, pk: UUID, step: str) -> bool:
        saga = self.sagas().filter(pk=pk).first()
        row = approval_of(saga, step) if saga is not None else None
        return row is not None and is_for(row, groups_of(self.caller), operates=False)


class CloneDoor(VerbDoor):
    """A new saga like one that has ended."""

    def answer(self, request: Request, started: operations.Started) -> Response:  # type: ignore[override]
        """201 with the new saga."""
        document = saga_document(started.saga, request, self.sight)
        headers = {"Location": address(started.saga, request)} | etag(started.saga, document)
        return Response(document, 201, headers=headers)


def verb_door(verb: str, shape: type[VerbIn], sends: dict[str, Any], kind: type[VerbDoor] = VerbDoor) -> Any:
    """The view of one verb; `sends` is an example of what it takes beside the reason."""
    status, more = (201, {200: "What it would do."}) if kind is CloneDoor else (200, {})
    call = Call(
        f"{verb.replace('_', ' ').capitalize()}",
        kind.document,
        status=status,
        more=more,
        body=shape,
        query=VerbQuery,
        headers=("If-Match",),
        problems=(409, 412),
        sends={**sends, "reason": "Ticket 4711: the customer called."},
        example=examples.SAGA,
    )
    name = f"{verb.title().replace('_', '')}Door"
    door: type[VerbDoor] = type(name, (kind,), {"verb": verb, "shape": shape, "calls": {"POST": call}})
    return door.as_view()
