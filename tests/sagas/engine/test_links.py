"""Signed addresses: what they are for, and that nobody else can make one."""

from uuid import UUID

import pytest

from sagas import Abort, RetryLater, operations, saga, step
from sagas.engine.links import Callback, Invitation, approval_url, read_approval, read_callback, signal_url
from sagas.errors import NotFound

SAGA = UUID(int=7)


def token(url: str) -> str:
    return url.rstrip("/").rpartition("/")[2]


def test_a_callback_is_read_as_what_it_was_made_for() -> None:
    url = signal_url(SAGA, "settled", "key:1")
    assert url.startswith("http://127.0.0.1:8000/api/v1/callbacks/")
    assert read_callback(token(url)) == Callback(saga=SAGA, name="settled", nonce="key:1")


def test_an_invitation_is_read_as_what_it_was_made_for() -> None:
    url = approval_url(SAGA, "large_order", "ann@example.org")
    assert url.startswith("http://127.0.0.1:8000/approvals/")
    assert read_approval(token(url)) == Invitation(saga=SAGA, step="large_order", person="ann@example.org")


def test_an_address_begins_with_the_public_one(settings) -> None:
    settings.SAGAS = {**settings.SAGAS, "PUBLIC_URL": "https://sagas.example.org/inside/"}
    assert signal_url(SAGA, "settled", "1").startswith("https://sagas.example.org/inside/api/v1/callbacks/")


def test_the_same_address_is_made_every_time() -> None:
    assert signal_url(SAGA, "settled", "1") == signal_url(SAGA, "settled", "1")
    assert len({signal_url(SAGA, "settled", "1"), signal_url(SAGA, "settled", "2"), signal_url(SAGA, "sent", "1")}) == 3


def test_a_token_is_for_one_purpose() -> None:
    with pytest.raises(NotFound):
        read_approval(token(signal_url(SAGA, "settled", "1")))
    with pytest.raises(NotFound):
        read_callback(token(approval_url(SAGA, "large_order", "ann")))


@pytest.mark.parametrize("change", ["", "x", ":", "x:y", "\x00", "é", "." * 5000])
def test_what_was_changed_is_not_ours(change) -> None:
    for altered in (change, token(signal_url(SAGA, "settled", "1")) + (change or "x")):
        with pytest.raises(NotFound):
            read_callback(altered)


def test_every_character_is_signed() -> None:
    given = token(signal_url(SAGA, "settled", "1"))
    for place, letter in enumerate(given[:-1]):  # the last one holds two bits that mean nothing
        altered = given[:place] + ("A" if letter != "A" else "B") + given[place + 1 :]
        with pytest.raises(NotFound):
            read_callback(altered)


def test_another_key_makes_other_addresses_and_an_old_key_may_still_be_read(settings) -> None:
    old = signal_url(SAGA, "settled", "1")
    settings.SECRET_KEY, before = "another", settings.SECRET_KEY
    with pytest.raises(NotFound):
        read_callback(token(old))
    settings.SECRET_KEY_FALLBACKS = [before]
    assert read_callback(token(old)).name == "settled"


@pytest.mark.django_db(transaction=True)
def test_a_step_gets_the_same_address_on_every_attempt_and_another_one_under_a_new_key(world) -> None:
    world.script("charge", RetryLater("not now"), Abort("no"))
    found = world.run_through(world.start(saga("order", step(world.charge, reads_only=True, on_failure="incident"))))
    operations.retry(found.pk, actor="ann", reason="again")
    world.run_through(found)
    urls = [ctx.signal_url("settled") for ctx in world.contexts]
    assert [url == urls[0] for url in urls] == [True, True, False]
    assert read_callback(token(urls[0])).saga == found.pk


def test_an_address_outlives_the_key_it_was_signed_with_as_long_as_that_is_kept(settings) -> None:
    before = token(signal_url(SAGA, "settled", "1"))
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a new one", [settings.SECRET_KEY]
    assert read_callback(before).saga == SAGA
    assert token(signal_url(SAGA, "settled", "1")) != before
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(NotFound):
        read_callback(before)
