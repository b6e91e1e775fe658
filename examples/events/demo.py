"""Orders that arrive on RabbitMQ, and services that are spoken to by events only: `make demo-events`.

It starts a RabbitMQ of its own (or takes the one in EVENTS_URL), a stock and a payment service, and the coordinator;
sends orders, some of them twice; kills the coordinator in the middle; and shows what came of every order, here and at
the services. It exits with 0 only if all of it is as it must be.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kombu import Connection
from rich.console import Console
from rich.table import Table

from examples.events.ledger import Ledger
from examples.events.service import EXCHANGE, publish
from examples.shop.demo_process import ROOT, Embedded

PATIENCE = 120.0
LOOK_EVERY = 0.2
QUEUE, KEYS = "shop.orders", ["order.created", "*.answered"]


@dataclass(frozen=True, kw_only=True)
class Expected:
    """An order, how its saga must end, and what stock and payments must say of it in the end."""

    number: str
    quantity: int
    amount: int
    ends: str
    stock: str
    payment: str
    about: str


ORDERS = (
    Expected(
        number="E1",
        quantity=1,
        amount=4900,
        ends="completed",
        stock="accepted",
        payment="accepted",
        about="all is well",
    ),
    Expected(
        number="E2", quantity=99, amount=4900, ends="compensated", stock="undone", payment="", about="too many pieces"
    ),
    Expected(
        number="E3", quantity=2, amount=90000, ends="compensated", stock="undone", payment="undone", about="too dear"
    ),
    Expected(
        number="E4",
        quantity=3,
        amount=900,
        ends="completed",
        stock="accepted",
        payment="accepted",
        about="sent three times",
    ),
    Expected(
        number="E5",
        quantity=4,
        amount=700,
        ends="completed",
        stock="accepted",
        payment="accepted",
        about="the coordinator is killed",
    ),
)


def main() -> int:
    """Run it all; 0 if everything ended as it must."""
    console = Console(highlight=False, soft_wrap=True)
    with ExitStack() as running:
        url = running.enter_context(a_broker(console))
        if url is None:
            return 2
        data = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="saga-events-")))
        with console.status("Starting the services and the coordinator …"):
            for name in ("stock", "payment"):
                running.enter_context(a_service(name, url, data))
            coordinator = running.enter_context(Coordinator(data / "coordinator", url))
        console.print(f"RabbitMQ is at {url}; orders arrive at the exchange {EXCHANGE!r}.")
        send(url, coordinator)
        coordinator.kill()
        console.print("The coordinator was killed with kill -9, and starts again.")
        coordinator.start()
        found = wait_for_ends(coordinator)
        return show(console, found, data)


class Coordinator(Embedded):
    """`manage.py up` with this example's saga; what it publishes, and what it listens to, is its environment."""

    def __init__(self, data: Path, url: str) -> None:
        super().__init__("sagas", data, base="/api/v1")
        self._broker = {"kind": "rabbitmq", "url": url, "exchange": EXCHANGE}

    @property
    def own(self) -> dict[str, str]:
        """Commands go to one target, so that what is confirmed does not stand behind them."""
        targets = {"shop": ["stock.*", "payment.*"], "confirmed": ["order.confirmed"]}
        return {
            "APPS": "examples.events",
            "EVENT_TARGETS": json.dumps({name: {**self._broker, "events": kinds} for name, kinds in targets.items()}),
            "EVENT_SOURCES": json.dumps({"shop": {**self._broker, "queue": QUEUE, "keys": KEYS}}),
        }

    def sagas(self) -> list[dict[str, Any]]:
        """All sagas, a line each."""
        return list(self.get("/sagas/?limit=200")["results"])


@contextmanager
def a_broker(console: Console) -> Iterator[str | None]:
    """The address of a RabbitMQ; None, and a sentence on the screen, when there is none."""
    if given := os.environ.get("EVENTS_URL"):
        yield given
        return
    from tests.harness.rabbitmq import RabbitMQ
    from tests.harness.service import NotInstalled

    try:
        broker = RabbitMQ()
    except NotInstalled:
        console.print(
            "This needs RabbitMQ. Install it (Debian: apt-get install rabbitmq-server), or name one that runs:\n"
            "  EVENTS_URL=amqp://guest:guest@localhost// make demo-events"
        )
        yield None
        return
    with console.status("Starting RabbitMQ …"):
        broker.start()
    try:
        yield broker.url
    finally:
        broker.kill()


@contextmanager
def a_service(name: str, url: str, data: Path) -> Iterator[None]:
    """A service in a process of its own, listening."""
    command = [sys.executable, "-m", "examples.events.service", name, "--url", url]
    command += ["--ledger", str(data / f"{name}.db")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None or "listens" not in process.stdout.readline():
            raise RuntimeError(f"The service {name} did not start.")
        yield
    finally:
        process.kill()
        process.wait()


def send(url: str, coordinator: Coordinator) -> None:
    """The orders, as the shop's website would send them, one of them three times; until the first saga has begun."""
    with Connection(url) as connection:
        channel = connection.channel()
        for queue, keys in {QUEUE: KEYS, "shop.confirmed": ["order.confirmed"]}.items():
            channel.queue_declare(queue, durable=True, auto_delete=False)
            for key in keys:
                channel.queue_bind(queue, EXCHANGE, key)
        channel.confirm_select()
        for order in ORDERS:
            data = {"number": order.number, "sku": "book", "quantity": order.quantity, "amount": order.amount}
            known = {"specversion": "1.0", "id": f"order-{order.number}", "source": "/website", "type": "order.created"}
            for _ in range(3 if order.number == "E4" else 1):
                publish(channel, {**known, "data": data})
        wait_until(lambda: len(coordinator.sagas()) > 1, PATIENCE, "No saga begins.")


def wait_for_ends(coordinator: Coordinator) -> Mapping[str, str]:
    """How each order ended, by its number."""

    def ends() -> dict[str, str]:
        return {str(saga["business_key"]): str(saga["state"]) for saga in coordinator.sagas() if saga["ended_at"]}

    wait_until(lambda: len(ends()) == len(ORDERS), PATIENCE, "Not all orders came to an end.")
    return ends()


def wait_until(true: Any, within: float, otherwise: str) -> None:
    """Wait for something. Raises `RuntimeError` with that sentence when it does not come."""
    end = time.monotonic() + within
    while not true():
        if time.monotonic() > end:
            raise RuntimeError(otherwise)
        time.sleep(LOOK_EVERY)


def show(console: Console, found: Mapping[str, str], data: Path) -> int:
    """What came of every order, here and at the services; 0 if it is as it must be."""
    ledgers = {name: Ledger(data / f"{name}.db") for name in ("stock", "payment")}

    def is_well(order: Expected) -> bool:
        same = (order.stock, order.payment) == tuple(ledgers[name].state(order.number) for name in ("stock", "payment"))
        return same and found[order.number] == order.ends

    end = time.monotonic() + PATIENCE
    while not all(map(is_well, ORDERS)) and time.monotonic() < end:  # the last commands may still be on their way
        time.sleep(LOOK_EVERY)
    table = Table("Order", "What it is", "Its saga", "Stock", "Payments", "")
    for order in ORDERS:
        states = [ledgers[name].state(order.number) or "nothing" for name in ("stock", "payment")]
        verdict = "as it must be" if is_well(order) else "WRONG"
        table.add_row(order.number, order.about, found[order.number], *states, verdict)
    console.print(table)
    return 0 if all(map(is_well, ORDERS)) else 1


if __name__ == "__main__":
    sys.exit(main())
