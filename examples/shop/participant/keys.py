from django.http import HttpRequest

from examples.shop.participant.problems import Refused


def key_of(request: HttpRequest) -> str:
    """The key of this request; every effect needs one."""
    return _header(request, "Idempotency-Key")


def action_key_of(request: HttpRequest) -> str:
    """The key of the action that this compensation undoes."""
    return _header(request, "Saga-Action-Key")


def _header(request: HttpRequest, name: str) -> str:
    value = request.headers.get(name, "")
    if not 0 < len(value) <= 255:
        raise Refused(400, "key_needed", f"Send the header {name} with 1 to 255 characters.")
    return value
