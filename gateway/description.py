"""What each door says of itself for the API's description, OpenAPI 3.1 by drf-spectacular.

    calls: ClassVar = {"GET": Call("List sagas", answer=SagaPage, query=SagaQuery)}

A door lists its calls as it lists what they need. What every call has in common, its problems above all, is added here,
so that a door can forget neither.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from pydantic import BaseModel, ConfigDict, Field

from gateway.problems import CONTENT_TYPE

JSON = "application/json"
ALWAYS = (400, 401, 403, 429, 500, 503)
WITH_A_BODY = (411, 413, 415, 422)
WITHOUT_A_BODY = (204, 304)
SENTENCES = {
    400: ("malformed_json", "The body is not JSON: Expecting value at line 1, column 1."),
    401: ("not_authenticated", "Authentication credentials were not provided."),
    403: ("permission_denied", "You are known, but not permitted to do this; ask for the permission."),
    404: ("not_found", "There is nothing at this address, or it is not yours."),
    409: ("not_allowed", "The verb does not fit as things stand; `allowed` lists those that do."),
    410: ("called_off", "It was called off before it came; nothing was done."),
    411: ("length_required", "Send the body with a Content-Length; a chunked one is not read."),
    412: ("stale_page", "Something was decided about this saga since you looked at it; look again."),
    413: ("too_large", "The body is larger than 256 KiB."),
    415: ("unsupported_media_type", "Send JSON, with the header Content-Type: application/json."),
    422: ("invalid_body", "The body does not have the right shape: /definition: This field is missing."),
    429: ("throttled", "Request was throttled. Expected available in 7 seconds."),
    500: ("internal_server_error", "Something went wrong on our side. It has been written down."),
    503: ("database_unavailable", "The database is not available right now; send the request again."),
}
"""An example for each problem: its code and its sentence."""

HEADERS = {
    "Idempotency-Key": "1 to 255 printable characters of your own. The same request under it has its effect once.",
    "If-Match": "The ETag that the saga was shown with: refuses with 412 if something was decided about it since.",
    "If-None-Match": "The ETag of what you have: it is not sent again, but 304, while it is the same.",
    "Last-Event-ID": "The id of the last event that you have; the stream goes on after it.",
    "traceparent": "W3C Trace Context: the trace that the request belongs to.",
}


class ProblemError(BaseModel):
    """One thing that is wrong, and where."""

    pointer: str = Field(description="Where in the request, as a JSON Pointer.")
    detail: str


class ProblemDocument(BaseModel):
    """Every error, as RFC 9457 has it. `code` is for programs, `detail` for people."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    trace_id: str | None = None
    errors: list[ProblemError] | None = None
    allowed: list[str] | None = Field(None, description="What would be allowed instead.")


@dataclass(frozen=True)
class Call:
    """One method of one door: what it takes, what it answers, and an example of both."""

    summary: str
    answer: Any = None
    status: int = 200
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    headers: tuple[str, ...] = ()
    problems: tuple[int, ...] = ()
    more: Mapping[int, str] = field(default_factory=dict)
    """Further statuses that are no problems, with what they mean; the answer has the same shape, or none."""
    example: Any = None
    sends: Any = None
    """An example of the body."""
    kind: str = JSON
    """The media type of the answer."""
    open: bool = False
    """Nobody need be known to call it."""

    def statuses(self, path: str) -> list[int]:
        """Every problem that it can answer."""
        found = {*ALWAYS, *self.problems}
        if self.body is not None:
            found |= {*WITH_A_BODY}
        if "{" in path:
            found.add(404)
        return sorted(found - ({401, 403} if self.open else set()))


