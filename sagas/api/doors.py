"""The coordinator over REST. Each door reads a shape, calls one operation, and shows a document."""

from typing import Any, ClassVar
from uuid import UUID

from django.core.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gateway import idempotency
from gateway.door import Door
from gateway.pages import page
from gateway.problems import Problem
from gateway.shapes import PageQuery, read, read_query
from gateway.trace import traceparent_of
from sagas import operations
from sagas.api.documents import (
    address,
    incident_document,
    journal_document,
    preview_document,
    saga_document,
    saga_line,
    signal_document,
    step_document,
    told_document,
)
from sagas.api.errors import problem_of
from sagas.api.shapes import KeyPath, SagaQuery, SignalByKeyIn, SignalIn, StartIn, VerbIn, VerbQuery
from sagas.errors import InvalidInput, NotFound, SagaError
from sagas.models import Run, Saga
from sagas.models.saga import SagaQuerySet


class SagaDoor(Door):
    """What the doors of sagas share: a caller sees the sagas of its own tenant, and no others."""

    needs: ClassVar = {"GET": "sagas.view_saga"}

    def sagas(self) -> SagaQuerySet:
        """All that the caller may see."""
        return Saga.objects.of_tenant(self.caller.tenant)

    def saga(self, pk: UUID | str) -> Saga:
        """One of them. Raises `NotFound`, also for a saga of somebody else's."""
        saga = self.sagas().filter(pk=pk).first()
        if saga is None:
            raise NotFound(f"There is no saga {pk}.")
        return saga

    def handle_exception(self, exc: Exception) -> Response:
        """Errors of the coordinator are problems, too."""
        problem = problem_of(exc) if isinstance(exc, SagaError) else None
        return super().handle_exception(problem or exc)


class SagasDoor(SagaDoor):
    """All sagas: one begins, or they are listed."""

    needs: ClassVar = {"GET": "sagas.view_saga", "POST": "sagas.add_saga"}

    def get(self, request: Request) -> Response:
        """A page of sagas, the newest first."""
        asked = read_query(SagaQuery, request)
        found = self.sagas()
        for name in ("definition", "state", "business_key"):
            if (value := getattr(asked, name)) is not None:
                found = found.filter(**{name: value})
        if asked.needs_person is not None:
            found = found.needing_a_person() if asked.needs_person else found.filter(open_incidents=0)
        return Response(page(request, found).document(lambda saga: saga_line(saga, request)))

    def post(self, request: Request) -> Response:
        """Begin a saga: 201, or 200 with the open one that holds the business key."""
        given = read(StartIn, request.data)
        key = idempotency.key_of(request)
        with idempotency.remembered(self.caller, "sagas.start", key, request.data) as memory:
            if memory.answer is None:
                started = self._start(request, given)
                saga, status, headers = started.saga, 201 if started.created else 200, {}
                memory.keep(status, {"id": str(saga.pk)})
            else:
                saga, status = self.saga(memory.answer.body["id"]), memory.answer.status
                headers = {idempotency.REPLAYED: "true"}
        return Response(saga_document(saga, request), status, headers=headers | {"Location": address(saga, request)})

    def _start(self, request: Request, given: StartIn) -> operations.Started:
        try:
            return operations.start(
                given.definition,
                given.input,
                actor=self.caller.name,
                tenant=self.caller.tenant,
                business_key=given.business_key,
                on_duplicate=given.on_duplicate,
                version=given.version,
                labels=given.labels,
                priority=given.priority,
                start_at=given.start_at,
                traceparent=traceparent_of(request),
            )
        except InvalidInput as error:
            errors = [fault | {"pointer": f"/input{fault['pointer']}".rstrip("/")} for fault in error.errors]
            raise InvalidInput(str(error), errors=errors) from None


class OneSagaDoor(SagaDoor):
    """One saga, with a sentence on what it waits for and links to what it allows."""

    def get(self, request: Request, pk: UUID) -> Response:
        """The saga in full."""
        saga = self.saga(pk)
        return Response(saga_document(saga, request), headers=etag(saga))


class StepsDoor(SagaDoor):
    """A saga's steps, in the order in which they came up."""

    def get(self, request: Request, pk: UUID) -> Response:
        """A page of them."""
        read_query(PageQuery, request)
        return Response(
            page(request, self.saga(pk).runs.exclude(kind=Run.Kind.MESSAGE), by="id").document(step_document)
        )


