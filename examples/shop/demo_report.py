"""What came of the orders: a timeline for each, the customer's e-mail, the ledgers, and one sentence at the end."""

import time
from collections.abc import Sequence
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from examples.shop import ledgers
from examples.shop.client import Participants
from examples.shop.demo_orchestrator import Orchestrator
from examples.shop.demo_timeline import Ended

MAIL_WITHIN = 15.0  # seconds


def report(orders: Sequence[Ended], shop: Participants, orchestrator: Orchestrator, console: Console) -> bool:
    """Show everything; True when every order ended as it must, the e-mail came, and the ledgers agree."""
    payments = shop.ledger("payments")
    faults = [list(order.faults(_paid(payments, order.saga["id"]))) for order in orders]
    for order, found in zip(orders, faults, strict=True):
        _show(order, found, console)
    mail = _mail(orders[0], orchestrator)
    console.print("\n[bold]The customer's e-mail[/]", f"[dim]{escape(mail or 'was not sent')}[/]", sep="\n")
    violations = ledgers.check(
        shop.urls,
        completed=[order.saga["id"] for order in orders if order.saga["state"] == "completed"],
        undone=[order.saga["id"] for order in orders if order.saga["state"] in ("compensated", "cancelled")],
    )
    _show_ledgers(shop, violations, console)
    _say_what_next(console)
    well = sum(not found for found in faults)
    verdict = [f"{well} of {len(orders)} orders ended as expected", "the e-mail came" if mail else "no e-mail came"]
    verdict.append("the ledgers agree" if not violations else "the ledgers do not agree")
    console.print(f"demo: {', '.join(verdict)}.")
    return well == len(orders) and bool(mail) and not violations


def _show(order: Ended, faults: Sequence[str], console: Console) -> None:
    mark = "[red]✗[/]" if faults else "[green]✓[/]"
    what = f"{order.story.order}, {order.saga['state']} after {order.seconds:.1f} s"
    console.print(f"\n{mark} [bold]{order.story.title}[/] ({what})")
    for line in order.timeline():
        console.print(line)
    for fault in faults:
        console.print(f"          [red]{escape(fault)}[/]")


def _paid(payments: dict[str, Any], saga: str) -> int:
    """What was charged for this saga's order and not refunded, in cents."""
    entries = [entry for entry in payments["entries"] if ledgers.saga_of(entry["action_key"]) == saga]
    return sum(entry["quantity"] if entry["kind"] == "action" else -entry["quantity"] for entry in entries)


def _mail(order: Ended, orchestrator: Orchestrator) -> str:
    """The customer's e-mail as it was written, or nothing when it was not sent in time."""
    notify = next((step for step in order.saga["steps"] if step["step"] == "notify" and step["result"]), None)
    until = time.monotonic() + MAIL_WITHIN
    while notify and time.monotonic() < until:
        notification = orchestrator.notification(notify["result"]["id"])
        if notification["status"] == "sent":
            return _written(orchestrator.data / "mail", notification["attempts"][-1]["provider_id"])
        time.sleep(0.2)
    return ""


def _written(folder: Path, message_id: str) -> str:
    """The e-mail with this id: Django's file back end writes one file for each, and a line of dashes below it."""
    for file in folder.iterdir():
        mail = message_from_bytes(file.read_bytes().rpartition(b"\n---")[0], policy=policy.default)
        if mail["Message-ID"] == message_id:
            return f"  To: {mail['To']}\n  Subject: {mail['Subject']}\n  {mail.get_content().strip()}"
    return ""


def _show_ledgers(shop: Participants, violations: Sequence[str], console: Console) -> None:
    console.print("\n[bold]The services' own ledgers[/]")
    for ledger in shop.ledgers():
        done = sum(entry["kind"] == "action" for entry in ledger["entries"])
        undone = len(ledger["entries"]) - done
        console.print(f"  {ledger['service']:9}{len(ledger['calls']):3} calls, {done} effects, {undone} of them undone")
    for violation in violations:
        console.print(f"  [red]{escape(violation)}[/]")


def _say_what_next(console: Console) -> None:
    console.print(
        "\nNext: [bold]make up[/] runs the coordinator for you to look around, docs/quickstart.md leads to a saga of "
        "your own,\ndocs/how-it-works.md explains what you saw.\n"
    )