class DoorSchema(AutoSchema):
    """Reads a door's `calls`."""

    view: Any

    @property
    def call(self) -> Call:
        """What the door says of this method."""
        found: Call = self.view.calls[self.method]
        return found

    def is_excluded(self) -> bool:
        """A call that its door says nothing about is not part of the description."""
        return self.method not in self.view.calls

    def get_summary(self) -> str:
        return self.call.summary

    def get_description(self) -> str:  # type: ignore[override]
        handler = getattr(self.view, self.method.lower(), None)
        return str((handler and handler.__doc__) or self.call.summary).strip()

    def get_operation_id(self) -> str:
        named = [part.strip("{}").replace("-", "_") for part in self.path.split("/") if part]
        return "_".join([self.method.lower(), *named[2:]])

    def get_tags(self) -> list[str]:
        return [self.path.split("/")[3]]

    def get_request_serializer(self) -> Any:
        return self.call.body

    def get_response_serializers(self) -> Any:
        call = self.call
        good = {call.status: HTTPStatus(call.status).phrase, **call.more}
        answers: dict[Any, Any] = {}
        for status, said in good.items():
            if status in WITHOUT_A_BODY:
                answers[status] = OpenApiResponse(description=said)
            else:
                answers[status, call.kind] = OpenApiResponse(call.answer, description=said)
        for status in call.statuses(self.path):
            answers[status, CONTENT_TYPE] = OpenApiResponse(ProblemDocument, description=HTTPStatus(status).phrase)
        return answers

    def get_override_parameters(self) -> list[Any]:
        headers = [
            OpenApiParameter(name, str, OpenApiParameter.HEADER, description=HEADERS[name])
            for name in self.call.headers
        ]
        return [*headers, *_parameters(self.call.query)]

    def get_examples(self) -> list[Any]:
        return list(self._examples())

    def _examples(self) -> Iterator[OpenApiExample]:
        call = self.call
        if call.sends is not None:
            yield OpenApiExample("Request", value=call.sends, request_only=True)
        if call.example is not None:
            statuses = [str(status) for status in (call.status, *call.more) if status not in WITHOUT_A_BODY]
            yield OpenApiExample(
                "Answer", value=call.example, response_only=True, status_codes=statuses, media_type=call.kind
            )
        for status in call.statuses(self.path):
            yield OpenApiExample(
                f"Problem {status}",
                value=_problem(status, self.path),
                response_only=True,
                status_codes=[str(status)],
                media_type=CONTENT_TYPE,
            )

    def _is_list_view(self, serializer: Any = None) -> bool:
        return False


class ServiceScheme(OpenApiAuthenticationExtension):
    """How services show who they are."""

    target_class = "gateway.callers.ServiceAuthentication"
    name = ["key", "header"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        bearer = {"type": "http", "scheme": "bearer", "description": "An API key, or a token of the issuer."}
        return [bearer, {"type": "apiKey", "in": "header", "name": "X-API-Key"}]


class PersonScheme(OpenApiAuthenticationExtension):
    """How people show who they are."""

    target_class = "gateway.callers.PersonAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        cookie = settings.SESSION_COOKIE_NAME
        return {"type": "apiKey", "in": "cookie", "name": cookie, "description": "Writing takes X-CSRFToken, too."}


def _problem(status: int, path: str) -> dict[str, Any]:
    code, detail = SENTENCES[status]
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, "instance": path, "code": code}


def _parameters(query: type[BaseModel] | None) -> Iterator[OpenApiParameter]:
    if query is None:
        return
    schema = query.model_json_schema()
    needed: Iterable[str] = schema.get("required", ())
    for name, of_field in schema.get("properties", {}).items():
        inlined = _inlined(of_field, schema.get("$defs", {}))
        said = inlined.pop("description", "")
        yield OpenApiParameter(name, inlined, OpenApiParameter.QUERY, required=name in needed, description=said)


def _inlined(part: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(part, list):
        return [_inlined(inner, definitions) for inner in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _inlined(definitions[part["$ref"].rpartition("/")[2]], definitions)
    found = {name: _inlined(inner, definitions) for name, inner in part.items() if name not in ("title", "default")}
    if "anyOf" in found:  # a parameter that is not given is not null
        kinds = [kind for kind in found["anyOf"] if kind != {"type": "null"}]
        if len(kinds) == 1:
            found = {**{name: inner for name, inner in found.items() if name != "anyOf"}, **kinds[0]}
    return found
