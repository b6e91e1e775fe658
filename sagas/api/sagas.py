"""All sagas: one begins, or they are listed."""

from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from gateway import idempotency
from gateway.description import Call
from gateway.ids import uuid7
from gateway.pages import page, sifted_page
from gateway.problems import Problem
from gateway.shapes import read, read_query
from gateway.trace import traceparent_of
from sagas import operations
from sagas.api import examples
from sagas.api.answers import SagaDocument, SagaPage
from sagas.api.backpressure import relieve
from sagas.api.documents import address, saga_document, saga_line
from sagas.api.door import SagaDoor
from sagas.api.listing import found_by_index, is_sifted, sifted
from sagas.api.shapes import SagaQuery, StartIn, StartQuery
from sagas.api.watching import await_saga, in_turn
from sagas.errors import InvalidInput
from sagas.operations.starting import a_time, check_callback
from sagas.operations.waiting import until_ended


class SagasDoor(SagaDoor):
    """All sagas: one begins, or they are listed."""

    needs: ClassVar = {"GET": "sagas.view_saga", "POST": "sagas.add_saga"}
    calls: ClassVar = {
        "GET": Call("List sagas", SagaPage, query=SagaQuery, example=examples.page(examples.LINE)),
        "POST": Call(
            "Start a saga",
            SagaDocument,
            status=201,
            more={200: "An open saga holds the business key; this is it."},
            body=StartIn,
            query=StartQuery,
            headers=("Idempotency-Key", "traceparent"),
            problems=(409,),
            sends=examples.START,
            example=examples.SAGA,
        ),
    }

    def get(self, request: Request) -> Response:
        """A page of sagas, the newest first."""
        asked = read_query(SagaQuery, request)
        try:
            found = found_by_index(self.sagas(), asked)
            sift = partial(sifted, asked=asked)
            shown = sifted_page(request, found, sift) if is_sifted(asked) else page(request, found)
        except InvalidInput as error:
            raise Problem(str(error), code="invalid_query", errors=error.errors) from None
        return Response(shown.document(lambda saga: saga_line(saga, request)))

    def post(self, request: Request) -> Response:
        """Begin a saga: 201, or 200 with the one that either key stands for already; `?wait=` holds the answer."""
        asked, given = read_query(StartQuery, request), read(StartIn, request.data)
        self.must_hold_for(given.definition)
        relieve(given.definition)
        started, headers = self._started(request, given)
        saga, status = started.saga, 201 if started.created else 200
        if asked.wait and not saga.ended_at:
            await_saga(saga.pk, until_ended, asked.time)
            with in_turn():
                document = saga_document(self.saga(saga.pk), request, self.sight)
        else:
            document = saga_document(saga, request, self.sight, started.snapshot)
        return Response(document, status, headers=headers | {"Location": address(saga, request)})

    def _started(self, request: Request, given: StartIn) -> tuple[operations.Started, dict[str, str]]:
        """The saga that begins, or that either key stands for already, and headers that say so."""
        key, pk = idempotency.key_of(request), uuid7()
        if key is None:
            return self._start(request, given, pk), {}
        likely = idempotency.Answer(201, {"id": str(pk)})
        with idempotency.remembered(self.caller, "sagas.start", key, request.data, likely=likely) as memory:
            if memory.answer is not None:
                saga = self.saga(memory.answer.body["id"])
                return operations.Started(saga=saga, created=False), {idempotency.REPLAYED: "true"}
            started = self._start(request, given, pk)
            memory.keep(201 if started.created else 200, {"id": str(started.saga.pk)})
        return started, {}

    def _start(self, request: Request, given: StartIn, pk: UUID) -> operations.Started:
        terms = self.terms(request, given) | {"actor": self.caller.name, "tenant": self.caller.tenant, "id": pk}
        try:
            return operations.start(given.definition, given.input, **terms)
        except InvalidInput as error:
            raise below_input(error) from None

    def terms(self, request: Request, given: StartIn) -> dict[str, Any]:
        """What `start` is told beside the definition and the input. Raises `InvalidInput` for what cannot be."""
        check_callback(given.callback_url or "")
        return {
            "business_key": given.business_key,
            "on_duplicate": given.on_duplicate,
            "version": given.version,
            "labels": given.labels,
            "priority": given.priority,
            "start_at": a_time(given.start_at, "/start_at") if given.start_at is not None else None,
            "traceparent": traceparent_of(request),
            "callback_url": given.callback_url or "",
        }


def below_input(error: InvalidInput) -> InvalidInput:
    """With pointers into the body: what the doors have not found wrong themselves is wrong in the input."""
    errors = [fault | {"pointer": f"/input{fault['pointer']}".rstrip("/")} for fault in error.errors]
    return InvalidInput(str(error), errors=errors)
