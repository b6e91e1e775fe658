"""The code in README.md and docs/quickstart.md is what a newcomer types; it is typed here."""

import re
from datetime import timedelta

import httpx
import pytest

from examples.shop.client import TOKEN, Participants
from tests.harness.product import API_KEY, REPOSITORY, Product
from tests.harness.waiting import wait_until

README = (REPOSITORY / "README.md").read_text()
QUICKSTART = (REPOSITORY / "docs" / "quickstart.md").read_text()


def code(text: str) -> list[str]:
    return re.findall(r"```python\n(# trips/sagas\.py.*?)```", text, re.DOTALL)


@pytest.fixture
def ended_trip(tmp_path):
    """Put the code into an app of its own, run the embedded default with it, and send someone on a trip."""

    def ended_trip(source: str, city: str, services: str = "{}") -> dict:
        app = tmp_path / "trips"
        app.mkdir()
        (app / "__init__.py").touch()
        (app / "sagas.py").write_text(source)
        environment = {"APPS": "trips", "PYTHONPATH": f"{REPOSITORY}:{tmp_path}", "SAGA_SERVICES": services}
        with Product(database_url="", broker_url="memory://", environment=environment) as product:
            del product.environment["DATABASE_URL"]
            address = re.search(r"is running at (\S+)", product.up().output()).group(1)
            with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {API_KEY}"}) as api:
                started = api.post("/api/v1/sagas/", json={"definition": "trip", "input": {"city": city}})
                assert started.status_code == 201, started.text
                url = started.json()["url"]
                wait_until(lambda: api.get(url).json()["ended_at"], "the trip has ended", timedelta(seconds=60))
                return api.get(url).json()

    return ended_trip


def test_the_readme_shows_the_saga_of_the_quickstart():
    assert code(README) == code(QUICKSTART)[:1]


def test_a_trip_to_lisbon_completes(ended_trip):
    saga = ended_trip(code(README)[0], "Lisbon")
    assert saga["state"] == "completed"
    assert [step["result"] for step in saga["steps"]] == [{"room": 12}, {"seat": "7A"}]


def test_a_trip_to_atlantis_is_refunded_in_the_end(ended_trip, tmp_path):
    with Participants(tmp_path / "shop", names=["payments"]) as shop:
        services = f'{{"payments": {{"url": "{shop.urls["payments"]}", "token": "{TOKEN}"}}}}'
        saga = ended_trip("".join(code(QUICKSTART)), "Atlantis", services)
        kinds = [entry["kind"] for entry in shop.ledger("payments")["entries"]]
    assert saga["version"] == 2
    assert saga["state"] == "compensated"
    assert [step["undo"] for step in saga["steps"]] == ["done", "done", "unneeded"]
    assert kinds == ["action", "compensation"]
