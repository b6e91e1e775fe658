"""Names in addresses that no database could keep, or look for, are refused, and are no fault of ours."""

import pytest

from notifications.models import MessageTemplate, Receiver, Subscriber
from tests.notifications.door import PATH

pytestmark = pytest.mark.django_db

TEXT = {"locale": "en", "texts": {"en": {"text": "Hello."}}}
SOMEBODY = {"addresses": {"email": "jane@example.org"}}
NOWHERE = [
    ("get", "receivers/%00/"),
    ("put", "receivers/jane%00/"),
    ("delete", "receivers/%00/"),
    ("get", "receivers/%00/inbox/"),
    ("post", f"receivers/%00/inbox/{'0' * 8}-0000-7000-8000-{'0' * 12}/read/"),
    ("put", "topics/news/subscribers/%00/"),
    ("delete", "topics/news/subscribers/%00/"),
]
TOO_LONG = [
    (f"receivers/{'j' * 201}/", SOMEBODY, "/receiver"),
    ("receivers/a%0Ab/", SOMEBODY, "/receiver"),
    (f"topics/{'n' * 64}/subscribers/jane/", None, "/topic"),
    (f"templates/{'t' * 64}/", TEXT, "/template"),
]


@pytest.mark.parametrize(("method", "path"), NOWHERE, ids=[" ".join(one) for one in NOWHERE])
def test_there_is_nothing_at_an_address_with_a_null_character(service, method, path):
    answer = getattr(service, method)(PATH + path, *([SOMEBODY, "application/json"] if method == "put" else []))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(("path", "body", "pointer"), TOO_LONG, ids=[pointer for *_, pointer in TOO_LONG])
def test_a_name_that_cannot_be_kept_is_refused_with_a_sentence(service, path, body, pointer):
    assert service.put(f"{PATH}receivers/jane/", SOMEBODY, "application/json").status_code == 201
    send = service.post if pointer == "/template" else service.put
    answer = send(PATH + path, *([body, "application/json"] if body else []))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert [Receiver.objects.count(), Subscriber.objects.count(), MessageTemplate.objects.count()] == [1, 0, 0]


def test_the_longest_names_are_kept(service):
    jane, news = "j" * 200, "n" * 63
    assert service.put(f"{PATH}receivers/{jane}/", SOMEBODY, "application/json").status_code == 201
    assert service.put(f"{PATH}topics/{news}/subscribers/{jane}/").status_code == 201
    assert service.post(f"{PATH}templates/{'t' * 63}/", TEXT, "application/json").status_code == 201
    assert service.get(f"{PATH}receivers/{jane}/").json()["id"] == jane


def test_a_category_that_cannot_be_is_a_bad_query(service):
    answer = service.get(f"{PATH}?category=%00")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_query")
