"""The service's door, as other services knock at it."""

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client

from orchestrator.production import DEVELOPMENT_API_KEY

PATH = "/api/v1/notifications/"
TO_JANE = {"receiver": {"email": "jane@example.org"}, "content": {"subject": "Your order", "text": "It is on its way."}}


class Service(Client):
    """A service that knows the key."""

    def __init__(self, **defaults: Any) -> None:
        super().__init__(headers={"Authorization": f"Bearer {DEVELOPMENT_API_KEY}"}, **defaults)

    def ask(self, body: Any = TO_JANE, **headers: str) -> HttpResponse:
        """POST a value as JSON, or bytes as they are; `Idempotency_Key="…"` is a header."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = body if isinstance(body, bytes) else json.dumps(body)
        return self.post(PATH, sent, content_type="application/json", headers=named)
