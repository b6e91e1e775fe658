"""What one person or service asks for and another must approve."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from gateway.description import Call
from gateway.pages import page
from gateway.shapes import PageQuery, read, read_query
from sagas.api import examples
from sagas.api.answers import ProposalDocument, ProposalPage
from sagas.api.door import SagaDoor
from sagas.api.listing import narrowed
from sagas.api.shapes import ProposalIn, VerbIn
from sagas.errors import InvalidInput
from sagas.models import Proposal
from sagas.operations import second
from sagas.record import clock


class ProposalDoor(SagaDoor):
    """What the doors of proposals share; a key for some definitions sees those of one saga that it may know of."""

    def proposals(self) -> QuerySet[Proposal]:
        """All that the caller may see."""
        mine = Proposal.objects.filter(tenant=self.caller.tenant)
        only = self.caller.definitions
        return mine if only is None else mine.filter(saga__definition__in=only)

    def shown(self, found: Proposal, request: Request) -> dict[str, Any]:
        """A proposal as callers see it."""
        here, found = {"args": [found.pk], "request": request}, self.sight.look(found)
        is_open = found.state == Proposal.State.OPEN and found.expires_at > clock.now()
        saga = reverse("sagas:saga", args=[found.saga_id], request=request) if found.saga_id else None
        operation = found.operation_id
        ways = ("approve", "refuse") if is_open else ()
        return {
            "id": str(found.pk),
            "verb": found.verb,
            "saga": saga,
            "count": found.count,
            "definitions": found.definitions,
            "arguments": found.arguments,
            "reason": found.reason,
            "asked_by": found.asked_by,
            "asked_at": found.asked_at,
            "expires_at": found.expires_at,
            "state": "expired" if found.state == Proposal.State.OPEN and not is_open else found.state,
            "decided_by": found.decided_by or None,
            "decided_why": found.decided_why or None,
            "decided_at": found.decided_at,
            "operation": reverse("sagas:bulk", args=[operation], request=request) if operation else None,
            "links": {way: str(reverse(f"sagas:{way}", **here)) for way in ways},  # type: ignore[arg-type]
        }


class ProposalsDoor(ProposalDoor):
    """All proposals: one is made, or they are listed."""

    needs: ClassVar = {"GET": "sagas.view_saga", "POST": "sagas.change_saga"}
    calls: ClassVar = {
        "GET": Call("List proposals", ProposalPage, query=PageQuery, example=examples.page(examples.PROPOSAL)),
        "POST": Call(
            "Ask for a verb that a second person must approve",
            ProposalDocument,
            status=201,
            body=ProposalIn,
            problems=(409,),
            sends={"verb": "give_up", "saga": examples.ID, "reason": "The customer is gone."},
            example=examples.PROPOSAL,
        ),
    }

    def get(self, request: Request) -> Response:
        """A page of them, the newest first."""
        read_query(PageQuery, request)
        found = self.proposals().order_by("-pk")
        return Response(page(request, found).document(lambda one: self.shown(one, request)))

    def post(self, request: Request) -> Response:
        """201 with the proposal; nothing is done until somebody else approves it."""
        given = read(ProposalIn, request.data)
        about: dict[str, Any] = {"actor": self.caller.name, "tenant": self.caller.tenant, "reason": given.reason}
        if given.saga is not None:
            if not self.sagas().filter(pk=given.saga).exists():
                fault = "is not one of yours"
                raise InvalidInput(f"Saga {given.saga} {fault}.", errors=[{"pointer": "/saga", "detail": fault}])
            made = second.ask(given.verb, given.saga, **about, arguments=given.arguments())
        else:
            chosen = self.sagas().filter(pk__in=given.ids) if given.ids else narrowed(self.sagas(), given.wanted())
            more: dict[str, Any] = {"rate": given.rate, "selection": given.selection(), "arguments": given.arguments()}
            made = second.ask_bulk(given.verb, chosen, **about, **more)
        return Response(self.shown(made, request), 201)


class DecidingDoor(ProposalDoor):
    """A second person decides."""

    needs: ClassVar = {"POST": "sagas.change_saga"}
    how: ClassVar[str]

    def post(self, request: Request, pk: UUID) -> Response:
        """The proposal as it stands then; 409 for who asked, and for what is decided or does not fit any more."""
        given = read(VerbIn, request.data)
        about: dict[str, Any] = {"tenant": self.caller.tenant, "definitions": self.caller.definitions}
        if self.how == "approve":
            self.must_be_confirmed("give_up")  # as grave as the gravest
        found = getattr(second, self.how)(pk, actor=self.caller.name, reason=given.reason, **about)
        return Response(self.shown(found, request))


def deciding_door(how: str) -> Any:
    """The view of one way to decide."""
    call = Call(
        f"{how.capitalize()} a proposal",
        ProposalDocument,
        body=VerbIn,
        problems=(409, 412),
        sends={"reason": "I have looked at it, too."},
        example=examples.PROPOSAL,
    )
    return type(f"{how.capitalize()}Door", (DecidingDoor,), {"how": how, "calls": {"POST": call}}).as_view()  # type: ignore[attr-defined]
