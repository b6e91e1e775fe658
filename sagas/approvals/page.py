"""A person who was sent a link decides: the signed address is the authority, so nobody needs to log in."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from sagas import operations, registry
from sagas.approvals.fields import fields_of, values
from sagas.errors import InvalidInput, NotAllowed, NotFound
from sagas.links import Invitation, read_approval
from sagas.models import Run, Saga, Work
from sagas.rows import Approval

LONGEST_REASON = 2000
TEMPLATE = "sagas/approval.html"


@never_cache
@csrf_exempt  # a forged request would need the token, and with the token it needs no forgery
@require_http_methods(["GET", "POST"])
def approval(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows what is asked; POST decides, once. Afterwards the page says who decided, and when."""
    try:
        asked = read_approval(token)
        run = Run.objects.select_related("saga").get(saga_id=asked.saga, path=asked.step, kind=Run.Kind.APPROVAL)
    except (NotFound, Run.DoesNotExist):
        return _shown(request, {"title": "There is nothing to decide at this address."}, 404)
    if request.method == "POST" and run.work == Work.WAITING and not run.given:
        return _decide(request, asked, run)
    return _shown(request, _about(run, {}))


def _decide(request: HttpRequest, asked: Invitation, run: Run) -> HttpResponse:
    sent = {name: str(value) for name, value in request.POST.items()}
    row = _row(run)
    try:
        operations.decide(
            run.saga_id,
            step=asked.step,
            approved=sent.get("decision") == "yes",
            form=values(fields_of(row.form if row else None), sent) if row and row.form else None,
            actor=asked.person,
            reason=sent.get("reason", "")[:LONGEST_REASON],
            tenant=run.saga.tenant,
        )
    except InvalidInput as error:
        return _shown(request, _about(run, sent) | {"faults": error.errors, "refused": str(error)}, 422)
    except NotAllowed as error:
        run.refresh_from_db()
        return _shown(request, _about(run, {}) | {"refused": str(error)}, 409)
    run.refresh_from_db()
    return _shown(request, _about(run, {}))


def _about(run: Run, sent: dict[str, str]) -> dict[str, Any]:
    row = _row(run)
    filled = {name.removeprefix("field."): value for name, value in sent.items() if name.startswith("field.")}
    return {
        "title": run.path.replace("_", " ").capitalize(),
        "saga": run.saga,
        "run": run,
        "open": run.work == Work.WAITING and not run.given,
        "decision": run.given,
        "fields": fields_of(row.form if row else None, filled),
        "reason": sent.get("reason", ""),
    }


def _row(run: Run) -> Approval | None:
    saga: Saga = run.saga
    table = registry.find(saga.definition, saga.version, saga.fingerprint)
    row = table.places[run.path].row if table else None
    return row if isinstance(row, Approval) else None


def _shown(request: HttpRequest, about: dict[str, Any], status: int = 200) -> HttpResponse:
    page = render(request, TEMPLATE, about, status=status)
    page.headers["Referrer-Policy"] = "no-referrer"  # the address is the authority; it must not travel on
    page.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"
    return page
