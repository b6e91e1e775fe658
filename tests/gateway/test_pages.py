import pytest

from gateway.models import IdempotencyKey

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys() -> list[str]:
    """Names of seven rows, newest first."""
    for number in range(7):
        IdempotencyKey.objects.create(tenant="default", caller="a", scope="b", key=str(number), fingerprint="")
    return list(IdempotencyKey.objects.order_by("-id").values_list("key", flat=True))


def read_all(service, address):
    while address:
        page = service.get(address).json()
        yield page["results"]
        address = page["next"]


def test_the_pages_together_are_the_list(service, keys):
    assert list(read_all(service, "/api/keys/?limit=3")) == [keys[:3], keys[3:6], keys[6:]]


def test_a_full_last_page_has_no_next_one(service, keys):
    assert service.get("/api/keys/?limit=7").json()["next"] is None


def test_rows_that_come_and_go_meanwhile_neither_repeat_nor_hide_others(service, keys):
    pages = read_all(service, "/api/keys/?limit=3")
    first = next(pages)
    IdempotencyKey.objects.create(tenant="default", caller="a", scope="b", key="new", fingerprint="")
    IdempotencyKey.objects.filter(key=first[-1]).delete()
    assert [*first, *(key for page in pages for key in page)] == keys


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "", "1e2", "99999999999999999999", "²"])
def test_a_limit_that_cannot_be_is_refused(service, limit):
    assert service.get("/api/keys/", {"limit": limit}).status_code == 400


@pytest.mark.parametrize("cursor", ["", "x", "....", "bm8", "AAAA", "é", "0" * 5000, "W10"])
def test_a_cursor_that_is_not_ours_is_refused(service, cursor):
    answer = service.get("/api/keys/", {"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")
