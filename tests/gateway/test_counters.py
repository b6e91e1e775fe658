"""What processes count is added up in the database, whatever becomes of them."""

import os
import threading
from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection

from gateway import counters
from gateway.counters import Counter, Histogram
from gateway.models import Sample

ORDERS = Counter(name="test_orders_total", help="Orders.", labels=("kind",))
TIMES = Histogram(name="test_seconds", help="Times.", labels=("kind",), bounds=(0.1, 1.0))


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    """Other tests count, too."""
    counters.forget()
    yield
    counters.forget()


def stored(name: str) -> dict[tuple[str, ...], dict[str, float]]:
    return {labels: dict(parts) for labels, parts in counters.totals(1000).get(name, {}).items()}


@pytest.mark.django_db
def test_what_was_counted_is_added_to_what_others_have_counted():
    ORDERS.add("large")
    ORDERS.add("large")
    ORDERS.add("small", by=3)
    assert stored("test_orders_total") == {}
    counters.flush()
    ORDERS.add("large")
    counters.flush()
    counters.flush()
    assert stored("test_orders_total") == {("large",): {"": 3.0}, ("small",): {"": 3.0}}


@pytest.mark.django_db
def test_a_histogram_keeps_how_many_fell_into_each_bucket_and_their_sum():
    for seconds in (0.1, 0.5, 0.25, 7.0, -1.0):
        TIMES.observe(seconds, "large")
    counters.flush()
    assert stored("test_seconds") == {("large",): {"0.1": 2.0, "1.0": 2.0, "+Inf": 1.0, "sum": 7.85}}


@pytest.mark.django_db
def test_what_the_database_does_not_take_is_kept_and_given_later(monkeypatch: pytest.MonkeyPatch):
    def out(rows: object) -> None:
        raise OperationalError("server closed the connection")

    ORDERS.add("large")
    with monkeypatch.context() as during:
        during.setattr(counters, "_give", out)
        with pytest.raises(OperationalError):
            counters.flush()
        counters.give()
        ORDERS.add("large")
    counters.give()
    assert stored("test_orders_total") == {("large",): {"": 2.0}}


@pytest.mark.only_on("postgresql")
@pytest.mark.django_db
def test_a_figure_that_can_never_be_stored_is_dropped_and_no_other(caplog: pytest.LogCaptureFixture):
    for kind in ("large", "x" * 1000, "small"):
        ORDERS.add(kind)
    counters.flush()
    counters.flush()
    assert stored("test_orders_total") == {("large",): {"": 1.0}, ("small",): {"": 1.0}}
    assert ["cannot be stored" in record.message for record in caplog.records] == [True]


@pytest.mark.django_db
def test_of_many_things_those_that_were_stored_before_a_failure_are_not_stored_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(counters, "BATCH", 2)
    give, given = counters._give, []

    def fails_once(rows: list[object]) -> None:
        given.append(rows)
        if len(given) == 2:
            raise OperationalError("server closed the connection")
        give(rows)

    monkeypatch.setattr(counters, "_give", fails_once)
    for kind in "abcde":
        ORDERS.add(kind)
    counters.give()
    counters.give()
    assert stored("test_orders_total") == {(kind,): {"": 1.0} for kind in "abcde"}


def test_a_forked_child_does_not_count_again_what_its_parent_has_counted():
    ORDERS.add("large")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"empty" if not counters._tally._counted else b"full")
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as said:
        assert said.read() == "empty"
    assert counters._tally._counted


@pytest.mark.django_db(transaction=True)
@pytest.mark.only_on("postgresql")
def test_processes_that_store_the_same_things_at_once_lose_nothing_and_do_not_wait_for_each_other_for_ever():
    tallies = [counters.Tally() for _ in range(4)]

    def work(tally: counters.Tally, kinds: str) -> None:
        for _ in range(20):
            for kind in kinds:
                tally.add("test_orders_total", (kind,), "", 1.0)
            tally.flush()
        connection.close()

    threads = [
        threading.Thread(target=work, args=(tally, kinds))
        for tally, kinds in zip(tallies, ["abcd", "dcba", "bdac", "cadb"], strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {labels: parts[""] for labels, parts in stored("test_orders_total").items()} == {(k,): 80.0 for k in "abcd"}


@pytest.mark.django_db(transaction=True)
def test_a_process_that_ends_gives_what_is_left(monkeypatch: pytest.MonkeyPatch):
    tally = counters.Tally()
    monkeypatch.setattr(counters, "_tally", tally)
    counters.begin()
    ORDERS.add("large")
    counters.end()
    assert tally._thread is not None
    tally._thread.join(60)
    assert Sample.objects.get(name="test_orders_total").value == 1.0
