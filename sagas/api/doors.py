"""The coordinator over REST. Each door reads a shape, calls one operation, and shows a document."""

from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from gateway import idempotency
from gateway.door import Door
from gateway.pages import page
from gateway.shapes import PageQuery, read, read_query
from gateway.trace import traceparent_of
from sagas import operations
from sagas.api.documents import address, journal_document, saga_document, saga_line, step_document
from sagas.api.errors import problem_of
from sagas.api.shapes import CancelIn, RetryIn, SagaQuery, StartIn
from sagas.errors import InvalidInput, NotFound, SagaError
from sagas.models import Saga
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
                traceparent=traceparent_of(request),
            )
        except InvalidInput as error:
            errors = [fault | {"pointer": f"/input{fault['pointer']}".rstrip("/")} for fault in error.errors]
            raise InvalidInput(str(error), errors=errors) from None


class OneSagaDoor(SagaDoor):
    """One saga, with a sentence on what it waits for and links to what it allows."""

    def get(self, request: Request, pk: UUID) -> Response:
        """The saga in full."""
        return Response(saga_document(self.saga(pk), request))


class StepsDoor(SagaDoor):
    """A saga's steps, in the order in which they came up."""

    def get(self, request: Request, pk: UUID) -> Response:
        """A page of them."""
        read_query(PageQuery, request)
        return Response(page(request, self.saga(pk).runs.all(), by="id").document(step_document))


class JournalDoor(SagaDoor):
    """Everything that happened to a saga, in order."""

    def get(self, request: Request, pk: UUID) -> Response:
        """A page of it."""
        read_query(PageQuery, request)
        return Response(page(request, self.saga(pk).journal.all(), by="rev").document(journal_document))


class VerbDoor(SagaDoor):
    """One verb on one saga; what the verb refuses is a 409 that says what is allowed instead."""

    needs: ClassVar = {"POST": "sagas.change_saga"}
    verb: ClassVar[Any]
    shape: ClassVar[type[CancelIn]]

    def post(self, request: Request, pk: UUID) -> Response:
        """The saga as the verb left it."""
        given = read(self.shape, request.data).model_dump()
        saga = type(self).verb(pk, actor=self.caller.name, tenant=self.caller.tenant, **given)
        return Response(saga_document(saga, request))


class CancelDoor(VerbDoor):
    """The saga goes back."""

    verb = staticmethod(operations.cancel)
    shape = CancelIn


class RetryDoor(VerbDoor):
    """What needs a person, or waits for its next try, is tried now."""

    verb = staticmethod(operations.retry)
    shape = RetryIn
