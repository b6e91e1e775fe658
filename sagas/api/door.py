"""What the doors of sagas share: whose sagas a caller may know of, and how the coordinator's errors look."""

import hashlib
import json
from typing import Any, ClassVar
from uuid import UUID

from django.utils.http import parse_etags
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from gateway.confirming import is_fresh
from gateway.door import Door
from gateway.problems import Problem
from sagas.api.errors import problem_of
from sagas.errors import NotFound, SagaError
from sagas.models import Saga
from sagas.models.saga import SagaQuerySet
from sagas.operations.second import GRAVE
from sagas.record.sight import FULL, SEEING, VEILED, Sight


class SagaDoor(Door):
    """A caller sees the sagas of its own tenant, and of the definitions that its key is for, and no others."""

    needs: ClassVar = {"GET": "sagas.view_saga"}

    def sagas(self) -> SagaQuerySet:
        """All that the caller may see; every look at sagas begins here."""
        mine = Saga.objects.of_tenant(self.caller.tenant)
        return mine if self.caller.definitions is None else mine.filter(definition__in=self.caller.definitions)

    @property
    def sight(self) -> Sight:
        """What the caller may see of payloads: a person who may only look sees a mask; a service sees them."""
        seeing = self.caller.person is None or any(map(self.caller.may, SEEING))
        return FULL if seeing else VEILED

    def saga(self, pk: UUID | str) -> Saga:
        """One of them. Raises `NotFound`, also for a saga of somebody else's."""
        saga = self.sagas().select_related("parent").filter(pk=pk).first()
        if saga is None:
            raise NotFound(f"There is no saga {pk}.")
        return saga

    def must_know(self, pk: UUID) -> None:
        """Raises `NotFound` for a saga of a definition that the key is not for; tenants are the verbs' own matter."""
        if self.caller.definitions is not None and not self.sagas().filter(pk=pk).exists():
            raise NotFound(f"There is no saga {pk}.")

    def must_be_confirmed(self, verb: str) -> None:
        """Raises a 403 problem for a grave verb of a person who has not said lately who they are."""
        if self.caller.person is not None and verb in GRAVE and not is_fresh(self.request._request):
            sentence = "Say once more who you are, in the console, before you decide that; then send it again."
            raise Problem(sentence, status=403, code="not_confirmed")

    def must_hold_for(self, definition: str) -> None:
        """Raises a 403 problem for a definition that the key is not for."""
        if not self.caller.knows(definition):
            sentence = f"This key is not for sagas {definition!r}."
            raise Problem(sentence, status=403, code="definition_not_held")

    def handle_exception(self, exc: Exception) -> Response:
        """Errors of the coordinator are problems, too."""
        problem: Any = problem_of(exc) if isinstance(exc, SagaError) else None
        return super().handle_exception(problem or exc)


def etag(saga: Saga, document: Any) -> dict[str, str]:
    """The counter of decisions, by which `If-Match` finds a page stale, and what the document says, to the letter."""
    said = json.dumps(document, cls=JSONEncoder, sort_keys=True).encode()
    return {"ETag": f'"{saga.decisions}-{hashlib.sha256(said).hexdigest()[:16]}"'}


def is_what_they_have(request: Request, tag: str) -> bool:
    """Whether `If-None-Match` names the tag: weak or strong, among others, or as `*`."""
    given = [one.removeprefix("W/") for one in parse_etags(request.headers.get("If-None-Match", ""))]
    return tag in given or given == ["*"]


def expected(request: Request) -> int | None:
    """The counter of decisions that `If-Match` names; None without it."""
    given = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"').partition("-")[0]
    if not request.headers.get("If-Match", "").strip() or given == "*":
        return None
    if not (given.isascii() and given.isdecimal()) or len(given) > 9:
        raise Problem("If-Match must hold the ETag that a saga was shown with.", status=400, code="invalid_if_match")
    return int(given)
