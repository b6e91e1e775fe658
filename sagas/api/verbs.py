"""The verbs of one saga."""

from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from gateway.description import Call
from gateway.shapes import read, read_query
from sagas import operations
from sagas.api import examples
from sagas.api.answers import VerbDocument
from sagas.api.documents import address, preview_document, saga_document
from sagas.api.door import SagaDoor, etag, expected
from sagas.api.shapes import VerbIn, VerbQuery
from sagas.models import Saga


class VerbDoor(SagaDoor):
    """One verb on one saga; what the verb refuses is a 409 that says what is allowed instead.

    `?dry_run=true` says what would happen and changes nothing. `If-Match` with the saga's ETag refuses a decision that
    was made before a look at a saga that others have decided about since: 412.
    """

    needs: ClassVar = {"POST": "sagas.change_saga"}
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
        document = saga_document(saga, request)
        return Response(document, headers=etag(saga, document))


class DecideDoor(VerbDoor):
    """A person's yes or no; a service with a key is trusted to know whose it is."""

    def arguments(self, given: VerbIn) -> dict[str, Any]:
        """A person decides as a member of groups."""
        person = self.caller.person
        groups = None if person is None or person.is_superuser else set(person.groups.values_list("name", flat=True))
        return {**super().arguments(given), "groups": groups}


class CloneDoor(VerbDoor):
    """A new saga like one that has ended."""

    def answer(self, request: Request, started: operations.Started) -> Response:  # type: ignore[override]
        """201 with the new saga."""
        document = saga_document(started.saga, request)
        headers = {"Location": address(started.saga, request)} | etag(started.saga, document)
        return Response(document, 201, headers=headers)


def verb_door(verb: str, shape: type[VerbIn], sends: dict[str, Any], kind: type[VerbDoor] = VerbDoor) -> Any:
    """The view of one verb; `sends` is an example of what it takes beside the reason."""
    status, more = (201, {200: "What it would do."}) if kind is CloneDoor else (200, {})
    call = Call(
        f"{verb.replace('_', ' ').capitalize()}",
        VerbDocument,
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
