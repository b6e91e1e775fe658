"""The services that steps call: which are held, how many steps wait, and the verbs that hold and release them."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from gateway.description import Call
from gateway.problems import Problem
from gateway.shapes import read, read_query
from sagas.api import examples
from sagas.api.answers import ParticipantAnswer, ParticipantDocument, ParticipantList
from sagas.api.door import SagaDoor
from sagas.api.shapes import CanaryIn, HoldIn, ReleaseIn, VerbIn, VerbQuery
from sagas.operations import holding
from sagas.operations.foreseeing import foresee
from sagas.operations.participants import Canary, Participant, participant, participants


class ParticipantDoor(SagaDoor):
    """What the doors of participants share."""

    def one(self, name: str) -> Participant:
        """One participant that the caller may know of. Raises `NotFound`."""
        return participant(name, self.caller.tenant, self.caller.definitions, self.sight)

    def shown(self, found: Participant, request: Request) -> dict[str, Any]:
        """A participant as callers see it."""
        hold = found.hold

        def address(name: str) -> str:
            return str(reverse(f"sagas:{name}", args=[found.name], request=request))

        return {
            "name": found.name,
            "state": found.stands,
            "steps": [{"definition": definition, "step": step} for definition, step in found.steps],
            "held_by": hold.held_by if hold else None,
            "held_at": hold.held_at if hold else None,
            "until": hold.until if hold else None,
            "reason": hold.reason if hold else None,
            "released_by": hold.released_by or None if hold else None,
            "released_at": hold.released_at if hold else None,
            "rate": hold.rate if hold else None,
            "let_go": hold.let_go if hold else 0,
            "waiting": found.waiting,
            "errors": found.errors,
            "canaries": [_canary(canary, request) for canary in found.canaries],
            "url": address("participant"),
            "links": {verb: address(f"{verb}_participant") for verb in found.allowed},
        }


class ParticipantsDoor(ParticipantDoor):
    """All participants."""

    calls: ClassVar = {
        "GET": Call("List participants", ParticipantList, example={"results": [examples.PARTICIPANT]}),
    }

    def get(self, request: Request) -> Response:
        """Every service that steps call, those that are held first."""
        found = participants(self.caller.tenant, self.caller.definitions, self.sight)
        return Response({"results": [self.shown(one, request) for one in found]})


class OneParticipantDoor(ParticipantDoor):
    """One participant."""

    calls: ClassVar = {"GET": Call("Look at a participant", ParticipantDocument, example=examples.PARTICIPANT)}

    def get(self, request: Request, name: str) -> Response:
        """How it stands: who holds it, how many steps wait, what went wrong last, how canaries fare."""
        return Response(self.shown(self.one(name), request))


class HoldingDoor(ParticipantDoor):
    """One verb on one participant. It is about all sagas of the tenant, so a key for some definitions may not."""

    needs: ClassVar = {"POST": "sagas.change_saga"}
    verb: ClassVar[str]
    shape: ClassVar[type[VerbIn]]

    def post(self, request: Request, name: str) -> Response:
        """The participant as the verb left it, or with `?dry_run=true` what it would do."""
        asked = read_query(VerbQuery, request)
        given = read(self.shape, request.data)
        self.one(name)
        if self.caller.definitions is not None:
            sentence = "Holding a participant is about all sagas, and this key is for some definitions only."
            raise Problem(sentence, status=403, code="definition_not_held")
        arguments = {field: getattr(given, field) for field in type(given).model_fields}
        arguments |= {"actor": self.caller.name, "tenant": self.caller.tenant}
        if asked.dry_run:
            sentences = foresee(self.verb, name, **arguments)
            return Response({"verb": self.verb, "dry_run": True, "sentences": list(sentences)})
        getattr(holding, self.verb)(name, **arguments)
        return Response(self.shown(self.one(name), request))


def holding_door(verb: str, shape: type[VerbIn], sends: dict[str, Any]) -> Any:
    """The view of one verb; `sends` is an example of what it takes beside the reason."""
    call = Call(
        f"{verb.capitalize()}: a participant",
        ParticipantAnswer,
        body=shape,
        query=VerbQuery,
        problems=(409,),
        sends={**sends, "reason": "Payments answers 500 to every charge."},
        example=examples.PARTICIPANT,
    )
    name = f"{verb.capitalize()}ParticipantDoor"
    door: type[HoldingDoor] = type(name, (HoldingDoor,), {"verb": verb, "shape": shape, "calls": {"POST": call}})
    return door.as_view()


VERBS = {
    "hold": holding_door("hold", HoldIn, {"until": "2026-03-02T08:00:00Z"}),
    "canary": holding_door("canary", CanaryIn, {"saga": examples.ID}),
    "release": holding_door("release", ReleaseIn, {"rate": 10}),
}


def _canary(canary: Canary, request: Request) -> dict[str, Any]:
    return {
        "saga": str(canary.saga),
        "url": reverse("sagas:saga", args=[canary.saga], request=request),
        "at": canary.at,
        "by": canary.by,
        "step": canary.step or None,
        "outcome": canary.outcome,
        "went_well": canary.went_well,
    }
