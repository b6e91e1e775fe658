import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from threading import Barrier, Event
from typing import Any

import pytest

from sagas.engine.answers import LARGEST_ANSWER, Meaning, meanings
from sagas.engine.http import Service
from sagas.errors import Abort, Denied, NothingThere, RetryLater, SagaError, TurnedBack, Unknown
from tests.sagas.peer import Peer, Request, answer, listening, message

PROBLEM = "application/problem+json"
KEY = "saga-1:charge:0:1"


@pytest.fixture
def peer() -> Iterator[Peer]:
    with listening() as peer:
        yield peer


@pytest.fixture
def payments(peer: Peer) -> Callable[..., Service]:
    """The service as an attempt sees it; `seconds` are what the attempt has left."""

    def service(*, seconds: float = 30, **options: Any) -> Service:
        defaults: dict[str, Any] = {"name": "payments", "url": peer.url, "key": KEY, "deadline": lambda: seconds}
        return Service(**defaults | options)

    return service


def failure(call: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[type[SagaError], str]:
    with pytest.raises(SagaError) as caught:
        call(*arguments, **options)
    return type(caught.value), caught.value.code


def test_an_answer_has_status_json_and_headers(peer: Peer, payments: Any) -> None:
    peer.script = answer(201, {"charge_id": 7}, X_Request_Id="abc")
    found = payments().post("/charges", json={"amount": 5})
    assert (found.status, found.json, found.headers["x-request-id"]) == (201, {"charge_id": 7}, "abc")
    assert (peer.requests[0].line, peer.requests[0].body) == ("POST /charges HTTP/1.1", b'{"amount":5}')


def test_an_empty_answer_is_none(peer: Peer, payments: Any) -> None:
    peer.script = answer(204)
    assert payments().delete("/charges/7").json is None


@pytest.mark.parametrize("verb", ["get", "post", "put", "patch", "delete"])
def test_every_verb_is_sent_as_it_is_called(peer: Peer, payments: Any, verb: str) -> None:
    peer.script = answer(200, {})
    getattr(payments(), verb)("/x", params={"a": "1 2"})
    assert peer.requests[0].line == f"{verb.upper()} /x?a=1+2 HTTP/1.1"


def test_a_call_carries_key_token_and_trace(peer: Peer, payments: Any) -> None:
    peer.script = answer(200, {})
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    payments(token="s3cret", traceparent=trace).post("/charges", headers={"X-Shop": "1", "idempotency-key": "mine"})
    headers = peer.requests[0].headers
    assert headers["idempotency-key"] == KEY
    assert headers["authorization"] == "Bearer s3cret"
    assert headers["traceparent"] == trace
    assert headers["x-shop"] == "1"
    assert "saga-action-key" not in headers


def test_a_compensation_says_which_action_it_undoes(peer: Peer, payments: Any) -> None:
    peer.script = answer(200, {})
    payments(key=f"{KEY}:undo", action_key=KEY).post("/refunds", part="first")
    headers = peer.requests[0].headers
    assert (headers["idempotency-key"], headers["saga-action-key"]) == (f"{KEY}:undo/first", f"{KEY}/first")


def test_the_path_of_the_address_is_kept(peer: Peer, payments: Any) -> None:
    peer.script = answer(200, {})
    payments(url=f"{peer.url}/api/v2/").get("/charges")
    assert peer.requests[0].line == "GET /api/v2/charges HTTP/1.1"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, Abort) for status in (301, 302, 307, 400, 402, 405, 406, 410, 412, 413, 422, 451, 501, 505)),
        *((status, RetryLater) for status in (408, 409, 425, 429, 503)),
        *((status, Unknown) for status in (500, 502, 504, 507, 599, 600)),
        *((status, Denied) for status in (401, 403, 404, 407)),
    ],
)
def test_a_status_says_what_is_known(peer: Peer, payments: Any, status: int, kind: type[SagaError]) -> None:
    peer.script = answer(status, {}, Location="http://127.0.0.1:1/")
    assert failure(payments().post, "/charges") == (kind, f"http_{status}")


@pytest.mark.parametrize(
    ("status", "content_type", "kind"),
    [
        (404, PROBLEM, NothingThere),
        (404, f"{PROBLEM}; charset=utf-8", NothingThere),
        (410, "text/html", NothingThere),
        (404, "text/html", Denied),
        (422, PROBLEM, Abort),
        (409, PROBLEM, RetryLater),
    ],
)
def test_while_undoing_nothing_there_is_an_answer_of_its_own(
    peer: Peer, payments: Any, status: int, content_type: str, kind: type[SagaError]
) -> None:
    peer.script = answer(status, {}, Content_Type=content_type)
    assert failure(payments(action_key=KEY).post, "/refunds") == (kind, f"http_{status}")


def test_a_404_in_the_services_own_words_is_a_refusal(peer: Peer, payments: Any) -> None:
    peer.script = answer(404, {"detail": "There is no such account."}, Content_Type=PROBLEM)
    with pytest.raises(Abort, match=r"^payments answered POST /charges with 404: There is no such account\.$"):
        payments().post("/charges")


