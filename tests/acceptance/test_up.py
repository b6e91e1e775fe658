"""`manage.py up`, as a newcomer meets it."""

import re
import signal
from collections.abc import Iterator

import httpx
import pytest

from tests.harness.processes import Process
from tests.harness.product import Product
from tests.harness.waiting import wait_until


@pytest.fixture
def product() -> Iterator[Product]:
    with Product(database_url="", broker_url="memory://") as product:
        del product.environment["DATABASE_URL"]  # the file in its data folder, as with nothing set
        yield product


def address(up: Process) -> str:
    return re.search(r"is running at (\S+)", up.output()).group(1)


def password(up: Process) -> str:
    return re.search(r"Password +(.+)", up.output()).group(1)


def sign_in(up: Process, secret: str) -> httpx.Response:
    with httpx.Client(base_url=address(up), follow_redirects=True) as browser:
        page = browser.get("/admin/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text).group(1)
        form = {"username": "admin", "password": secret, "csrfmiddlewaretoken": token}
        return browser.post("/admin/login/?next=/admin/", data=form)


def test_it_says_where_it_is_and_lets_the_administrator_in(product):
    up = product.up()
    page = sign_in(up, password(up))
    assert page.url.path == "/admin/sagas/incident/"
    assert page.status_code == 200
    assert httpx.get(f"{address(up)}/static/admin/css/base.css").headers["content-type"].startswith("text/css")


def test_the_password_is_shown_once_and_a_reset_makes_another(product):
    first = product.up()
    secret = password(first)
    first.stop()
    second = product.up()
    assert "shown at the first start" in password(second)
    assert sign_in(second, secret).url.path == "/admin/sagas/incident/"
    second.stop()
    third = product.up("--reset-password")
    assert sign_in(third, password(third)).url.path == "/admin/sagas/incident/"
    assert sign_in(third, secret).url.path == "/admin/login/"


def test_it_refuses_to_run_twice_on_the_same_data(product):
    running = product.up()
    second = product.up(ready=False)
    assert second.wait() != 0
    assert f"It is running already: process {running.pid} uses" in second.output()


def test_it_refuses_a_port_that_is_taken(product):
    port = address(product.up()).rpartition(":")[2]
    second = product.up("--port", port, ready=False, environment={"DATA_DIR": str(product.folder / "other")})
    assert second.wait() != 0
    assert "Give another port" in second.output()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_when_asked(product, number):
    up = product.up()
    up.signal(number)
    assert up.wait() == 0
    assert "Nothing is lost" in up.output()
    assert "Traceback" not in up.output()


def test_it_starts_again_after_being_killed(product):
    first = product.up()
    secret = password(first)
    first.kill()
    again = product.up()
    assert sign_in(again, secret).url.path == "/admin/sagas/incident/"


def test_it_works_off_tasks_and_fires_the_signals_of_a_worker(product):
    """The heartbeat of a worker hangs on these signals, and every clock on the sweep that beat sends."""
    seen = product.folder / "seen"
    up = product.up(environment={"TEST_SIGNALS": str(seen), "DJANGO_SETTINGS_MODULE": "tests.acceptance.observed"})
    wait_until(lambda: "task_postrun sagas.tasks.sweep" in seen.read_text(), "a sweep is worked off")
    up.signal(signal.SIGTERM)
    up.wait()
    lines = seen.read_text().splitlines()
    order = [line for line in lines if not line.startswith("task_")]
    assert order == ["worker_init", "worker_ready", "worker_shutting_down", "worker_shutdown"]
