"""A person who was sent a link decides: the signed address is the authority, so nobody needs to log in."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from sagas import operations
from sagas.approvals.fields import fields_of, values
from sagas.engine.explain import explain
from sagas.engine.links import Invitation, read_approval
from sagas.errors import InvalidInput, NotAllowed, NotFound
from sagas.models import Run, Work
from sagas.words import registry
from sagas.words.lifecycle import StepState
from sagas.words.rows import Approval

LONGEST_REASON = 2000
TEMPLATE = "sagas/approval.html"
ANSWERS = {"yes": True, "no": False}
NOTHING_LEFT = {
    StepState.TIMED_OUT: "Its time is over; it was decided without you.",
    StepState.CANCELLED: "It is not needed any more.",
    StepState.SKIPPED: "It is not needed any more.",
}
HEADERS = {
    "Referrer-Policy": "no-referrer",  # the address is the authority; it must not travel on
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
}


@never_cache
@csrf_exempt  # a forged request would need the token, and with the token it needs no forgery
@require_http_methods(["GET", "HEAD", "POST"])
def approval(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows what is asked; POST decides, once. Afterwards the page says who decided, and when."""
    try:
        asked = read_approval(token)
        run = Run.objects.select_related("saga").get(saga_id=asked.saga, path=asked.step, kind=Run.Kind.APPROVAL)
    except (NotFound, Run.DoesNotExist):
        return _shown(request, {"title": "There is nothing to decide at this address."}, 404)
    if request.method == "POST" and _is_open(run):
        return _decide(request, asked, run)
    return _shown(request, _about(run))


def _decide(request: HttpRequest, asked: Invitation, run: Run) -> HttpResponse:
    sent = {name: str(value) for name, value in request.POST.items()}
    row = _row(run)
    try:
        if sent.get("decision") not in ANSWERS:
            raise InvalidInput("Say yes or no.")
        operations.decide(
            run.saga_id,
            step=asked.step,
            approved=ANSWERS[sent["decision"]],
            form=values(fields_of(row.form), sent) if row and row.form else None,
            actor=asked.person,
            reason=sent.get("reason", "")[:LONGEST_REASON],
            tenant=run.saga.tenant,
        )
    except InvalidInput as error:
        return _shown(request, _about(run, sent, error), 422)
    except NotAllowed as error:
        run = Run.objects.select_related("saga").get(pk=run.pk)
        return _shown(request, _about(run) | {"refused": str(error)}, 409)
    return _shown(request, _about(Run.objects.select_related("saga").get(pk=run.pk)))


def _about(run: Run, sent: Mapping[str, str] | None = None, error: InvalidInput | None = None) -> dict[str, Any]:
    row, faults = _row(run), _by_field(error)
    decision = run.given or {}
    return {
        "title": run.path.replace("_", " ").capitalize(),
        "saga": run.saga,
        "run": run,
        "open": _is_open(run),
        "sentence": explain(run.saga),
        "decision": decision,
        "decided_at": datetime.fromisoformat(decision["at"]) if "at" in decision else None,
        "nothing_left": NOTHING_LEFT.get(StepState(run.state), "Nothing is left to decide."),
        "fields": fields_of(row.form if row else None, sent, faults),
        "refused": str(error) if error else "",
        "reason": (sent or {}).get("reason", ""),
    }


def _by_field(error: InvalidInput | None) -> dict[str, list[str]]:
    found = defaultdict(list)
    for fault in error.errors if error else ():
        _, _, name = fault["pointer"].partition("/form/")
        found[name.partition("/")[0]].append(fault["detail"])
    return found


def _is_open(run: Run) -> bool:
    return run.work == Work.WAITING and not run.given


def _row(run: Run) -> Approval | None:
    saga = run.saga
    table = registry.find(saga.definition, saga.version, saga.fingerprint)
    row = table.places[run.path].row if table else None
    return row if isinstance(row, Approval) else None


def _shown(request: HttpRequest, about: dict[str, Any], status: int = 200) -> HttpResponse:
    page = render(request, TEMPLATE, about, status=status)
    for name, value in HEADERS.items():
        page.headers[name] = value
    return page
