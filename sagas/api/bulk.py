"""Bulk operations: one verb for many sagas, with what became of each."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from gateway import idempotency
from gateway.description import Call
from gateway.pages import page
from gateway.shapes import PageQuery, read, read_query
from sagas.api import examples
from sagas.api.answers import BulkAnswer, BulkDocument, BulkPage, ItemPage
from sagas.api.documents import address
from sagas.api.door import SagaDoor
from sagas.api.listing import narrowed
from sagas.api.shapes import BulkIn, ItemQuery, VerbQuery
from sagas.errors import NotFound
from sagas.models import BulkItem, BulkOperation
from sagas.models.saga import SagaQuerySet
from sagas.operations.bulk import begin_bulk, foresee_bulk, steer_bulk, tally
from sagas.record.payload import shown

STEERING = ("pause", "resume", "cancel")
ENDED = (BulkOperation.State.DONE, BulkOperation.State.CANCELLED)


class BulkDoor(SagaDoor):
    """What the doors of bulk operations share; a key for some definitions sees those that it began itself."""

    def operations(self) -> QuerySet[BulkOperation]:
        """All that the caller may see."""
        mine = BulkOperation.objects.filter(tenant=self.caller.tenant)
        return mine if self.caller.definitions is None else mine.filter(actor=self.caller.name)

    def operation(self, pk: UUID) -> BulkOperation:
        """One of them. Raises `NotFound`."""
        found = self.operations().filter(pk=pk).first()
        if found is None:
            raise NotFound(f"There is no operation {pk}.")
        return found

    def shown(self, operation: BulkOperation, request: Request) -> dict[str, Any]:
        """An operation as callers see it."""
        operation, counted = self.sight.look(operation), tally(operation)
        here = str(reverse("sagas:bulk", args=[operation.pk], request=request))
        links = {} if operation.state in ENDED else {how: f"{here}{how}/" for how in STEERING}
        return {
            "id": str(operation.pk),
            "verb": operation.verb,
            "arguments": shown(operation.arguments),
            "selection": operation.selection,
            "reason": operation.reason,
            "actor": operation.actor,
            "rate": operation.rate,
            "state": operation.state,
            "total": sum(counted.values()),
            "counts": counted,
            "created_at": operation.created_at,
            "ended_at": operation.ended_at,
            "url": here,
            "links": {"self": here, "items": f"{here}items/", **links},
        }


class BulksDoor(BulkDoor):
    """All bulk operations: one begins, or they are listed."""

    needs: ClassVar = {"GET": "sagas.view_saga", "POST": "sagas.change_saga"}
    calls: ClassVar = {
        "GET": Call("List bulk operations", BulkPage, query=PageQuery, example=examples.page(examples.BULK)),
        "POST": Call(
            "Begin a bulk operation",
            BulkAnswer,
            status=201,
            more={200: "What it would do."},
            body=BulkIn,
            query=VerbQuery,
            headers=("Idempotency-Key",),
            problems=(409,),
            sends=examples.BULK_REQUEST,
            example=examples.BULK,
        ),
    }

    def get(self, request: Request) -> Response:
        """A page of them, the newest first."""
        read_query(PageQuery, request)
        return Response(page(request, self.operations()).document(lambda one: self.shown(one, request)))

    def post(self, request: Request) -> Response:
        """201: it is stored and begins within seconds; with `?dry_run=true` only what it would do."""
        asked, given = read_query(VerbQuery, request), read(BulkIn, request.data)
        chosen = self._chosen(given)
        if asked.dry_run:
            return Response(_foreseen(given, chosen))
        self.must_be_confirmed(given.verb)
        key = idempotency.key_of(request)
        with idempotency.remembered(self.caller, "sagas.bulk", key, request.data) as memory:
            if memory.answer is None:
                operation = begin_bulk(
                    given.verb,
                    chosen,
                    actor=self.caller.name,
                    reason=given.reason,
                    tenant=self.caller.tenant,
                    rate=given.rate,
                    selection=given.selection(),
                    arguments=given.arguments.model_dump(exclude_unset=True),
                )
                memory.keep(201, {"id": str(operation.pk)})
                headers = {}
            else:
                operation = self.operation(memory.answer.body["id"])
                headers = {idempotency.REPLAYED: "true"}
        document = self.shown(operation, request)
        return Response(document, 201, headers=headers | {"Location": document["url"]})

    def _chosen(self, given: BulkIn) -> SagaQuerySet:
        if given.ids is not None:
            return self.sagas().filter(pk__in=given.ids)
        assert given.filter is not None  # noqa: S101 - the shape holds one of the two
        return narrowed(self.sagas(), given.filter)


class OneBulkDoor(BulkDoor):
    """One bulk operation."""

    calls: ClassVar = {"GET": Call("Look at a bulk operation", BulkDocument, example=examples.BULK)}

    def get(self, request: Request, pk: UUID) -> Response:
        """What it is, and how many of its sagas are in which state."""
        return Response(self.shown(self.operation(pk), request))


class ItemsDoor(BulkDoor):
    """The sagas of a bulk operation."""

    calls: ClassVar = {
        "GET": Call("List a bulk operation's sagas", ItemPage, query=ItemQuery, example=examples.page(examples.ITEM))
    }

    def get(self, request: Request, pk: UUID) -> Response:
        """A page of them, with what became of each; `?state=` only those."""
        asked = read_query(ItemQuery, request)
        items = BulkItem.objects.filter(operation=self.operation(pk)).select_related("saga")
        if asked.state is not None:
            items = items.filter(state=asked.state)
        return Response(page(request, items, by="id").document(lambda item: _item(self.sight.look(item), request)))


class SteerDoor(BulkDoor):
    """A bulk operation is paused, goes on, or is cancelled."""

    needs: ClassVar = {"POST": "sagas.change_saga"}
    how: ClassVar[str]

    def post(self, request: Request, pk: UUID) -> Response:
        """The operation as it stands then; 409 when it is not in a state for that."""
        self.operation(pk)
        return Response(self.shown(steer_bulk(pk, self.how, tenant=self.caller.tenant), request))


def steer_door(how: str) -> Any:
    """The view of one way to steer."""
    call = Call(f"{how.capitalize()} a bulk operation", BulkDocument, problems=(409,), example=examples.BULK)
    return type(f"{how.capitalize()}BulkDoor", (SteerDoor,), {"how": how, "calls": {"POST": call}}).as_view()  # type: ignore[attr-defined]


def _foreseen(given: BulkIn, chosen: SagaQuerySet) -> dict[str, Any]:
    found = foresee_bulk(given.verb, chosen)
    return {
        "dry_run": True,
        "verb": found.verb,
        "total": found.total,
        "looked_at": found.looked_at,
        "eligible": found.eligible,
        "not_eligible": dict(found.not_eligible),
        "groups": dict(found.groups),
        "not_idempotent": dict(found.not_idempotent),
    }


def _item(item: BulkItem, request: Request) -> dict[str, Any]:
    return {
        "saga": str(item.saga_id),
        "business_key": item.saga.business_key,
        "url": address(item.saga, request),
        "state": item.state,
        "said": item.said or None,
        "asked_at": item.asked_at,
        "ended_at": item.ended_at,
    }
