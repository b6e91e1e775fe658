"""What a topic with 10,000 receivers takes: `python -m benchmarks.crowd --receivers 10000 --send 500`.

One process, on a SQLite file of its own (or `DATABASE_URL`), without workers: how long the request takes, how long the
fan-out, with how much memory, where an urgent message of another sender stands meanwhile, and what one sending costs.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from typing import Any

KIB = 1024


def main() -> None:
    """Prepare, measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--receivers", type=int, default=10_000)
    parser.add_argument("--send", type=int, default=500, help="so many of them are sent, into files")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"SERVES": "notifications", "DATA_DIR": folder, "LOG_LEVEL": "ERROR"}
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        measure(given.receivers, given.send)


def measure(receivers: int, send: int) -> None:
    """All of it, in the order in which it happens."""
    from notifications.delivery import deliver
    from notifications.models import Notification
    from notifications.sweep import _mark_as_rung

    subscribe(receivers)
    ask({"receiver": {"phone": "+15550000"}, "content": "The first one reads the code."})
    before = memory()
    took, bulletin = timed(lambda: ask({"receiver": {"topic": "all"}, "content": "News.", "priority": "bulk"}))
    say(f"accepted: one request, {took * 1000:.0f} ms")
    chunks = []
    while Notification.objects.get(pk=bulletin).status != "digested":
        chunks.append(timed(lambda: deliver(bulletin))[0])
    say(
        f"fanned out: {receivers:,} in {len(chunks)} transactions, {sum(chunks):.1f} s, the longest {max(chunks):.2f} s"
    )
    say(f"memory: {(memory() - before) / KIB:.0f} MiB more than before, at the most")
    urgent = ask({"receiver": {"phone": "+15550000"}, "content": "Fire.", "priority": "urgent"})
    Notification.objects.filter(status="accepted").update(rung_at=None)  # a sweep later
    rung = [pk for pk, _ in _mark_as_rung()]
    say(f"an urgent message of another sender: number {rung.index(urgent) + 1} of {receivers + 1:,} that wait")
    took, _ = timed(lambda: [deliver(pk) for pk in rung[1 : send + 1]])
    say(f"sent: {send / took:.0f} a second by one thread, into files")


def subscribe(number: int) -> None:
    """So many receivers of the topic."""
    from notifications.models import Receiver, Subscriber

    people = [Receiver(tenant="default", key=f"u{n}", addresses={"phone": f"+1555{n:07}"}) for n in range(number)]
    Receiver.objects.bulk_create(people, batch_size=1000)
    rows = [Subscriber(tenant="default", topic="all", receiver=one.key) for one in people]
    Subscriber.objects.bulk_create(rows, batch_size=1000)


def ask(body: dict[str, Any]) -> Any:
    """Send it through the door, and give its id."""
    from django.conf import settings
    from django.test import Client

    from notifications.models import Notification

    headers = {"Authorization": f"Bearer {settings.API_KEY}"}
    client = Client(headers=headers, SERVER_NAME="localhost")
    answer = client.post("/api/v1/notifications/", json.dumps(body), content_type="application/json")
    return Notification.objects.get(pk=answer.json()["id"]).pk


def timed(act: Any) -> tuple[float, Any]:
    """How many seconds it takes, and what it gives."""
    begun = time.perf_counter()
    found = act()
    return time.perf_counter() - begun, found


def memory() -> int:
    """The most that the process has had so far, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
