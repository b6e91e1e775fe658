"""A fuzzer that reads the API's description finds no 5xx, no status that is not described, and no other shape.

It sends a few made-up requests to every call, others with CHANCE=new, and more of them with `make fuzz-api`; hypothesis
prints how a failure is repeated.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import schemathesis
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as bounds
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from orchestrator.wsgi import application
from sagas.errors import Abort
from tests.sagas.api.test_description import SCHEMA

EXAMPLES = int(os.environ.get("API_EXAMPLES", "3"))
HEADERS = {"Authorization": f"Bearer {settings.GATEWAY['API_KEY']}"}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

described = schemathesis.openapi.from_dict(SCHEMA)
described.app = application
CALLS = [found.ok() for found in described.get_all_operations()]
# A stream would be read to its end, which a saga that needs a person does not have; it has tests of its own.
CALLS = [call for call in CALLS if not call.path.endswith("/events/")]
CALLS = [call for call in CALLS if not call.path.startswith("/api/v1/notifications/")]  # which have a test of their own


@contextmanager
def one_connection() -> Iterator[None]:
    """Requests over WSGI share the test's transaction, as those of Django's own client do, which it arranges alike."""
    for sent in (request_started, request_finished):
        sent.disconnect(close_old_connections)
    try:
        yield
    finally:
        for sent in (request_started, request_finished):
            sent.connect(close_old_connections)


@pytest.mark.django_db
@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
def test_made_up_requests_find_nothing_that_is_not_described(call, api, world, two):
    world.script("ship", Abort("no"))
    world.script("refund", Abort("never"))
    saga = api.start(business_key="order-1").json()
    world.work()
    bulk = api.post("/api/v1/operations/", {"verb": "pause", "reason": "why not", "filter": {}}).json()
    known = bulk["id"] if call.path.startswith("/api/v1/operations/") else saga["id"]

    @bounds(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=call.as_strategy())
    def send(case: Any) -> None:
        for name, value in {"id": known, "definition": "two", "name": "two"}.items():
            if name in (case.path_parameters or {}):
                case.path_parameters[name] = value
        if "wait" in (case.query or {}):
            case.query["wait"] = 0
        with one_connection():
            case.call_and_validate(headers=HEADERS, checks=CHECKS)

    send()
