"""Many sagas begin with one request, each with a result of its own; never all or nothing."""

from collections.abc import Sequence
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from gateway import idempotency
from gateway.description import Call
from gateway.parsers import JSONParser
from gateway.problems import Problem
from gateway.shapes import read
from sagas import operations
from sagas.api import examples
from sagas.api.answers import BatchDocument
from sagas.api.backpressure import relieve
from sagas.api.documents import saga_line
from sagas.api.errors import problem_of
from sagas.api.sagas import SagasDoor, below_input
from sagas.api.shapes import BatchIn, StartIn
from sagas.errors import InvalidInput, SagaError
from sagas.models import Saga


class LargerJSONParser(JSONParser):
    """JSON of up to 4 MiB in all; each item may be as large as a request on its own."""

    largest = 4 * 1024 * 1024


class BatchDoor(SagasDoor):
    """Up to 1,000 sagas."""

    parser_classes = (LargerJSONParser,)
    needs: ClassVar = {"POST": "sagas.add_saga"}
    calls: ClassVar = {
        "POST": Call(
            "Start many sagas",
            BatchDocument,
            body=BatchIn,
            headers=("Idempotency-Key", "traceparent"),
            problems=(409,),
            sends={"items": [examples.START]},
            example={"results": [{"status": 201, "saga": examples.LINE, "problem": None}]},
        )
    }
    http_method_names = ("post",)  # type: ignore[assignment]

    def post(self, request: Request) -> Response:
        """200 with a result for each item, in their order: what a request of its own would have been answered."""
        items = read(BatchIn, request.data).items
        key = idempotency.key_of(request)
        if key is None:
            return Response({"results": [self._result(one, request) for one in self._all(request, items)]})
        with idempotency.remembered(self.caller, "sagas.batch", key, request.data) as memory:
            if memory.answer is None:
                kept = self._all(request, items)
                memory.keep(200, [{**one, "saga": str(one["saga"].pk) if one["saga"] else None} for one in kept])
                headers = {}
            else:
                kept, headers = self._again(memory.answer.body), {idempotency.REPLAYED: "true"}
        return Response({"results": [self._result(one, request) for one in kept]}, headers=headers)

    def _all(self, request: Request, items: Sequence[Any]) -> list[dict[str, Any]]:
        """Begin those that can be, many in one statement; what is wrong with one item is its own result."""
        asked = [self._asked(request, item) for item in items]
        fit = [one for one in asked if not isinstance(one, Problem)]
        begun = iter(operations.start_each(fit, actor=self.caller.name, tenant=self.caller.tenant))
        return [self._told(request, one if isinstance(one, Problem) else next(begun)) for one in asked]

    def _asked(self, request: Request, item: Any) -> dict[str, Any] | Problem:
        """The keywords of `start`, or what is wrong with the item."""
        try:
            given = read(StartIn, item)
            self.must_hold_for(given.definition)
            relieve(given.definition)
            return {"definition": given.definition, "input": given.input, **self.terms(request, given)}
        except (Problem, SagaError) as error:
            return _problem_of(error)

    def _told(self, request: Request, came: operations.Started | SagaError | Problem) -> dict[str, Any]:
        if isinstance(came, operations.Started):
            return {"status": 201 if came.created else 200, "saga": came.saga, "problem": None}
        problem = _problem_of(below_input(came) if isinstance(came, InvalidInput) else came)
        return {"status": problem.status_code, "saga": None, "problem": problem.document(request)}

    def _again(self, kept: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found: dict[str, Saga] = {
            str(pk): saga for pk, saga in self.sagas().in_bulk([o["saga"] for o in kept if o["saga"]]).items()
        }
        return [{**one, "saga": found.get(one["saga"]) if one["saga"] else None} for one in kept]

    def _result(self, one: dict[str, Any], request: Request) -> dict[str, Any]:
        saga = one["saga"]
        return {**one, "saga": saga_line(saga, request) if saga is not None else None}


def _problem_of(error: SagaError | Problem) -> Problem:
    problem = error if isinstance(error, Problem) else problem_of(error)
    if problem is None:
        raise error
    return problem
