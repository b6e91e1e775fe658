"""`manage.py apikey`."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from gateway import keys
from gateway.models import ApiKey

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def scopes(settings) -> None:
    settings.GATEWAY = {"SCOPES": {"read": (), "start": ()}}


def said(*arguments: Any) -> str:
    out = StringIO()
    call_command("apikey", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue().strip()


def test_a_key_is_made_and_printed_alone():
    key = said("create", "shop", "--scope=start", "--scope=read", "--definition=order", "--expires=90d", "--rate=60")
    row = keys.known(key)
    assert row is not None
    assert (row.name, row.tenant, row.scopes, row.definitions, row.rate) == (
        "shop",
        "default",
        ["read", "start"],
        ["order"],
        60,
    )
    assert row.expires_at is not None
    assert (row.expires_at - row.created_at).days in (89, 90)


def test_keys_are_listed_without_themselves():
    key = said("create", "shop", "--scope=start", "--tenant=acme")
    line = said("list", "--tenant=acme")
    assert key not in line
    assert line.split() == [f"{key[:12]}…", "shop", "start", "all", "sagas", "never", "used"]
    assert said("list") == ""


def test_a_key_is_rotated():
    old = said("create", "shop", "--scope=start")
    new = said("rotate", "shop", "--overlap=2h")
    assert new != old
    assert all(keys.known(key) for key in (old, new))


def test_a_key_is_revoked_and_the_list_keeps_it_when_asked():
    key = said("create", "shop", "--scope=start")
    assert said("revoke", "shop") == "1 revoked; running processes have forgotten it within 5 s."
    assert keys.known(key) is None
    assert said("list") == ""
    assert "revoked" in said("list", "--all")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["create", "shop", "--scope=strat"], "There is no scope 'strat'; there are: admin, read, start."),
        (["create", "", "--scope=start"], "A name has 1 to 100 characters"),
        (["create", "shop", "--scope=start", "--rate=0"], "A rate is a number"),
        (["create", "shop", "--scope=start", "--expires=soon"], "write a time as 90d"),
        (["rotate", "nobody"], "'nobody' of 'default' has no live key; create one."),
        (["revoke", "nobody"], "No live key of tenant 'default' is called or begins so."),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        said(*arguments)
    assert not ApiKey.objects.exists()


def test_a_service_has_one_key_until_it_is_rotated():
    said("create", "shop", "--scope=start")
    with pytest.raises(CommandError, match="rotate it, or revoke it first"):
        said("create", "shop", "--scope=start")
