"""What is sealed can be read with its key, and with no other; keys change without anything standing still."""

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from gateway import vault
from gateway.vault import Unreadable, reseal, seal, unseal

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
SECRET = "4111 1111 1111 1111 ü"


@pytest.fixture
def keys(settings):
    def held(*keys: str) -> None:
        settings.GATEWAY = {**settings.GATEWAY, "VAULT_KEYS": keys}

    return held


def test_what_is_sealed_comes_back_and_shows_nothing_meanwhile(keys):
    keys(NEW)
    first, second = seal(SECRET), seal(SECRET)
    assert unseal(first) == unseal(second) == SECRET
    assert "4111" not in first and first != second, "equal texts would be known by their looks"


def test_the_first_key_seals_and_all_of_them_unseal(keys):
    keys(OLD)
    before = seal(SECRET)
    keys(NEW, OLD)
    after = seal(SECRET)
    assert unseal(before) == unseal(after) == SECRET
    keys(NEW)
    assert unseal(after) == SECRET


def test_a_key_can_go_when_everything_was_resealed(keys):
    keys(OLD)
    before = seal(SECRET)
    keys(NEW, OLD)
    after = reseal(before)
    assert reseal(after) == after, "so that it can be repeated, and what is left be counted"
    keys(NEW)
    assert unseal(after) == SECRET


def test_a_key_that_went_too_soon_is_named_with_what_to_do(keys):
    keys(OLD)
    sealed = seal(SECRET)
    name = sealed.split(":")[1]
    keys(NEW)
    with pytest.raises(Unreadable, match=f"the key {name}, which is gone: put that key into VAULT_KEYS"):
        unseal(sealed)


@pytest.mark.parametrize(
    "damage", [lambda s: s[:-9] + "AAAAAAAA" + s[-1], lambda s: s[:40], lambda s: s[:-1] + "!", lambda s: ""]
)
def test_what_was_damaged_says_so(keys, damage):
    keys(NEW)
    with pytest.raises(Unreadable, match="from a backup"):
        unseal(damage(seal(SECRET)))


def test_a_text_of_one_key_under_the_name_of_another_is_no_text(keys):
    keys(NEW, OLD)
    newest = seal(SECRET).split(":")[1]
    keys(OLD)
    foreign = seal(SECRET).split(":")[2]
    keys(NEW, OLD)
    with pytest.raises(Unreadable, match="damaged"):
        unseal(f"sealed:{newest}:{foreign}")


def test_without_keys_nothing_is_sealed_and_whoever_must_seal_does_not_start(keys):
    keys()
    with pytest.raises(ImproperlyConfigured, match="VAULT_KEYS is missing: set it to"):
        seal(SECRET)
    with pytest.raises(ImproperlyConfigured, match=r"The input of order.*VAULT_KEYS is missing"):
        vault.required("The input of order")
    keys(NEW)
    vault.required("The input of order")


def test_what_is_no_key_is_named_by_its_number(keys):
    keys(NEW, "a word")
    with pytest.raises(ImproperlyConfigured, match="Number 2 of VAULT_KEYS is no key"):
        seal(SECRET)


def test_for_development_the_projects_key_does_and_its_rotation_too(settings):
    settings.GATEWAY = {**settings.GATEWAY, "VAULT_KEYS": None}
    sealed = seal(SECRET)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    assert unseal(sealed) == SECRET
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(Unreadable):
        unseal(sealed)
