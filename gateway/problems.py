"""Errors as `application/problem+json` (RFC 9457), the same from every door.

Problem           raised by views, with status, code, a sentence, and members such as `allowed`
answer            the REST framework's exception handler; a database that is out becomes 503
ProblemMiddleware everything that fails outside such a view: unknown addresses, hosts, CSRF, wrong methods
"""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from math import ceil
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from gateway import conf
from gateway.trace import trace_id_of

CONTENT_TYPE = "application/problem+json"
DATABASE_OUT = timedelta(seconds=2)
BUSY = timedelta(seconds=1)
CHARSETS = ("", "utf-8", "utf8", "us-ascii", "ascii")
LOCK_NOT_AVAILABLE = "55P03"

logger = logging.getLogger(__name__)


class Problem(exceptions.APIException):
    """Something the caller can act on: a sentence for people, a `code` for programs, further members by name.

    `errors` are `{"pointer": "/receiver/email", "detail": …, "code": …}`; `retry_after` becomes the header.
    """

    def __init__(
        self,
        detail: str,
        *,
        status: int = 400,
        code: str = "invalid",
        retry_after: timedelta | None = None,
        headers: Mapping[str, str] | None = None,
        errors: list[dict[str, str]] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail, code)
        self.status_code = status
        self.code = code
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(max(1, ceil(retry_after.total_seconds())))
        self.members = {"errors": errors} if errors else {}
        self.members |= members

    def document(self, request: HttpRequest) -> dict[str, Any]:
        """The JSON object that the caller gets."""
        document = {
            "type": "about:blank",
            "title": HTTPStatus(self.status_code).phrase,
            "status": self.status_code,
            "detail": str(self.detail),
            "instance": request.path,
            "code": self.code,
        }
        if trace_id := trace_id_of(request):
            document["trace_id"] = trace_id
        return document | self.members

    def as_http_response(self, request: HttpRequest) -> HttpResponse:
        """The answer outside the REST framework's views."""
        return JsonResponse(
            self.document(request), status=self.status_code, headers=self.headers, content_type=CONTENT_TYPE
        )


def answer(error: Exception, context: Mapping[str, Any]) -> Response:
    """Turn whatever a view raised into a problem: `EXCEPTION_HANDLER` of every door."""
    request: HttpRequest = context["request"]
    problem = _problem_of(error)
    if problem.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        route = request.resolver_match.route if request.resolver_match else "none"
        logger.error("a request failed", extra={"method": request.method, "route": route}, exc_info=error)
        got_request_exception.send(sender=answer, request=request)
    set_rollback()
    return Response(problem.document(request), problem.status_code, headers=problem.headers, content_type=CONTENT_TYPE)


_SENTENCES = {
    400: "The request could not be understood.",
    403: "This is not permitted.",
    404: "There is nothing at this address, or it is not yours.",
    405: "This address does not know the method; the header Allow names the ones it knows.",
    500: "Something went wrong on our side. It has been written down.",
}


class ProblemMiddleware:
    """Turns every error below the API's path, and for callers that are no browsers, into a problem. Stands first."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (charset := (request.content_params or {}).get("charset", "")).lower() not in CHARSETS:
            # Django would read the address in that encoding, too, and some of Python's are not even of text.
            return Problem(
                f"Send UTF-8, not {charset[:40]!r}.", status=415, code="unsupported_charset"
            ).as_http_response(request)
        if not _speaks_json(request):
            if "%00" in request.META.get("QUERY_STRING", ""):  # PostgreSQL takes no U+0000, also to look for it
                return HttpResponseRedirect(request.path)
            return self._get_response(request)
        if "chunked" in request.headers.get("Transfer-Encoding", "").lower() and not request.headers.get(
            "Content-Length"
        ):
            return Problem(
                "Send the body with a Content-Length; a chunked one is not read.", status=411, code="length_required"
            ).as_http_response(request)
        response = self._get_response(request)
        if response.status_code < 400 or response.headers.get("Content-Type", "").startswith(CONTENT_TYPE):
            return response
        headers = {name: response.headers[name] for name in ("Allow", "Retry-After") if name in response.headers}
        return _plain(response.status_code, headers=headers).as_http_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer 503 when a plain view finds the database out."""
        if isinstance(error, OperationalError | InterfaceError) and _speaks_json(request):
            return _problem_of(error).as_http_response(request)
        return None


# The project's `handler400` to `handler500`: Django's own read the form that was sent, and fall over one that is none.


def not_understood(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _sentence(400)


def not_permitted(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _sentence(403)


def nothing_here(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _sentence(404)


def our_fault(request: HttpRequest) -> HttpResponse:
    return _sentence(500)


def _sentence(status: int) -> HttpResponse:
    return HttpResponse(_SENTENCES[status], status=status, content_type="text/plain")


def database_out() -> Problem:
    """The database does not answer."""
    sentence = "The database is not available right now; send the request again, with the same idempotency key."
    return Problem(sentence, status=503, code="database_unavailable", retry_after=DATABASE_OUT)


def _problem_of(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case OperationalError() if getattr(error.__cause__, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            sentence = "Another request holds what this one needs; nothing was changed, send it again."
            return Problem(sentence, status=409, code="busy", retry_after=BUSY)
        case OperationalError() | InterfaceError():
            logger.error("The database did not answer (%s).", type(error).__name__)
            return database_out()
        case Http404():
            return _plain(404)
        case PermissionDenied():
            return _plain(403)
        case SuspiciousOperation() | BadRequest() | MultiPartParserError() | UnreadablePostError():
            return _plain(400)
        case exceptions.ValidationError():
            found = list(_errors(error.detail))
            detail = found[0]["detail"] if len(found) == 1 else f"{len(found)} things in the request are wrong."
            return Problem(detail, code="invalid", errors=found)
        case exceptions.UnsupportedMediaType():
            sentence = "Send JSON, with the header Content-Type: application/json."
            return Problem(sentence, status=415, code=error.default_code)
        case exceptions.APIException():
            return Problem(
                str(error.detail), status=error.status_code, code=error.default_code, headers=_headers(error)
            )
        case _:
            return _plain(500)


def _plain(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    phrase = HTTPStatus(status)
    sentence = _SENTENCES.get(status, f"{phrase.phrase}.")
    return Problem(sentence, status=status, code=phrase.name.lower(), headers=headers)


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if authenticate := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = authenticate
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(ceil(wait))
    return headers


def _errors(detail: Any, pointer: str = "") -> list[dict[str, str]]:
    """Flatten the REST framework's nested errors into a list of pointers and sentences."""
    if isinstance(detail, dict):
        pairs = [
            (f"{pointer}/{name}" if name != "non_field_errors" else pointer, inner) for name, inner in detail.items()
        ]
    elif isinstance(detail, list) and any(isinstance(inner, dict | list) for inner in detail):
        pairs = [(f"{pointer}/{index}", inner) for index, inner in enumerate(detail) if inner]
    elif isinstance(detail, list):
        pairs = [(pointer, inner) for inner in detail]
    else:
        return [{"pointer": pointer, "detail": str(detail), "code": getattr(detail, "code", "invalid")}]
    return [error for where, inner in pairs for error in _errors(inner, where)]


def _speaks_json(request: HttpRequest) -> bool:
    return request.path.startswith(conf.current().API_PREFIX) or "text/html" not in request.headers.get("Accept", "")
