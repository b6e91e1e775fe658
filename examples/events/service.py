"""One service that speaks by events only: `python -m examples.events.service stock --url amqp://… --ledger stock.db`.

It knows nothing of sagas. Stock refuses what it has too little of, payments what is too dear.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from kombu import Connection

from examples.events.ledger import Ledger

EXCHANGE = "shop"
MOST_PIECES, MOST_CENTS = 10, 50_000

Decide = Callable[[dict[str, Any]], tuple[int, bool, str]]


def stock(command: dict[str, Any]) -> tuple[int, bool, str]:
    """How much, whether, and why not."""
    return command["quantity"], command["quantity"] <= MOST_PIECES, "There are not so many pieces."


def payment(command: dict[str, Any]) -> tuple[int, bool, str]:
    """How much, whether, and why not."""
    return command["amount"], command["amount"] <= MOST_CENTS, "The bank declined the charge."


SERVICES: dict[str, tuple[Decide, str, str]] = {
    "stock": (stock, "stock.reserve", "stock.release"),
    "payment": (payment, "payment.charge", "payment.refund"),
}


def main() -> None:
    """Listen until ended; a broker that is away is tried again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=SERVICES)
    parser.add_argument("--url", required=True)
    parser.add_argument("--ledger", type=Path, required=True)
    given = parser.parse_args()
    ledger = Ledger(given.ledger)
    while True:
        try:
            listen(given.name, given.url, ledger)
        except OSError as error:
            sys.stderr.write(f"{given.name}: {error}\n")
            time.sleep(0.5)


def listen(name: str, url: str, ledger: Ledger) -> None:
    """Take commands; acknowledge each when it was answered."""
    decide, do, undo = SERVICES[name]
    with Connection(url) as connection:
        channel = connection.channel()
        channel.exchange_declare(EXCHANGE, "topic", durable=True, auto_delete=False)
        channel.queue_declare(f"shop.{name}", durable=True, auto_delete=False)
        for key in (do, undo):
            channel.queue_bind(f"shop.{name}", EXCHANGE, key)
        channel.confirm_select()

        def on_message(message: Any) -> None:
            event = json.loads(message.body)
            command = event["data"]
            if event["type"] == undo:
                ledger.undo(command["number"])
            else:
                amount, can, why = decide(command)
                accepted = ledger.do(command["number"], amount, can) == "accepted"
                answer(channel, name, command["number"], accepted, "" if accepted else why)
            channel.basic_ack(message.delivery_info["delivery_tag"])

        channel.basic_qos(0, 10, False)
        channel.basic_consume(f"shop.{name}", callback=on_message)
        sys.stdout.write(f"{name} listens\n")
        sys.stdout.flush()
        while True:
            connection.drain_events()


def answer(channel: Any, name: str, number: str, accepted: bool, reason: str) -> None:
    """Say what became of a command; the same command has the same answer, id included."""
    known = {"specversion": "1.0", "source": f"/{name}", "type": f"{name}.answered"}
    data = {"number": number, "accepted": accepted, "reason": reason}
    publish(channel, {**known, "id": str(uuid5(NAMESPACE_URL, f"{name}/{number}")), "data": data})


def publish(channel: Any, event: dict[str, Any]) -> None:
    """Send an event to whoever wants it, and wait until the broker has it."""
    message = channel.prepare_message(json.dumps(event).encode(), properties={"delivery_mode": 2})
    channel.basic_publish_confirm(message, EXCHANGE, event["type"])


if __name__ == "__main__":
    main()
