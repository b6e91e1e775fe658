"""Calls of the API as the web server makes them: the application is called, and no test client stands between."""

import json
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults

from django.conf import settings

from benchmarks.growth.act import must


def call(method: str, address: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
    """What is answered, as JSON. Its connection to the database is given back then, as after each request."""
    path, _, query = address.partition("?")
    sent = b"" if body is None else json.dumps(body).encode()
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}
    environ |= {"HTTP_HOST": "testserver", "wsgi.input": BytesIO(sent), "CONTENT_LENGTH": str(len(sent))}
    environ |= {"CONTENT_TYPE": "application/json", "HTTP_AUTHORIZATION": f"Bearer {settings.GATEWAY['API_KEY']}"}
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in (headers or {}).items()}
    setup_testing_defaults(environ)
    statuses: list[str] = []
    answer = _application()(environ, lambda status, *_: statuses.append(status))
    try:
        found = b"".join(answer)
    finally:
        answer.close()
    must(statuses[0].startswith("2"), f"{address} is answered (it was {statuses[0]}: {found[:200]!r})")
    return json.loads(found)


@cache
def _application() -> Any:
    from orchestrator.wsgi import Handler  # after the setup

    class WithNothing(Handler):
        def get_response(self, request: Any) -> Any:
            request.urlconf = "benchmarks.growth.urls"
            return super().get_response(request)

    return WithNothing()
