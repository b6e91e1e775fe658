"""One saga, and what belongs to it."""

from typing import ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from gateway.description import Call
from gateway.pages import page
from gateway.shapes import PageQuery, read_query
from sagas.api import examples
from sagas.api.answers import IncidentPage, JournalPage, SagaDocument, SignalPage, StepPage
from sagas.api.documents import (
    incident_document,
    journal_document,
    saga_document,
    signal_document,
    step_document,
)
from sagas.api.door import SagaDoor, etag, is_what_they_have
from sagas.api.shapes import WaitQuery
from sagas.api.watching import await_saga, in_turn, until_not
from sagas.models import Run, Saga
from sagas.operations.waiting import until_ended


class OneSagaDoor(SagaDoor):
    """One saga, with a sentence on what it waits for and links to what it allows."""

    calls: ClassVar = {
        "GET": Call(
            "Look at a saga",
            SagaDocument,
            more={304: "It is what you have already, by `If-None-Match`."},
            query=WaitQuery,
            headers=("If-None-Match",),
            example=examples.SAGA,
        )
    }

    def get(self, request: Request, pk: UUID) -> Response:
        """The saga in full; with `?wait=` when it has ended, or is in another state than `?state=`, or time is up."""
        asked = read_query(WaitQuery, request)
        saga = self.saga(pk)
        if asked.wait and not saga.ended_at and asked.state in (None, saga.state):
            await_saga(saga.pk, until_not(asked.state) if asked.state else until_ended, asked.time)
            with in_turn():
                return self._shown(self.saga(pk), request)
        return self._shown(saga, request)

    def _shown(self, saga: Saga, request: Request) -> Response:
        document = saga_document(saga, request, self.sight)
        headers = etag(saga, document)
        if is_what_they_have(request, headers["ETag"]):
            return Response(status=304, headers=headers)
        return Response(document, headers=headers)


class StepsDoor(SagaDoor):
    """A saga's steps, in the order in which they came up."""

    calls: ClassVar = {
        "GET": Call("List a saga's steps", StepPage, query=PageQuery, example=examples.page(examples.STEP))
    }

    def get(self, request: Request, pk: UUID) -> Response:
        """A page of them."""
        read_query(PageQuery, request)
        steps = self.saga(pk).runs.exclude(kind=Run.Kind.MESSAGE)
        return Response(page(request, steps, by="id").document(lambda run: step_document(self.sight.look(run))))


class JournalDoor(SagaDoor):
    """Everything that happened to a saga, in order."""

    calls: ClassVar = {
        "GET": Call("Read a saga's journal", JournalPage, query=PageQuery, example=examples.page(examples.JOURNAL))
    }

    def get(self, request: Request, pk: UUID) -> Response:
        """A page of it."""
        read_query(PageQuery, request)
        journal = page(request, self.saga(pk).journal.all(), by="rev")
        return Response(journal.document(lambda entry: journal_document(self.sight.look(entry))))


class SignalsDoor(SagaDoor):
    """What a saga was told."""

    calls: ClassVar = {
        "GET": Call("List a saga's signals", SignalPage, query=PageQuery, example=examples.page(examples.SIGNAL))
    }

    def get(self, request: Request, pk: UUID) -> Response:
        """A page of its signals."""
        read_query(PageQuery, request)
        signals = page(request, self.saga(pk).signals.all(), by="id")
        return Response(signals.document(lambda signal: signal_document(self.sight.look(signal))))


class IncidentsDoor(SagaDoor):
    """What of a saga needed a person, closed incidents included."""

    calls: ClassVar = {
        "GET": Call("List a saga's incidents", IncidentPage, query=PageQuery, example=examples.page(examples.INCIDENT))
    }

    def get(self, request: Request, pk: UUID) -> Response:
        """A page of its incidents."""
        read_query(PageQuery, request)
        incidents = page(request, self.saga(pk).incidents.all(), by="id")
        return Response(incidents.document(lambda one: incident_document(self.sight.look(one))))