class JournalDoor(SagaDoor):
    """Everything that happened to a saga, in order."""

    def get(self, request: Request, pk: UUID) -> Response:
        """A page of it."""
        read_query(PageQuery, request)
        return Response(page(request, self.saga(pk).journal.all(), by="rev").document(journal_document))


class SignalsDoor(SagaDoor):
    """What a saga was told."""

    def get(self, request: Request, pk: UUID) -> Response:
        """A page of its signals."""
        read_query(PageQuery, request)
        return Response(page(request, self.saga(pk).signals.all(), by="id").document(signal_document))


class IncidentsDoor(SagaDoor):
    """What of a saga needed a person, closed incidents included."""

    def get(self, request: Request, pk: UUID) -> Response:
        """A page of its incidents."""
        read_query(PageQuery, request)
        return Response(page(request, self.saga(pk).incidents.all(), by="id").document(incident_document))


class SignalDoor(SagaDoor):
    """The outside tells a saga something."""

    needs: ClassVar = {"POST": "sagas.add_signal"}

    def post(self, request: Request, pk: UUID, name: str) -> Response:
        """202: it is stored, whatever the saga does just then."""
        given = read(SignalIn, request.data)
        told = operations.signal(
            pk, name, given.payload, actor=self.caller.name, id=given.id, tenant=self.caller.tenant
        )
        return Response(told_document(told, request), 202)


class SignalByKeyDoor(SagaDoor):
    """The outside tells whoever holds a business key."""

    needs: ClassVar = {"POST": "sagas.add_signal"}

    def post(self, request: Request, definition: str, key: str, name: str) -> Response:
        """202: it is stored; without a holder the saga may be begun with it."""
        given = read(SignalByKeyIn, request.data)
        meant = read(KeyPath, {"definition": definition, "key": key})
        if given.start_if_missing is not None and not self.caller.may("sagas.add_saga"):
            raise PermissionDenied
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


class VerbDoor(SagaDoor):
    """One verb on one saga; what the verb refuses is a 409 that says what is allowed instead.

    `?dry_run=true` says what would happen and changes nothing. `If-Match` with the saga's ETag refuses a decision that
    was made before a look at a saga that others have decided about since: 412.
    """

    needs: ClassVar = {"POST": "sagas.change_saga"}
    verb: ClassVar[str]
    shape: ClassVar[type[VerbIn]]

    def post(self, request: Request, pk: UUID) -> Response:
        """The saga as the verb left it, or what it would do."""
        asked = read_query(VerbQuery, request)
        arguments = self.arguments(read(self.shape, request.data))
        arguments |= {"actor": self.caller.name, "tenant": self.caller.tenant, "expect": expected(request)}
        if asked.dry_run:
            return Response(preview_document(operations.preview(self.verb, pk, **arguments)))
        return self.answer(request, getattr(operations, self.verb)(pk, **arguments))

    def arguments(self, given: VerbIn) -> dict[str, Any]:
        """What the verb takes: an input that was not sent is not an input of null."""
        left = {"input"} - given.model_fields_set
        return {name: getattr(given, name) for name in type(given).model_fields if name not in left}

    def answer(self, request: Request, saga: Saga) -> Response:
        """The saga in full."""
        return Response(saga_document(saga, request), headers=etag(saga))


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
        headers = {"Location": address(started.saga, request)} | etag(started.saga)
        return Response(saga_document(started.saga, request), 201, headers=headers)


def verb_door(verb: str, shape: type[VerbIn], kind: type[VerbDoor] = VerbDoor) -> Any:
    """The view of one verb."""
    door: type[VerbDoor] = type(f"{verb.title().replace('_', '')}Door", (kind,), {"verb": verb, "shape": shape})
    return door.as_view()


def etag(saga: Saga) -> dict[str, str]:
    """A saga is another one for whoever decides about it when something was decided about it."""
    return {"ETag": f'"{saga.decisions}"'}


def expected(request: Request) -> int | None:
    """The counter of decisions that `If-Match` names; None without it."""
    given = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    if not given or given == "*":
        return None
    if not given.isdecimal() or len(given) > 9:
        raise Problem("If-Match must hold the ETag that a saga was shown with.", status=400, code="invalid_if_match")
    return int(given)
