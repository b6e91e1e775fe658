"""What participants answer, hostile: the call ends in time with an answer or with what is known, and nothing else."""

from collections.abc import Iterator
from contextlib import suppress
from socket import socket

import pytest

from sagas.engine.http import Answer, Service
from sagas.errors import SagaError, Unknown
from tests.sagas.peer import Peer, Request, answer, listening

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
RAW: dict[str, bytes] = {
    "nothing": b"",
    "no status": b"HTTP/1.1\r\n\r\n",
    "a status that is none": b"HTTP/1.1 99999 OK\r\n\r\n",
    "a later version": b"HTTP/3.0 200 OK\r\n\r\n",
    "a flood of headers": OK + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 90) for n in range(5000)) + b"\r\n{}",
    "a header without an end": OK + b"X: " + b"x" * 300_000,
    "a header with U+0000": OK + b"X: a\x00b\r\nContent-Length: 2\r\n\r\n{}",
    "less than announced": OK + b"Content-Length: 99\r\n\r\n{}",
    "more than announced": OK + b"Content-Length: 2\r\n\r\n{}HTTP/1.1 500 no\r\n\r\n",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "a length that is none": OK + b"Content-Length: -2\r\n\r\n{}",
    "a chunk that is none": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a flood of hints": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2000,
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "packed though nobody asked": OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
    "not JSON": OK + b"Content-Length: 1\r\n\r\n{",
    "very deep JSON": OK + b"Connection: close\r\n\r\n" + b"[" * 200_000,
    "a number of very many digits": OK + b"Connection: close\r\n\r\n" + b"1" * 5000,
    "NaN": OK + b"Content-Length: 3\r\n\r\nNaN",
    "half of a pair": OK + b'Content-Length: 8\r\n\r\n"\\ud800"',
    "bytes that are no text": OK + b'Content-Length: 4\r\n\r\n"\xff\xfe"',
    "a redirect to itself": b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
    "a refusal in a strange problem": b"HTTP/1.1 422 no\r\nContent-Type: application/problem+json\r\n"
    b'Connection: close\r\n\r\n{"detail": {"a": ["\\ud800", 1]}}',
    "a refusal in a very long problem": b"HTTP/1.1 400 no\r\nConnection: close\r\n\r\n"
    b'{"detail": "' + b"<script>\\u0000" * 20_000 + b'"}',
    "not now, for ever": b"HTTP/1.1 503 no\r\nRetry-After: 999999999999\r\nContent-Length: 0\r\n\r\n",
    "not now, until never": b"HTTP/1.1 503 no\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 -9999\r\n"
    b"Content-Length: 0\r\n\r\n",
}
KNOWN = {"half of a pair", "more than announced", "a header with U+0000", "a later version"}
"""Which may be an answer; of a text that no database takes, the record refuses to keep it."""


@pytest.fixture
def peer() -> Iterator[Peer]:
    with listening() as found:
        yield found


@pytest.mark.parametrize("name", RAW)
def test_a_hostile_answer_is_an_answer_or_what_is_known_after_it(peer: Peer, name: str) -> None:
    def script(connection: socket, request: Request) -> bool:
        with suppress(OSError):  # the caller has heard enough
            connection.sendall(RAW[name])
        return False

    peer.script = script
    found = outcome(peer)
    assert isinstance(found, SagaError) or name in KNOWN, f"it was taken for {found!r}"
    assert len(str(found)) < 1000 or isinstance(found, Answer)


def test_what_is_said_beyond_an_answer_is_not_the_next_ones_answer(peer: Peer) -> None:
    service = Service(name="payments", url=peer.url, key="a:b:0:1", deadline=lambda: 30.0)
    peer.script = lambda connection, request: connection.sendall(RAW["more than announced"]) is None
    service.post("/charges", json={})
    peer.script = answer(200, {"is": "well"})
    found = outcome(peer)
    assert isinstance(found, Answer), found
    assert found.json == {"is": "well"}


def outcome(peer: Peer) -> Answer | SagaError:
    """What the call comes to."""
    service = Service(name="payments", url=peer.url, key="a:b:0:1", deadline=lambda: 30.0)
    try:
        return service.post("/charges", json={"amount": 1})
    except SagaError as error:
        assert str(error) or isinstance(error, Unknown)
        return error
