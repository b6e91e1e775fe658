"""Under which names requests may come: those of `ALLOWED_HOSTS`, and probes under any."""

from django.http import HttpRequest, HttpResponsePermanentRedirect
from django.middleware.common import CommonMiddleware

from gateway.requests import PROBES


class HostMiddleware(CommonMiddleware):
    """Django's own, but for probes and scrapers: they call a process by its address, which is no name of the site.

    What they are answered does not depend on the name.
    """

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        if request.path_info in PROBES:
            return None
        return super().process_request(request)