def test_a_services_settings_put_a_status_elsewhere(peer: Peer, payments: Any) -> None:
    elsewhere = meanings({"url": "…", "refused": [409], "not_now": [423], "done": [304]})
    service = payments(meanings=elsewhere)
    peer.script = answer(409)
    assert failure(service.post, "/charges") == (Abort, "http_409")
    peer.script = answer(423)
    assert failure(service.post, "/charges") == (RetryLater, "http_423")
    peer.script = answer(304)
    assert service.post("/charges").status == 304
    peer.script = answer(429)
    assert failure(service.post, "/charges") == (RetryLater, "http_429")


def test_a_status_in_two_lists_is_refused() -> None:
    with pytest.raises(ValueError, match='Status 409 is in "refused" and in "not_now"'):
        meanings({"not_now": [409], "refused": [409]})
    assert meanings({"refused": [409, 409]}) == {409: Meaning.REFUSED}


def test_a_redirect_is_not_followed(peer: Peer, payments: Any) -> None:
    peer.script = answer(302, Location=f"{peer.url}/elsewhere")
    assert failure(payments().get, "/charges") == (Abort, "http_302")
    assert len(peer.requests) == 1


def test_cookies_are_not_kept(peer: Peer, payments: Any) -> None:
    peer.script = answer(200, {}, Set_Cookie="session=of-another-customer; Path=/")
    payments().get("/a")
    payments().get("/b")
    assert "cookie" not in peer.requests[1].headers


def test_the_participants_sentence_is_told_without_the_token(peer: Peer, payments: Any) -> None:
    said = {"detail": "You sent\nAuthorization: Bearer s3cret\x00 " + "x" * 1000}
    peer.script = answer(422, said, Content_Type=PROBLEM)
    with pytest.raises(Abort) as caught:
        payments(token="s3cret").post("/charges")
    sentence = str(caught.value)
    assert sentence.startswith("payments answered POST /charges with 422: You sent Authorization: Bearer … xxx")
    assert "s3cret" not in sentence
    assert len(sentence) < 400


def test_the_token_is_not_in_the_services_repr(payments: Any) -> None:
    assert "s3cret" not in repr(payments(token="s3cret"))


def test_retry_after_reaches_the_policy(peer: Peer, payments: Any) -> None:
    peer.script = answer(503, Retry_After="7")
    with pytest.raises(RetryLater) as caught:
        payments().post("/charges")
    assert caught.value.after == timedelta(seconds=7)


def test_a_refused_connection_is_not_now(payments: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    service = payments(url=f"http://127.0.0.1:{port}")
    assert failure(service.post, "/charges") == (RetryLater, "connect_refused")


def test_an_unknown_host_is_not_now(payments: Any) -> None:
    service = payments(url="http://payments.invalid")
    assert failure(service.post, "/charges") == (RetryLater, "name_not_resolved")


def test_a_peer_without_tls_is_not_now(payments: Any) -> None:
    def greet(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"220 mail.example ESMTP\r\n")
            connection.recv(65536)

    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        greeted = pool.submit(greet, server)
        service = payments(url=f"https://127.0.0.1:{server.getsockname()[1]}")
        assert failure(service.post, "/charges", json={}) == (RetryLater, "tls_failed")
        greeted.result()


def test_a_peer_that_takes_no_connection_is_not_now(payments: Any) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        service = payments(url=f"http://127.0.0.1:{server.getsockname()[1]}", seconds=1)
        assert failure(service.post, "/charges") == (RetryLater, "connect_timeout")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:80", "http://[::1", ""])
def test_an_address_that_is_none_speaks_of_us(payments: Any, url: str) -> None:
    assert failure(payments(url=url).get, "/charges") == (Denied, "bad_address")


def test_a_path_cannot_lead_to_another_host(peer: Peer, payments: Any) -> None:
    assert failure(payments().get, "@127.0.0.2/charges") == (Denied, "bad_address")


def test_without_time_left_nothing_is_sent(peer: Peer, payments: Any) -> None:
    assert failure(payments(seconds=0).post, "/charges") == (RetryLater, "no_time_left")
    assert peer.requests == []


def test_a_saga_that_was_turned_back_sends_nothing(peer: Peer, payments: Any) -> None:
    def deadline() -> float:
        raise TurnedBack

    with pytest.raises(TurnedBack):
        payments(deadline=deadline).post("/charges")
    assert peer.requests == []


def test_no_answer_in_time_is_unknown(peer: Peer, payments: Any) -> None:
    done = Event()
    peer.script = lambda connection, request: done.wait(120)
    assert failure(payments(seconds=1).post, "/charges") == (Unknown, "read_timeout")
    done.set()


@pytest.mark.parametrize("where", ["head", "body"])
def test_a_peer_that_trickles_its_answer_does_not_outlive_the_deadline(peer: Peer, payments: Any, where: str) -> None:
    """A byte comes every 20 ms, in the head or in the body: no single read is slow, the whole would take seconds."""
    whole = message(200, {"text": "x" * 300})
    begun = len(whole) - 300 if where == "body" else 0

    def script(connection: socket.socket, request: Request) -> bool:
        connection.sendall(whole[:begun])
        pause = Event()
        for at in range(begun, len(whole)):
            connection.sendall(whole[at : at + 1])
            pause.wait(0.02)
        return False

    peer.script = script
    assert failure(payments(seconds=1.5).post, "/charges") == (Unknown, "read_timeout")


def test_a_peer_that_reads_slowly_does_not_outlive_the_deadline(payments: Any) -> None:
    """It reads on and on, so that no single write is slow; the whole would take seconds."""

    def read(server: socket.socket) -> None:
        connection, _ = server.accept()
        pause = Event()
        with connection:
            while connection.recv(100_000):
                pause.wait(0.02)

    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)
        reading = pool.submit(read, server)
        service = payments(url=f"http://127.0.0.1:{server.getsockname()[1]}", seconds=1.5)
        assert failure(service.post, "/charges", json="x" * 20_000_000) == (Unknown, "write_timeout")
        reading.exception()


