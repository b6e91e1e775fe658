"""What came of the stories: a timeline for each, the customer's e-mail, the ledgers, and one sentence at the end."""

import time
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from examples.shop import ledgers
from examples.shop.client import Participants
from examples.shop.demo_orchestrator import Orchestrator
from examples.shop.demo_people import result_of
from examples.shop.demo_timeline import Told

MAIL_WITHIN = 15.0  # seconds


def report(stories: Sequence[Told], shop: Participants, orchestrator: Orchestrator, console: Console) -> bool:
    """Show everything; True when every story ended as it must, the e-mail came, and the ledgers agree."""
    payments = shop.ledger("payments")
    faults = [list(told.faults(_paid(payments, told.saga["id"]))) for told in stories]
    for told, found in zip(stories, faults, strict=True):
        _show(told, found, console)
    mail = _mail(stories[0], orchestrator)
    console.print("\n[bold]The customer's e-mail[/]", f"[dim]{escape(mail or 'was not sent')}[/]", sep="\n")
    sagas = orchestrator.sagas()
    violations = ledgers.check(
        shop.urls,
        completed=[saga["id"] for saga in sagas if saga["state"] == "completed"],
        undone=[saga["id"] for saga in sagas if saga["state"] in ("compensated", "cancelled")],
    )
    _show_ledgers(shop, violations, console)
    _say_what_next(console)
    well = sum(not found for found in faults)
    verdict = [f"{well} of {len(stories)} sagas ended as expected", "the e-mail came" if mail else "no e-mail came"]
    verdict.append("the ledgers agree" if not violations else "the ledgers do not agree")
    console.print(f"demo: {', '.join(verdict)}.")
    return well == len(stories) and bool(mail) and not violations


def _show(told: Told, faults: Sequence[str], console: Console) -> None:
    mark = "[red]✗[/]" if faults else "[green]✓[/]"
    what = f"{told.story.name}, {told.saga['state']} after {told.seconds:.1f} s"
    console.print(f"\n{mark} [bold]{told.story.title}[/] ({what})")
    for line in told.timeline():
        console.print(line)
    for fault in faults:
        console.print(f"          [red]{escape(fault)}[/]")


def _paid(payments: dict[str, Any], saga: str) -> int:
    """What was charged for this saga's order and not refunded, in cents."""
    entries = [entry for entry in payments["entries"] if ledgers.saga_of(entry["action_key"]) == saga]
    return sum(entry["quantity"] if entry["kind"] == "action" else -entry["quantity"] for entry in entries)


def _mail(told: Told, orchestrator: Orchestrator) -> str:
    """The customer's e-mail as it was written, or nothing when it was not sent in time."""
    until = time.monotonic() + MAIL_WITHIN
    while time.monotonic() < until:
        if mail := orchestrator.mail(result_of(told.saga, "notify")):
            return f"  To: {mail['To']}\n  Subject: {mail['Subject']}\n  {mail.get_content().strip()}"
        time.sleep(0.2)
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
