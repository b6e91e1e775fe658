"""Many in one request: each is accepted or refused by itself, under a key of its own."""

import json

import pytest

from notifications.models import Notification
from tests.notifications.door import PATH, TO_JANE

pytestmark = pytest.mark.django_db


def post(service, items):
    return service.post(f"{PATH}batch/", json.dumps({"items": items}), content_type="application/json")


def test_each_has_the_answer_it_would_have_had_alone(service):
    answer = post(service, [TO_JANE, {**TO_JANE, "receiver": {"email": "jane"}}, [], TO_JANE])
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [202, 422, 422, 202]
    assert results[0]["body"] == {"id": results[0]["body"]["id"], "status": "accepted"}
    assert results[1]["body"]["errors"][0]["pointer"] == "/receiver/email"
    assert Notification.objects.count() == 2


def test_keys_are_those_of_single_requests(service):
    first = service.ask(Idempotency_Key="one").json()
    items = [
        {**TO_JANE, "idempotency_key": "one"},
        {**TO_JANE, "idempotency_key": "two"},
        {**TO_JANE, "idempotency_key": "two"},
        {**TO_JANE, "content": "other", "idempotency_key": "two"},
        {**TO_JANE, "idempotency_key": "with space"},
        {**TO_JANE, "idempotency_key": 17},
    ]
    results = post(service, items).json()["results"]
    assert [result["status"] for result in results] == [202, 202, 202, 422, 400, 422]
    assert [result["replayed"] for result in results[:3]] == [True, False, True]
    assert results[0]["body"] == first
    assert results[1]["body"] == results[2]["body"]
    assert service.ask(Idempotency_Key="two").json() == results[1]["body"]
    assert Notification.objects.count() == 2


def test_a_thousand_are_taken_and_one_more_is_not(service):
    item = {"receiver": {"email": "j@example.org"}, "content": "x"}
    assert post(service, [item] * 1001).status_code == 422
    assert not Notification.objects.exists()
    results = post(service, [item] * 1000).json()["results"]
    assert {result["status"] for result in results} == {202}
    assert Notification.objects.count() == 1000


@pytest.mark.parametrize("body", [{}, [], {"items": []}, {"items": "x"}, {"itms": []}])
def test_a_body_that_is_no_batch_is_refused(service, body):
    answer = service.post(f"{PATH}batch/", json.dumps(body), content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
