"""A resolver that hangs holds nobody for longer than what it was asked for may take."""

import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import httpcore
import pytest

from gateway import calls, lookups
from gateway.calls import NotReached
from gateway.deadlines import Backend, bounded
from gateway.guard import Guard, Unresolved
from gateway.lookups import Lookups
from notifications.channels.smtp import EmailBackend
from tests.harness.waiting import wait_until

SOON = timedelta(milliseconds=50)
MINUTE = timedelta(seconds=60)
NAME = "silent.example.org"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names that were asked for. Those that begin with "silent" are answered after the test, and no test waits."""
    really, over, seen, waited_for = socket.getaddrinfo, threading.Event(), [], []

    def answer(host: Any, *rest: Any, **more: Any) -> Any:
        seen.append(host)
        if str(host).startswith("silent"):
            if not over.wait(MINUTE.total_seconds()):
                waited_for.append(host)
            raise socket.gaierror("it was too late")
        if str(host).startswith("nowhere"):
            raise socket.gaierror("there is no such name")
        return really(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    yield seen
    over.set()
    assert waited_for == []
    wait_until(lambda: not any(thread.name == "lookup" for thread in threading.enumerate()), "all are back", MINUTE)


@pytest.mark.parametrize("guard", [Guard(), None], ids=["guarded", "named by the settings"])
def test_a_call_ends_in_its_time_and_nothing_was_sent(asked, guard):
    with pytest.raises(NotReached):
        calls.post(f"https://{NAME}/hook", b"{}", headers={}, guard=guard, patience=SOON)


def test_a_lookup_outside_of_an_exchange_ends_too(asked, monkeypatch):
    monkeypatch.setattr("gateway.guard.PATIENCE", SOON.total_seconds())
    with pytest.raises(Unresolved, match="nobody said in time where silent"):
        Guard().resolve(f"https://{NAME}/hook")


def test_a_participant_s_connection_ends_with_the_attempt_and_not_with_its_own_patience(asked):
    with bounded(SOON.total_seconds()), pytest.raises(httpcore.ConnectTimeout):
        Backend().connect_tcp(NAME, 80, timeout=600)


def test_a_mail_server_s_name_is_not_waited_for_either(asked):
    backend = EmailBackend(host=NAME, port=25, timeout=600)
    with bounded(SOON.total_seconds()), pytest.raises(TimeoutError):
        backend.open()


def test_a_mail_server_is_waited_for_as_long_as_was_said_whatever_its_connection_took(asked):
    """The name has several addresses, and each had its share of the time."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        talk = smtplib_of(EmailBackend(host="localhost", timeout=600))
        with closing(talk._get_socket("localhost", server.getsockname()[1], 600)) as sock:
            assert sock.gettimeout() == 600


def test_whoever_finds_all_places_taken_waits_no_longer_than_for_an_answer(asked):
    few = Lookups(2)
    for _ in range(2):
        with pytest.raises(TimeoutError, match="nobody said in time"):
            few.addresses(NAME, 80, 0.01)
    with pytest.raises(TimeoutError, match="too many names"):
        few.addresses("localhost", 80, 0.01)
    wait_until(lambda: asked == [NAME, NAME], "both are asked for, and no more", MINUTE)
    assert few.addresses("192.0.2.7", 80, 0.01) == ["192.0.2.7"], "an address is no name"


def test_a_place_is_free_again_when_the_resolver_has_answered(asked):
    one = Lookups(1)
    for _ in range(3):
        assert "127.0.0.1" in one.addresses("localhost", 80, MINUTE.total_seconds())
    with pytest.raises(socket.gaierror):
        one.addresses("nowhere.example.org", 80, MINUTE.total_seconds())
    assert "127.0.0.1" in one.addresses("localhost", 80, MINUTE.total_seconds())


def test_names_of_callers_keep_no_participant_waiting(asked):
    for _ in range(lookups.theirs._most):
        with pytest.raises(TimeoutError):
            lookups.theirs.addresses(NAME, 443, 0)
    assert lookups.ours.addresses("localhost", 80, MINUTE.total_seconds())


def test_an_address_that_is_silent_leaves_time_for_the_next(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("192.0.2.1", "192.0.2.2", "192.0.2.3")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    tried: list[tuple[str, float]] = []

    def connect(address: str, seconds: float) -> str:
        tried.append((address, seconds))
        if address != "192.0.2.3":
            raise TimeoutError
        return address

    assert Lookups(1).reach(connect, "example.org", 80, 600) == "192.0.2.3"
    shares = [seconds for _, seconds in tried]
    assert [address for address, _ in tried] == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    assert 0 < shares[0] <= 200
    assert shares[0] < shares[1] <= 300, "what one has left over is the others'"


def smtplib_of(backend: EmailBackend) -> Any:
    """The connection that it makes, before it is one."""
    made: smtplib.SMTP = backend.connection_class()
    return made