def test_a_connection_cut_after_sending_is_unknown(peer: Peer, payments: Any) -> None:
    peer.script = lambda connection, request: False
    assert failure(payments().post, "/charges") == (Unknown, "connection_lost")
    assert len(peer.requests) == 1


def test_a_kept_connection_cut_after_sending_is_unknown_and_not_tried_again(peer: Peer, payments: Any) -> None:
    peer.script = answer(200, {})
    payments().get("/charges")
    peer.script = lambda connection, request: False
    assert failure(payments().post, "/charges") == (Unknown, "connection_lost")
    assert [request.line[:4] for request in peer.requests] == ["GET ", "POST"]
    assert peer.requests[0].client == peer.requests[1].client


def test_a_kept_connection_that_the_peer_closed_before_is_not_used(peer: Peer, payments: Any) -> None:
    closed = Event()

    def script(connection: socket.socket, request: Request) -> bool:
        connection.sendall(message(200, {}))
        connection.shutdown(socket.SHUT_RDWR)
        closed.set()
        return False

    peer.script = script
    payments().get("/charges")
    assert closed.wait(120)
    assert payments().post("/charges").status == 200
    assert peer.requests[0].client != peer.requests[1].client


@pytest.mark.parametrize(
    "garbage",
    [b"<html>It works!</html>", b'{"charge_id": ', b"\xff\xfe\x00", b"[" * 5000, b"[" * 200_000, b'{"amount": NaN}'],
)
def test_an_answer_that_is_no_json_is_unknown(peer: Peer, payments: Any, garbage: bytes) -> None:
    peer.script = answer(200, raw=garbage)
    assert failure(payments().post, "/charges") == (Unknown, "answer_garbled")


def test_a_refusal_needs_no_json(peer: Peer, payments: Any) -> None:
    peer.script = answer(422, raw=b"[" * 200_000)
    with pytest.raises(Abort, match=r"^payments answered POST /charges with 422\.$"):
        payments().post("/charges")


def test_a_truncated_answer_is_unknown(peer: Peer, payments: Any) -> None:
    def script(connection: socket.socket, request: Request) -> bool:
        connection.sendall(message(200, {"charge_id": 7})[:-5])
        return False

    peer.script = script
    assert failure(payments().post, "/charges") == (Unknown, "connection_lost")


def test_an_endless_answer_is_unknown(peer: Peer, payments: Any) -> None:
    def script(connection: socket.socket, request: Request) -> bool:
        connection.sendall(message(200, raw=b"", Content_Length=str(LARGEST_ANSWER * 1000)))
        while True:
            connection.sendall(b"x" * 65536)

    peer.script = script
    assert failure(payments().post, "/charges") == (Unknown, "answer_too_large")


def test_something_else_than_http_is_unknown(peer: Peer, payments: Any) -> None:
    def script(connection: socket.socket, request: Request) -> bool:
        connection.sendall(b"220 mail.example ESMTP\r\n\r\n")
        return False

    peer.script = script
    assert failure(payments().post, "/charges") == (Unknown, "connection_lost")


def test_three_hundred_calls_can_be_under_way_at_once(peer: Peer, payments: Any) -> None:
    everybody = Barrier(300)

    def script(connection: socket.socket, request: Request) -> bool:
        everybody.wait(120)
        connection.sendall(message(200, {}))
        return True

    peer.script = script
    service = payments(seconds=120)
    with ThreadPoolExecutor(300) as pool:
        answers = list(pool.map(lambda _: service.post("/charges").status, range(300)))
    assert answers == [200] * 300


def test_a_forked_process_uses_connections_of_its_own(peer: Peer, payments: Any) -> None:
    def script(connection: socket.socket, request: Request) -> bool:
        connection.sendall(message(200, {"client": request.client}))
        return True

    peer.script = script
    parents = payments().get("/").json["client"]
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, str(payments().get("/").json["client"]).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    childs = int(os.read(read, 100))
    os.close(read)
    os.close(write)
    assert childs != parents
    assert payments().get("/").json["client"] == parents
