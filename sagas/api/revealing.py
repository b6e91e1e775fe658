"""What is sensitive in a saga, for people who may see it and say why."""

from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from gateway.description import Call
from gateway.problems import Problem
from gateway.shapes import read
from gateway.vault import Unreadable
from sagas import operations
from sagas.api.answers import RevealedDocument
from sagas.api.door import SagaDoor
from sagas.api.shapes import RevealIn


class RevealDoor(SagaDoor):
    """One place of a saga, without masks. Who saw it, when and why, is in the audit before it is answered."""

    needs: ClassVar = {"POST": "sagas.reveal_saga"}
    calls: ClassVar = {
        "POST": Call(
            "Reveal what is sensitive",
            RevealedDocument,
            body=RevealIn,
            problems=(409,),
            sends={"what": "input", "reason": "Ticket 4711: the bank asks for the card's number."},
            example={"what": "input", "value": {"user_id": "u-1", "card": "4111 1111 1111 1111"}},
        )
    }

    def post(self, request: Request, pk: UUID) -> Response:
        """The stored value, open. 409 when it was sealed under a key that is gone."""
        given = read(RevealIn, request.data)
        self.must_know(pk)
        asked: dict[str, Any] = {name: getattr(given, name) for name in type(given).model_fields}
        try:
            value = operations.reveal(pk, **asked, actor=self.caller.name, tenant=self.caller.tenant)
        except Unreadable as error:
            raise Problem(str(error), status=409, code="unreadable") from None
        return Response({"what": given.what, "value": value}, headers={"Cache-Control": "no-store"})
