"""What came of the stories: a timeline for each, the customers' e-mails, the ledgers, and one sentence at the end."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from examples.shop import ledgers
from examples.shop.client import Participants
from examples.shop.demo_notifications import NotificationService
from examples.shop.demo_orchestrator import Orchestrator
from examples.shop.demo_people import result_of
from examples.shop.demo_timeline import Told

MAIL_WITHIN = 15.0  # seconds


def report(stories: Sequence[Told], shop: Participants, orchestrator: Orchestrator, console: Console) -> bool:
    """Show everything; True when every story ended as it must, the e-mails came once each, and the ledgers agree."""
    payments = shop.ledger("payments")
    faults = [list(told.faults(_paid(payments, told.saga["id"]))) for told in stories]
    for told, found in zip(stories, faults, strict=True):
        _show(told, found, console)
    wrong = _wait_for_mails(stories, orchestrator.notifications)
    mail = _show_mails(stories[0], orchestrator.notifications, console)
    for sentence in wrong:
        console.print(f"  [red]{escape(sentence)}[/]")
    sagas = orchestrator.sagas()
    violations = ledgers.check(
        shop.urls,
        completed=[saga["id"] for saga in sagas if saga["state"] == "completed"],
        undone=[saga["id"] for saga in sagas if saga["state"] in ("compensated", "cancelled")],
    )
    _show_ledgers(shop, violations, console)
    _say_what_next(console)
    well = sum(not found for found in faults)
    verdict = [f"{well} of {len(stories)} sagas ended as expected"]
    verdict.append("each e-mail came once" if mail and not wrong else "the e-mails are not as they must be")
    verdict.append("the ledgers agree" if not violations else "the ledgers do not agree")
    console.print(f"demo: {', '.join(verdict)}.")
    return well == len(stories) and mail and not wrong and not violations


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


def _wait_for_mails(stories: Sequence[Told], notifications: NotificationService) -> list[str]:
    """Every completed order has its e-mail, and none came twice, whatever was killed; what is wrong, else."""
    wanted = {f"Your order {told.story.name}" for told in stories if _ended_well(told)}
    until = time.monotonic() + MAIL_WITHIN
    while True:
        came = Counter((str(mail["Subject"]), str(mail["To"])) for mail in notifications.mails())
        subjects = {subject for subject, _ in came}
        if wanted <= subjects or time.monotonic() > until:
            break
        time.sleep(0.2)
    missing = [f"“{subject}” was not sent." for subject in sorted(wanted - subjects)]
    twice = [f"“{subject}” was sent to {to} {times} times." for (subject, to), times in came.items() if times > 1]
    return missing + twice


def _ended_well(told: Told) -> bool:
    return bool(told.saga["state"] == "completed" and result_of(told.saga, "notify"))


def _show_mails(first: Told, notifications: NotificationService, console: Console) -> bool:
    """The first customer's e-mail as it was written, and the others by their subjects. Whether there is the first."""
    mail = notifications.mail(result_of(first.saga, "notify"))
    console.print("\n[bold]The customer's e-mail[/]")
    if mail is None:
        console.print("  [red]was not sent[/]")
        return False
    said = f"  To: {mail['To']}\n  Subject: {mail['Subject']}\n  {mail.get_content().strip()}"
    console.print(f"[dim]{escape(said)}[/]")
    others = [str(other["Subject"]) for other in notifications.mails() if other["Message-ID"] != mail["Message-ID"]]
    console.print(f"[dim]  and {len(others)} more: {escape('; '.join(sorted(others)))}[/]")
    return True


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
