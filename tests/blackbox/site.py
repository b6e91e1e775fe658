"""The site for one life: its REST door, its workers, its clock, and a script of all that was asked of it."""

import json
from contextlib import ExitStack
from datetime import timedelta
from typing import Any, NoReturn
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db.models import Q
from django.test import Client

from gateway.ids import uuid7
from gateway.models import IdempotencyKey
from sagas import Retry, approval, parallel, saga, step, wait
from sagas.engine import delivery
from sagas.engine.sweep import sweep
from sagas.models import Hold, Run, Saga, Sweep
from sagas.record import attempts, clock, holds
from sagas.record.attempts import Claim
from sagas.words import registry
from sagas.words.definition import Definition
from tests.blackbox.participants import SHOP, Ledger

SAGAS = "/api/v1/sagas/"
CALL_THE_SHOP = ("reserve", "left", "ship")
"""The steps that call the participant that people hold."""
HOURS = timedelta(hours=3)
MOST = 300


def order(ledger: Ledger) -> Definition:
    """A saga with a row of nearly every kind, a point of no return, and steps that need a person when refused."""
    to_people: dict[str, Any] = {"on_failure": "incident", "on_exhausted": "suspend"}
    few = {"retry": Retry(attempts=2), "compensation_retry": Retry(attempts=2)}

    def does(name: str, **about: Any) -> Any:
        whom = SHOP if name in CALL_THE_SHOP else ""
        return step(ledger.action, name=name, compensation=ledger.compensation, participant=whom, **few, **about)

    return saga(
        "order",
        does("reserve", on_failure="incident"),
        wait("news", timeout=HOURS),
        parallel(does("left"), does("right")),
        wait("news", name="more_news", timeout=HOURS),
        approval("agreed", timeout=HOURS),
        step(ledger.action, name="confirm", pivot=True, retry=Retry(attempts=2)),
        step(ledger.action, name="ship", participant=SHOP, retry=Retry(attempts=2), **to_people),
    )


class Answer:
    """What came back: the status, the JSON, the headers."""

    def __init__(self, response: Any) -> None:
        self.status: int = response.status_code
        self.body: Any = json.loads(response.content) if response.content else None
        self.etag: str = response.headers.get("ETag", "")
        self.replayed = response.headers.get("Idempotent-Replayed") == "true"

    @property
    def code(self) -> str:
        """The problem's code."""
        return str((self.body or {}).get("code", ""))


class Site:
    """A fresh one for each life; close it at its end."""

    def __init__(self) -> None:
        Saga.objects.all().update(parent=None)
        Saga.objects.all().delete()
        IdempotencyKey.objects.all().delete()
        Hold.objects.all().delete()
        Sweep.objects.all().delete()  # no mark of an earlier life excuses a sweep of this one
        self.ledger = Ledger()
        self.worker = uuid7()
        self.script: list[str] = []
        self.begun_before: set[int] = set()
        """Which calls, by number, workers made that had begun before, and were taken for dead."""
        self.touched: set[str] = set()
        """The sagas that something was done about since they were looked at."""
        self._client = Client(headers={"Authorization": f"Bearer {settings.GATEWAY['API_KEY']}"})
        self._stack = ExitStack()
        self._stack.enter_context(registry.replaced([order(self.ledger)]))
        self._names: dict[str, str] = {}

    def close(self) -> None:
        """Give the clock and the definitions back."""
        self._stack.close()
        holds.forget()

    # What callers do

    def get(self, path: str, **query: str) -> Answer:
        """Look; what is looked at is not written down."""
        return Answer(self._client.get(path, query))

    def post(self, path: str, body: Any, *, query: str = "", **headers: str) -> Answer:
        """Ask for something; it is written down with its answer."""
        self.touched |= {saga_id for saga_id in self._names if saga_id in path}
        found = Answer(
            self._client.post(
                path + (f"?{query}" if query else ""),
                json.dumps(body),
                content_type="application/json",
                headers={name.replace("_", "-"): value for name, value in headers.items()},
            )
        )
        about = "".join(f" {name}: {value}" for name, value in headers.items())
        self.note(f"POST {path}{query and '?'}{query}{about} {json.dumps(body)} → {found.status} {found.code}")
        if found.status >= 500:
            self.broken(f"it was answered with {found.status}")
        return found

    def pages(self, path: str, **query: str) -> list[Any]:
        """All pages of a list."""
        rows: list[Any] = []
        address: str | None = f"{path}?{urlencode(query, quote_via=quote)}"
        while address:
            found = Answer(self._client.get(address))
            rows += found.body["results"]
            address = found.body["next"]
        return rows

    # What workers do

    def due(self, **which: Any) -> list[Run]:
        """What messages name by now, in an order that does not depend on milliseconds."""
        found = Run.objects.due(clock.now()).filter(Q(saga__ended_at=None) | Q(undo="due"), **which)
        return sorted(found, key=lambda run: (self.name_of(str(run.saga_id)), run.path, run.item))

    def deliver(self, run: Run) -> None:
        """A worker takes a due run, and goes on with what follows."""
        self.touched.add(str(run.saga_id))
        self.note(f"deliver {run.path} of {self.name_of(str(run.saga_id))}")
        holds.look()
        delivery.deliver(run.pk, run.fence, self.worker)

    def claim(self, run: Run) -> Claim | None:
        """A worker takes a due run, and nothing more is heard of it for now."""
        holds.look()
        claimed = attempts.claim(run.pk, run.fence, self.worker)
        self.note(f"claim {run.path} of {self.name_of(str(run.saga_id))}, and die")
        return claimed if isinstance(claimed, Claim) else None

    def speak(self, held: Claim) -> None:
        """The worker that was taken for dead does its work after all, and says so."""
        self.note(f"{held.run.path} of {self.name_of(str(held.saga.pk))} is done after all")
        self.touched.add(str(held.saga.pk))
        self.begun_before.add(len(self.ledger.calls))
        attempts.record(held, delivery.call(held), self.worker, go_on=False)

    def later(self, by: timedelta) -> None:
        """Time passes, and the sweep looks."""
        self.note(f"{by} later")
        self._stack.enter_context(clock.ahead(by))
        sweep()

    def work(self) -> None:
        """Workers take whatever is due, until nothing is."""
        holds.look()
        for _ in range(MOST):
            found = self.due(saga__paused_at=None)
            if not found:
                return
            delivery.deliver(found[0].pk, found[0].fence, self.worker)
        self.broken("it does not come to rest")

    # The script

    def name_of(self, saga_id: str) -> str:
        """A short name, by the order in which sagas were met."""
        return self._names.setdefault(saga_id, f"saga{len(self._names) + 1:02}")

    def note(self, line: str) -> None:
        """Write down what was done."""
        self.script.append(line)

    def broken(self, promise: str) -> NoReturn:
        """A promise was broken; raises `AssertionError` with the script that leads there."""
        script = "\n".join(self.script)
        for saga_id, name in self._names.items():
            script = script.replace(saga_id, name)
        raise AssertionError(f"{promise}\n{script}")
