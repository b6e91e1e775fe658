"""A fuzzer that reads the description finds no 5xx, no status that is not described, and no other shape."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as bounds

from notifications import delivery
from tests.notifications.door import PATH
from tests.sagas.api.test_fuzz import CHECKS, EXAMPLES, HEADERS, described, one_connection

CALLS = [found.ok() for found in described.get_all_operations()]
CALLS = [call for call in CALLS if call.path.startswith(PATH)]


@pytest.mark.django_db
@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
def test_made_up_requests_find_nothing_that_is_not_described(call, service):
    service.put(f"{PATH}receivers/jane/", {"addresses": {"email": "jane@example.org"}}, "application/json")
    service.put(f"{PATH}topics/news/subscribers/jane/")
    text = {"locale": "en", "texts": {"en": {"text": "Hello."}}}
    service.post(f"{PATH}templates/hello/", text, "application/json")
    pk = service.ask({"receiver": {"id": "jane"}, "content": "Hello.", "channels": ["inbox"]}).json()["id"]
    delivery.deliver(pk)
    known = {"id": pk, "key": "jane", "name": "hello", "version": 1, "topic": "news"}

    @seed(17)
    @bounds(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=call.as_strategy())
    def send(case: Any) -> None:
        for name in case.path_parameters or {}:
            case.path_parameters[name] = known[name]
        with one_connection():
            case.call_and_validate(headers=HEADERS, checks=CHECKS)

    send()
