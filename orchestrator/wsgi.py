"""The WSGI application that gunicorn and the embedded web server serve."""

import os
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")


class UTF8Request(WSGIRequest):
    """A request that is read as UTF-8, whatever encoding it names: `ProblemMiddleware` refuses the others.

    Django takes the name over before any middleware is asked, also for the address, and falls over `charset=hex`,
    which is one of Python's encodings and none of text.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


class Handler(WSGIHandler):
    """Django's own, with requests of that kind."""

    request_class = UTF8Request


django.setup(set_prefix=False)
application = Handler()
