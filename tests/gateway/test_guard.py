"""Addresses that came in with a request lead to the outside only: a table."""

import socket

import pytest

from gateway.guard import Forbidden, Guard, Unresolved


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "//example.org/",
        "example.org",
        "",
        "https://",
        "https://user:secret@example.org/",
        "https://user@example.org/",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://example.org:x/",
        "https://example.org/a b",
        "https://example.org/\r\nX-Evil: 1",
        "https://example.org\\@127.0.0.1/",
        "https://[::1",
        "https://example.org/" + "x" * 2000,
        "https://127.0.0.1/",
        "https://127.8.9.10/",
        "https://0.0.0.0/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://192.0.2.1/",
        "https://198.18.0.1/",
        "https://224.0.0.1/",
        "https://240.0.0.1/",
        "https://255.255.255.255/",
        "https://[::1]/",
        "https://[::]/",
        "https://[fe80::1]/",
        "https://[fc00::1]/",
        "https://[ff02::1]/",
        "https://[2001:db8::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[::127.0.0.1]/",
        "https://[2002:7f00:1::]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
    ],
)
def test_what_leads_inside_or_is_no_https_address_is_forbidden(url):
    with pytest.raises(Forbidden):
        Guard().resolve(url)


@pytest.mark.parametrize("name", ["localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1"])
def test_a_name_that_leads_inside_is_forbidden(name):
    """However it is written, what counts is what it resolves to; some resolvers do not know all these spellings."""
    with pytest.raises((Forbidden, Unresolved)):
        Guard().resolve(f"https://{name}/")


def test_one_inner_address_among_outer_ones_is_enough_to_forbid(monkeypatch):
    resolves_to(monkeypatch, "93.184.216.34", "10.0.0.1")
    with pytest.raises(Forbidden):
        Guard().resolve("https://example.org/")


@pytest.mark.parametrize("ip", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_what_everybody_can_reach_is_called(monkeypatch, ip):
    resolves_to(monkeypatch, ip)
    assert Guard().resolve("https://example.org:8443/hooks?a=b").ip == ip


def test_networks_that_the_settings_allow_may_be_private_and_plain():
    guard = Guard(allowed=("127.0.0.0/8", "fd00::/8"))
    assert guard.resolve("http://127.0.0.1:8000/").ip == "127.0.0.1"
    for url in ("http://10.0.0.1/", "https://10.0.0.1/", "http://[fc00::1]/", "http://8.8.8.8/"):
        with pytest.raises(Forbidden):
            guard.resolve(url)


def test_a_look_asks_no_network(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("it asked"))
    Guard().check("https://example.org/")
    with pytest.raises(Forbidden):
        Guard().check("https://10.0.0.1/")


def test_a_name_without_an_address_is_not_resolved_now():
    with pytest.raises(Unresolved):
        Guard().resolve("https://nowhere.invalid/")


def resolves_to(monkeypatch: pytest.MonkeyPatch, *ips: str) -> None:
    """Let every name have these addresses."""
    entries = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 443)) for ip in ips]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
