"""What browsers are told to refuse."""

import pytest
from django.conf import settings
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def the_product(settings) -> None:
    settings.ROOT_URLCONF = "orchestrator.urls"


@pytest.mark.parametrize(
    "path", ["/admin/login/", "/api/v1/sagas/", "/api/v1/docs/", "/livez", "/nowhere", "/api/v1/no"]
)
def test_every_answer_refuses_what_is_inline_or_from_elsewhere(path):
    headers = Client().get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert (headers["X-Content-Type-Options"], headers["X-Frame-Options"]) == ("nosniff", "DENY")


def test_what_the_api_answers_is_kept_by_nobody_on_the_way():
    assert Client().get("/api/v1/sagas/").headers["Cache-Control"] == "no-store"


def test_the_headers_are_put_on_whatever_any_other_layer_answers():
    around, first, *_ = settings.MIDDLEWARE
    assert first == "gateway.headers.HeadersMiddleware"
    assert around == "gateway.requests.RequestMiddleware", "which answers nothing itself"
