"""A participant in PHP keeps the promises: the order saga's own steps, over HTTP, against php-cli."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.db import connection, transaction
from django.test import override_settings

from examples.shop.client import TOKEN, Participants
from gateway.ids import uuid7
from sagas import operations
from sagas.engine import delivery
from sagas.models import Run, Saga
from sagas.record import attempts
from sagas.record.attempts import Claim
from sagas.words.outcome import Refused
from tests.conftest import IN_CI
from tests.docs.pages import DOCS
from tests.harness.processes import free_port
from tests.harness.waiting import wait_until
from tests.sagas.peer import Peer, answer, listening
from tests.shop.test_order_over_http import ORDER, go_on

pytestmark = pytest.mark.django_db(transaction=True)

SCRIPT = Path(__file__).parents[2] / "examples" / "php" / "payments.php"


class Php:
    """The service, its address, and what it has in its database."""

    def __init__(self, url: str, database: Path) -> None:
        self.url, self._database = url, database

    def charges(self, saga: Saga) -> list[tuple[int, int]]:
        """Amount and whether it was given back, of each charge of a saga."""
        with closing(sqlite3.connect(self._database)) as db:
            return db.execute("SELECT amount, refunded FROM charges WHERE key LIKE ?", [f"{saga.pk}:%"]).fetchall()


@pytest.fixture(scope="module")
def php(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Php]:
    if shutil.which("php") is None:
        sentence = "PHP is not installed (Debian: php-cli php-sqlite3), so the participant in PHP is NOT tested."
        pytest.fail(f"{sentence} With CI=true that is an error.") if IN_CI else pytest.skip(sentence)
    folder = tmp_path_factory.mktemp("php")
    port, database = free_port(), folder / "payments.sqlite3"
    environment = {**os.environ, "PAYMENTS_DB": str(database), "TOKEN": TOKEN}
    with (folder / "php.log").open("w") as log:
        command = ["php", "-S", f"127.0.0.1:{port}", str(SCRIPT)]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(url), "PHP's web server answers", timedelta(seconds=60))
        yield Php(url, database)
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=10).status_code == 401
    except httpx.HTTPError:
        return False


@pytest.fixture
def mailer() -> Iterator[Peer]:
    with listening() as peer:
        peer.script = answer(202, {"id": "1", "status": "accepted"})
        yield peer


@pytest.fixture
def ordered(shop: Participants, php: Php, mailer: Peer, live_server: Any) -> Iterator[Callable[[], Saga]]:
    """An order whose payments are in PHP; nothing is delivered yet."""
    services = {**shop.services, "notifications": {"url": mailer.url}, "payments": {"url": php.url, "token": TOKEN}}
    with override_settings(SAGAS={"SERVICES": services, "PUBLIC_URL": live_server.url}):
        yield lambda: operations.start("order", {"order_id": str(uuid4()), **ORDER}, actor="test").saga


def through(saga: Saga) -> Saga:
    wait_until(lambda: go_on(saga), "the order ends, or needs a person", timedelta(seconds=60))
    return saga


def charging(saga: Saga) -> Claim:
    """An attempt of the charge, claimed and not made; what comes before it is done."""
    while not (due := Run.objects.filter(saga=saga, path="charge", work="due").first()):
        run = Run.objects.filter(saga=saga, work="due").order_by("id").first()
        assert run is not None, "it never comes to the charge"
        delivery.deliver(run.pk, run.fence, uuid7(), stopping=lambda: True)
    claimed = attempts.claim(due.pk, due.fence, uuid7())
    assert isinstance(claimed, Claim)
    return claimed


def lost(held: Claim) -> None:
    """Its worker dies before it can tell what came of it."""
    attempts.take_back(held.run.pk, held.run.fence, "The worker that ran it is gone.", died=True)


def test_an_order_goes_through_with_payments_in_php(ordered, php):
    saga = through(ordered())
    assert saga.state == "completed"
    assert php.charges(saga) == [(4990, 0)]


def test_a_charge_that_is_sent_twice_is_made_once(ordered, php):
    saga = ordered()
    held = charging(saga)
    first = delivery.call(held)
    lost(held)
    again = delivery.call(held)
    assert first == again, "the kept answer is given again"
    through(saga)
    assert (saga.state, php.charges(saga)) == ("completed", [(4990, 0)])


def test_a_refund_that_overtakes_its_charge_keeps_it_out(ordered, php):
    saga = ordered()
    held = charging(saga)
    lost(held)  # for all that anybody knows, the request is still on its way
    operations.cancel(saga.pk, actor="test", reason="not wanted any more")
    through(saga)
    assert (saga.state, php.charges(saga)) == ("cancelled", [])
    late = delivery.call(held)
    assert isinstance(late, Refused)
    assert late.code == "http_410"
    assert php.charges(saga) == []


def test_what_was_charged_is_given_back_once(ordered, php):
    saga = ordered()
    held = charging(saga)
    delivery.call(held)
    lost(held)
    operations.cancel(saga.pk, actor="test", reason="not wanted any more")
    through(saga)
    assert (saga.state, php.charges(saga)) == ("cancelled", [(4990, 1)])


def statements() -> list[str]:
    """The SQL of the page, in its order."""
    text = (DOCS / "participants.md").read_text()
    return [block.partition("\n```")[0].strip() for block in text.split("```sql\n")[1:]]


def test_the_sql_of_the_page_is_a_barrier():
    create, enter, keep, look, keep_out, close = statements()

    def run(statement: str, **values: str) -> Any:
        for name in sorted(values, key=len, reverse=True):
            statement = statement.replace(f":{name}", f"%({name})s")
        cursor.execute(statement.replace("saga_keys", "saga_keys_of_the_page"), values)
        return cursor

    with transaction.atomic(), connection.cursor() as cursor:
        run(create)
        assert run(enter, key="a").rowcount == 1
        run(keep, key="a", answer="made")
        assert run(enter, key="a").rowcount == 0
        assert run(look, key="a").fetchone() == ("", "made")
        assert run(keep_out, action_key="a", key="a:undo").rowcount == 0
        assert run(close, action_key="a", key="a:undo").rowcount == 1
        assert run(close, action_key="a", key="a:undo:2").rowcount == 0
        assert run(keep_out, action_key="b", key="b:undo").rowcount == 1
        assert run(enter, key="b").rowcount == 0
        assert run(look, key="b").fetchone()[0] == "b:undo"
        transaction.set_rollback(True)
