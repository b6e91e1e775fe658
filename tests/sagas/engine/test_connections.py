from typing import Any

import httpcore
import pytest

from sagas.engine.connections import Connections

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
LAST_ANSWER = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
LONG = 3600.0


class Line(httpcore.NetworkStream):
    """One connection to a host that answers everything, and notes when it is asked whether anything has come in."""

    def __init__(self, host: str, answer: bytes) -> None:
        self.host, self.answer = host, answer
        self.open, self.hung_up, self.looks = True, False, 0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return b"" if self.hung_up else self.answer

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        pass

    def close(self) -> None:
        self.open = False

    def get_extra_info(self, info: str) -> Any:
        self.looks += info == "is_readable"
        return self.hung_up if info == "is_readable" else None


class Network(httpcore.NetworkBackend):
    """Hosts that are always there; `lines` are all connections that were ever made, the first one first."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.answer = ANSWER

    def connect_tcp(self, host: str, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        self.lines.append(Line(host, self.answer))
        return self.lines[-1]


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def connections(network: Network) -> Connections:
    return Connections(keepalive_expiry=LONG, network_backend=network)


def begun(connections: Connections, host: str = "payments") -> httpcore.Response:
    return connections.handle_request(httpcore.Request("GET", f"http://{host}/", headers={"Host": host}))


def call(connections: Connections, host: str = "payments") -> bytes:
    answer = begun(connections, host)
    try:
        return answer.read()
    finally:
        answer.close()


def test_a_connection_is_used_again(network: Network, connections: Connections) -> None:
    assert [call(connections), call(connections)] == [b"{}", b"{}"]
    assert len(network.lines) == 1


def test_a_connection_under_way_is_nobody_elses(network: Network, connections: Connections) -> None:
    first = begun(connections)
    call(connections)
    first.close()
    assert len(network.lines) == 2


def test_a_connection_leads_to_one_host_only(network: Network, connections: Connections) -> None:
    call(connections, "payments")
    call(connections, "stock")
    assert [line.host for line in network.lines] == ["payments", "stock"]


def test_an_answer_that_was_not_read_to_its_end_costs_the_connection(
    network: Network, connections: Connections
) -> None:
    begun(connections).close()
    call(connections)
    assert [line.open for line in network.lines] == [False, True]


def test_a_connection_that_the_other_side_ends_with_its_answer_is_not_kept(
    network: Network, connections: Connections
) -> None:
    network.answer = LAST_ANSWER
    call(connections)
    call(connections)
    assert [line.open for line in network.lines] == [False, False]


def test_one_that_hung_up_meanwhile_is_closed_and_the_next_one_is_used(
    network: Network, connections: Connections
) -> None:
    first, second = begun(connections), begun(connections)
    for answer in (first, second):
        answer.read()
        answer.close()
    network.lines[1].hung_up = True
    call(connections)
    assert [line.open for line in network.lines] == [True, False]


def test_a_call_that_fails_leaves_no_connection(network: Network, connections: Connections) -> None:
    call(connections)
    network.lines[0].answer = b"something else\r\n\r\n"
    with pytest.raises(httpcore.RemoteProtocolError):
        call(connections)
    assert [line.open for line in network.lines] == [False]
    call(connections)
    assert len(network.lines) == 2


def test_one_that_was_idle_for_too_long_is_closed_by_a_call_to_anybody(network: Network) -> None:
    connections = Connections(keepalive_expiry=0, network_backend=network)
    call(connections, "payments")
    call(connections, "stock")
    assert [line.open for line in network.lines] == [False, True]


def test_closing_twice_gives_a_connection_back_once(network: Network, connections: Connections) -> None:
    answer = begun(connections)
    answer.read()
    answer.close()
    answer.close()
    begun(connections)
    begun(connections)
    assert len(network.lines) == 2


def test_all_that_is_idle_can_be_closed(network: Network, connections: Connections) -> None:
    call(connections, "payments")
    call(connections, "stock")
    connections.close()
    assert [line.open for line in network.lines] == [False, False]


def test_a_call_looks_at_one_connection_however_many_there_are(network: Network, connections: Connections) -> None:
    crowd = [begun(connections) for _ in range(50)]
    for answer in crowd:
        answer.read()
        answer.close()
    call(connections)
    assert sum(line.looks for line in network.lines) == 1


def test_only_http_is_spoken(connections: Connections) -> None:
    with pytest.raises(httpcore.UnsupportedProtocol):
        connections.handle_request(httpcore.Request("GET", "ftp://payments/"))
