import hashlib
import secrets
import threading
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from pydantic import ValidationError

from examples.shop.participant.models import Call
from examples.shop.participant.problems import Refused, problem
from examples.shop.participant.switches import board
from sagas.participant.barrier import ActionClosed

CONTROLS = ("/ledger", "/switches")
OPEN_TO_ALL = ("/confirm/",)
"""Pages for people, who have no token; what they need to know is in the address."""

# SQLite lets one writer in at a time, and who waits at its door draws lots; here they queue.
writing = threading.Lock()


class Door:
    """Every request passes here: is it let in, is it written down, does a switch strike it, what does a refusal say."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not self._admitted(request):
            return problem(401, "token_needed", "Send the service's token: Authorization: Bearer …")
        if request.path.startswith(CONTROLS):
            return self.get_response(request)
        switch = board.take(request)
        with writing:
            call = _written_down(request, switch.what if switch else "")
        answer = board.struck(switch, request, self._answered(call)) if switch else self._answered(call)(request)
        if call.status is None:
            with writing:
                Call.objects.filter(pk=call.pk).update(status=answer.status_code)
        return answer

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        match error:
            case Refused():
                return error.answer()
            case ActionClosed():
                return problem(410, "compensated", str(error))
            case ValidationError():
                faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
                return problem(422, "invalid", faults)
        return None

    def _admitted(self, request: HttpRequest) -> bool:
        expected = f"Bearer {settings.TOKEN}"
        given = request.headers.get("Authorization", "")
        known = not settings.TOKEN or secrets.compare_digest(given.encode(), expected.encode())
        return known or request.path.startswith(OPEN_TO_ALL)

    def _answered(self, call: Call) -> Callable[[HttpRequest], HttpResponse]:
        """The view's answer, written down before a switch can keep it from the caller."""

        def answer(request: HttpRequest) -> HttpResponse:
            with writing:
                response = self.get_response(request)
                call.status = response.status_code
                Call.objects.filter(pk=call.pk).update(status=call.status)
            return response

        return answer


def _written_down(request: HttpRequest, switch: str) -> Call:
    return Call.objects.create(
        method=request.method or "",
        path=request.path[:500],
        key=request.headers.get("Idempotency-Key", "")[:255],
        action_key=request.headers.get("Saga-Action-Key", "")[:255],
        digest=hashlib.sha256(request.body).hexdigest(),
        switch=switch,
    )
