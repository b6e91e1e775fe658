"""The base of every REST door: who may come in, what is read, how errors look, whatever the project's settings say."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from gateway import problems, pulse
from gateway.callers import Caller, MayCall, PersonAuthentication, ServiceAuthentication
from gateway.description import Call, DoorSchema
from gateway.parsers import JSONParser
from gateway.throttles import CallerThrottle


class AlwaysJSON(BaseContentNegotiation):
    """There is one form of every answer, so what the client would rather have is not asked."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """The JSON parser for JSON; None, which becomes 415, for the rest."""
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == kind), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """JSON."""
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


class Door(APIView):
    """A view of the API: JSON in, JSON or problem+json out, nobody let in who may not.

    `needs` maps each HTTP method to the Django permission that it wants, such as `{"GET": "sagas.view_saga"}`; a method
    without an entry is refused to everybody. `calls` says the same methods' shapes for the API's description.
    """

    needs: ClassVar[Mapping[str, str]] = {}
    calls: ClassVar[Mapping[str, Call]] = {}

    authentication_classes: Any = (ServiceAuthentication, PersonAuthentication)
    permission_classes: Any = (MayCall,)
    parser_classes = (JSONParser,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = AlwaysJSON
    throttle_classes = (CallerThrottle,)
    versioning_class = None
    metadata_class = None
    schema = DoorSchema()
    http_method_names = ("get", "head", "post", "put", "patch", "delete")

    @property
    def caller(self) -> Caller:
        """Who calls."""
        user = self.request.user
        assert isinstance(user, Caller)  # noqa: S101 - `MayCall` has let nobody else in
        return user

    def perform_authentication(self, request: Request) -> None:
        """Ask the database's pulse before anything asks the database."""
        if not pulse.database_answers():
            raise problems.database_out()
        super().perform_authentication(request)

    def get_exception_handler(self) -> Callable[..., Any]:
        """Every error is a problem."""
        return problems.answer
