"""The proxy does what a fault says that it does, between a client and a real PostgreSQL."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.harness.processes import folder
from tests.harness.waiting import wait_until
from tests.soak.gates import Gates


@pytest.fixture
def gates(postgres) -> Iterator[Gates]:
    gates = Gates({"database": postgres.port}, folder("gates") / "proxy.log")
    yield gates
    gates.stop()


@pytest.fixture
def address(postgres, gates) -> str:
    """The server as it is reached through the proxy, with an empty table `kept`."""
    with psycopg.connect(postgres.url, autocommit=True) as line:
        line.execute("DROP TABLE IF EXISTS kept")
        line.execute("CREATE TABLE kept (number integer)")
    return postgres.url.replace(str(postgres.port), str(gates.port("database")))


def kept(postgres) -> list[int]:
    with psycopg.connect(postgres.url) as line:
        return [row[0] for row in line.execute("SELECT number FROM kept ORDER BY number")]


@pytest.mark.parametrize(
    ("autocommit", "binary"), [(True, False), (True, True), (False, False)], ids=["at once", "prepared", "explicit"]
)
def test_commits_are_cut_in_turn_before_and_after_they_happened(postgres, gates, address, autocommit, binary):
    gates.tell("database", "cut commits", times=4)
    for number in range(5):
        line = psycopg.connect(address, autocommit=autocommit)
        try:
            line.execute("SELECT 1")
            line.execute("INSERT INTO kept VALUES (%s)", [number], prepare=binary)
            line.commit()
        except psycopg.OperationalError:
            assert number < 4
        finally:
            line.close()
    assert kept(postgres) == [1, 3, 4]
    tally = gates.tell("database")
    assert (tally["before commit"], tally["after commit"]) == (2, 2)


def test_a_closed_gate_refuses_and_throws_out_and_an_open_one_lets_in(gates, address):
    with psycopg.connect(address) as line:
        gates.tell("database", "refuse")
        with pytest.raises(psycopg.OperationalError):
            line.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(address)
        gates.tell("database", "open")
    with psycopg.connect(address) as line:
        assert line.execute("SELECT 1").fetchone() == (1,)


def test_a_silent_gate_holds_what_is_said_until_it_is_opened(postgres, gates, address):
    with psycopg.connect(address, autocommit=True) as line:
        gates.tell("database", "silence")
        line.pgconn.send_query(b"INSERT INTO kept VALUES (7)")
        line.pgconn.flush()
        assert kept(postgres) == []
        gates.tell("database", "open")
        wait_until(lambda: kept(postgres) == [7], "it arrives")
        line.pgconn.get_result()
        line.pgconn.get_result()
