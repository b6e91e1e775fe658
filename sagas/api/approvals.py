"""What waits for a person's yes or no, over REST."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from gateway.callers import Caller, MayCall
from gateway.description import Call
from gateway.pages import page
from gateway.shapes import read_query
from sagas.api import examples
from sagas.api.answers import ApprovalPage
from sagas.api.documents import address
from sagas.api.door import SagaDoor
from sagas.api.shapes import ApprovalQuery
from sagas.engine.summary import summary_of
from sagas.models import Run
from sagas.operations.approvals import approval_of, meant_for, waiting
from sagas.record.sight import FULL, Sight

LOOK, OPERATE = "sagas.view_saga", "sagas.change_saga"


class IsPersonOrMay(MayCall):
    """Lets people in whatever they may: which approvals are theirs, their groups say. A service needs its scope."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller may."""
        is_person = isinstance(request.user, Caller) and request.user.person is not None
        return is_person or super().has_permission(request, view)


def groups_of(caller: Caller) -> frozenset[str] | None:
    """A person's groups; None for who is trusted with all of them: a service, and who may everything."""
    person = caller.person
    return None if person is None or person.is_superuser else frozenset(person.groups.values_list("name", flat=True))


class ApprovalsDoor(SagaDoor):
    """Approvals that nobody has decided."""

    permission_classes = (IsPersonOrMay,)
    needs: ClassVar = {"GET": LOOK}
    calls: ClassVar = {
        "GET": Call(
            "List what waits for a yes or no",
            ApprovalPage,
            query=ApprovalQuery,
            example=examples.page(examples.APPROVAL),
        )
    }

    def get(self, request: Request) -> Response:
        """A page of them, the oldest first: of a person those that are theirs to decide, of a service all."""
        asked = read_query(ApprovalQuery, request)
        if asked.everybody and not self.caller.may(LOOK):
            self.permission_denied(request, message=IsPersonOrMay.message)
        found = waiting(self.caller.tenant, self.caller.definitions)
        if self.caller.person is not None and not asked.everybody:
            found = meant_for(found, groups_of(self.caller), operates=self.caller.may(OPERATE))
        sight = self.sight if asked.everybody else FULL  # who decides must know about what
        return Response(page(request, found, by="id").document(lambda run: _approval(run, request, sight)))


def _approval(run: Run, request: Request, sight: Sight) -> dict[str, Any]:
    row = approval_of(run.saga, run.path)
    return {
        "saga": str(run.saga_id),
        "definition": run.saga.definition,
        "business_key": run.saga.business_key,
        "step": run.path,
        "group": row.group or None if row else None,
        "summary": summary_of(run.saga, sight) or None,
        "input": sight.shown(run.saga.input),
        "form": row.form.model_json_schema() if row and row.form else None,
        "since": run.since,
        "until": run.at if run.at and run.at.year < 9999 else None,
        "links": {"saga": address(run.saga, request), "decide": address(run.saga, request, "decide")},
    }
