"""`/metrics`: who may read it, what it says, and what it says while the database is away."""

from collections.abc import Iterator

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from gateway import counters, figures, metrics, pulse
from gateway.counters import Counter, Histogram
from gateway.figures import Figure

SALES = Counter(name="test_sales_total", help="Sales.", labels=("kind",))
WAITS = Histogram(name="test_wait_seconds", help="Waits.", labels=("kind",), bounds=(0.1, 1.0))

asked: list[str] = []


def offered() -> list[Figure]:
    asked.append("offered")
    return [
        Figure(name="test_live", help="Live ones.", labels=("kind",), values={("large",): 2, ('"odd"\n\\',): 1}),
        Figure(name="test_age_seconds", help="Ages.", values={(): 10.0}, grows=True),
    ]


def broken() -> list[Figure]:
    raise ValueError("a secret")


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, settings) -> Iterator[None]:
    monkeypatch.setattr(figures, "_looker", figures.Looker())
    monkeypatch.setattr(pulse, "_pulse", pulse.Pulse())
    counters.forget()
    asked.clear()
    use(settings, "offered")
    yield
    counters.forget()


def use(settings, *names: str, **more) -> None:
    paths = tuple(f"tests.gateway.test_metrics.{name}" for name in names)
    settings.GATEWAY = {"METRICS": paths, "METRICS_NETWORKS": ("127.0.0.0/8",), "METRICS_TOKEN": "s3cret", **more}


def told(answer) -> dict[str, dict[tuple[str, ...], float]]:
    """The samples by their names, and by the values of their labels."""
    assert answer.status_code == 200, answer.content
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


@pytest.mark.django_db(transaction=True)
def test_it_tells_what_the_apps_offer_and_what_all_processes_have_counted():
    SALES.add("large", by=3)
    WAITS.observe(0.5, "large")
    WAITS.observe(5.0, "large")
    found = told(Client().get("/metrics"))
    assert found["test_live"] == {("large",): 2.0, ('"odd"\n\\',): 1.0}
    assert found["test_sales_total"] == {("large",): 3.0}
    assert found["test_wait_seconds_bucket"] == {("large", "0.1"): 0, ("large", "1.0"): 1, ("large", "+Inf"): 2}
    assert found["test_wait_seconds_sum"] == {("large",): 5.5}
    assert found["test_wait_seconds_count"] == {("large",): 2.0}
    assert found["database_up"] == {(): 1.0}
    assert 10.0 <= found["test_age_seconds"][()] < 70.0


@pytest.mark.django_db(transaction=True)
def test_what_was_asked_for_just_now_is_not_asked_for_again():
    for _ in range(3):
        told(Client().get("/metrics"))
    assert asked == ["offered"]


@pytest.mark.django_db(transaction=True)
def test_a_source_that_fails_takes_no_other_with_it(settings):
    use(settings, "broken", "offered")
    answer = Client().get("/metrics")
    found = told(answer)
    assert found["figures_failed"] == {("tests.gateway.test_metrics.broken",): 1.0}
    assert "test_live" in found
    assert b"a secret" not in answer.content


def test_without_a_database_it_says_so_and_nothing_that_it_does_not_know():
    found = told(Client().get("/metrics"))  # this test may not speak to the database
    assert found == {"database_up": {(): 0.0}}


def test_what_was_known_is_told_with_its_age_and_ages_grow(monkeypatch: pytest.MonkeyPatch):
    known = figures.Board(at=-500.0, figures=tuple(offered()), totals={"test_sales_total": {("large",): {"": 3.0}}})
    monkeypatch.setattr(figures.time, "monotonic", lambda: 100.0)
    found = {
        sample.name: sample.value
        for family in metrics.Told(known, up=False).collect()
        for sample in family.samples
        if "kind" not in sample.labels
    }
    assert found == {"database_up": 0.0, "figures_age_seconds": 600.0, "test_age_seconds": 610.0}
    names = [sample.name for family in metrics.Told(known, up=False).collect() for sample in family.samples]
    assert "test_live" in names
    assert "test_sales_total" not in names, "another process may have told more of it already"


def test_what_is_dear_to_ask_for_is_asked_for_less_often(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(figures.time, "monotonic", lambda: 10.0)
    assert figures.Board(at=8.0, cost=0.01).is_fresh
    assert not figures.Board(at=5.0, cost=0.01).is_fresh
    assert figures.Board(at=5.0, cost=1.0).is_fresh
    assert not figures.Board(at=-6.0, cost=60.0).is_fresh, "it may have been slow for once"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("192.0.2.7", {}, 401),
        ("192.0.2.7", {"Authorization": "Bearer s3cret"}, 200),
        ("127.0.0.1", {"Authorization": "Bearer wrong"}, 401),
        ("192.0.2.7", {"Authorization": "Bearer the-key-of-the-tests"}, 401),
        ("192.0.2.7", {"X-Forwarded-For": "127.0.0.1"}, 401),
        ("unix:", {}, 401),
    ],
)
def test_only_the_token_or_a_network_of_the_settings_opens_it(address, headers, status):
    answer = Client(REMOTE_ADDR=address, headers=headers).get("/metrics")
    assert answer.status_code == status


@pytest.mark.django_db(transaction=True)
def test_without_a_token_in_the_settings_none_opens_it(settings):
    use(settings, "offered", METRICS_TOKEN="", METRICS_NETWORKS=())
    answer = Client(headers={"Authorization": "Bearer "}).get("/metrics")
    assert answer.status_code == 401
    assert "METRICS_TOKEN" in answer.json()["detail"]
