"""Who guesses passwords must wait, and learns nothing about which accounts there are."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from gateway import logins, windows
from gateway.logins import OF_ACCOUNT, OF_ADDRESS, OF_BOTH, Attempt

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
RIGHT = "correct horse battery"
MUST_WAIT = b"Too many attempts have failed."


@pytest.fixture(autouse=True)
def nothing_counted(monkeypatch):
    """A clock that stands in the middle of a window, and a cache without a count."""
    cache.clear()
    monkeypatch.setattr(windows.time, "time", lambda: 1_000_000 * logins.WINDOW.total_seconds() + 300)
    yield
    cache.clear()


@pytest.fixture
def ann(django_user_model):
    return django_user_model.objects.create_superuser("ann", password=RIGHT)


def log_in(client, name="ann", password="wrong", address="192.0.2.1"):
    return client.post(LOGIN, {"username": name, "password": password}, REMOTE_ADDR=address)


def test_the_right_password_opens_also_after_some_wrong_ones(client, ann):
    for _ in range(OF_BOTH - 1):
        assert MUST_WAIT not in log_in(client).content
    assert log_in(client, password=RIGHT).status_code == 302


def test_after_too_many_not_even_the_right_one_is_tried(client, ann):
    for _ in range(OF_BOTH):
        log_in(client)
    answer = log_in(client, password=RIGHT)
    assert answer.status_code == 200
    assert MUST_WAIT in answer.content
    assert b"Wait 11 minutes" in answer.content


def test_somebody_elsewhere_is_not_kept_out_by_it(client, ann):
    for _ in range(OF_BOTH):
        log_in(client)
    assert log_in(client, password=RIGHT, address="198.51.100.7").status_code == 302


def test_it_is_over_with_the_window(client, ann, monkeypatch):
    for _ in range(OF_BOTH):
        log_in(client)
    monkeypatch.setattr(windows.time, "time", lambda: 1_000_001 * logins.WINDOW.total_seconds())
    assert log_in(client, password=RIGHT).status_code == 302


def test_an_account_that_does_not_exist_looks_the_same(client, ann):
    def answers(name):
        pages = [log_in(client, name=name).content.decode() for _ in range(OF_BOTH + 1)]
        return [page.partition('class="errornote">')[2].partition("</p>")[0] for page in pages]

    assert answers("ann") == answers("nobody")


def test_one_account_from_many_addresses_and_many_accounts_from_one():
    for number in range(OF_ACCOUNT):
        Attempt(account="ann", address=f"192.0.2.{number}").failed()
    assert Attempt(account="Ann ", address="198.51.100.7").wait() == timedelta(minutes=10)
    assert Attempt(account="bob", address="198.51.100.7").wait() is None
    for number in range(OF_ADDRESS):
        Attempt(account=f"user {number}", address="203.0.113.9").failed()
    assert Attempt(account="carol", address="203.0.113.9").wait() is not None


def test_a_cache_that_is_out_keeps_nobody_out(client, ann, settings, monkeypatch):
    def out(*args, **kwargs):
        raise ConnectionError

    monkeypatch.setattr(logins.cache, "get_many", out)
    assert log_in(client, password=RIGHT).status_code == 302
