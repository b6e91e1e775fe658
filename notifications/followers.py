"""The messages of a digest go where it goes: what became of it became of them."""

from notifications.callbacks import call_back
from notifications.lifecycle import WAITING, Status, drawn, move
from notifications.models import Event, Notification


def follow(digest: Notification, why: str) -> None:
    """Move them to where it stands now, in its transaction; the lock of a digest comes before those of its messages.

    One that is tried again is on its way once more, and they are `digested` until it is known how that goes. What has
    arrived has arrived: where the next channel of a digest comes to less than the one before it, they stay.
    """
    if digest.status == Status.SENDING:
        return
    status = Status.DIGESTED if digest.status in WAITING else Status(digest.status)
    rows = digest.digested.filter(status__in=[before for before in Status if drawn(before, status)])
    found = list(rows.order_by("pk").select_for_update(no_key=True, of=("self",)))
    for row in found:
        row.now = digest.now
    end_all(found, status, why)


def end_all(rows: list[Notification], status: Status, why: str) -> None:
    """Take all of them, that wait or have ended, to one end; under their locks, with an event and a callback each."""
    if not rows:
        return
    now = rows[0].now
    for row in rows:
        move(row, status)
    Notification.objects.filter(pk__in=[row.pk for row in rows]).update(
        status=status, error=why, due_at=None, rung_at=None, updated_at=now, ended_at=now
    )
    Event.objects.bulk_create(Event(notification=row, kind=status, detail=why, at=now) for row in rows)
    for row in rows:
        call_back(row, why)
