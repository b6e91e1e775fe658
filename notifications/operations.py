"""The verbs, each once; the doors only call them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from gateway.callers import Caller
from gateway.doorbell import Rank
from gateway.echoes import echo, hint, pointer
from gateway.guard import Forbidden, Guard
from notifications import digests, wording
from notifications.channels.channel import Channel, channels
from notifications.conf import CALLBACK, conf
from notifications.dispatch import ring_after_commit
from notifications.forgetting import note_addressees
from notifications.lifecycle import WAITING, Status
from notifications.masking import NO_ADDRESSES
from notifications.models import Event, Notification
from notifications.plan import addresses_of, profile_of
from notifications.quiet import is_zone
from notifications.reader import Reader, reader_of
from notifications.row import end_of_unsent, locked, settle, wait
from notifications.templating import Unrenderable
from notifications.topics import TOPIC

PRIORITIES = {"urgent": Rank.FIRST, "normal": Rank.NORMAL, "bulk": Rank.LAST}
RETRIED = (Status.FAILED, Status.UNKNOWN, Status.BOUNCED, Status.SUPPRESSED, Status.SKIPPED)


class Unacceptable(ValueError):
    """What was asked for cannot be sent by any channel; `pointer` is the place in the request, as a JSON Pointer."""

    def __init__(self, pointer: str, sentence: str) -> None:
        super().__init__(sentence)
        self.pointer = pointer


class NotAllowed(Exception):
    """The verb does not fit where the notification stands; `allowed` are the verbs that do."""

    def __init__(self, sentence: str, allowed: Sequence[str]) -> None:
        super().__init__(sentence)
        self.allowed = list(allowed)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be said, to whom and how.

    `receiver` has addresses by kind, such as {"email": "jane@example.org"}; `content` a `text`, perhaps a `subject`.
    """

    receiver: Mapping[str, str]
    content: Mapping[str, Any] = field(default_factory=dict)
    template: str = ""
    """The name of a template, in the place of content, and its data."""
    data: Mapping[str, Any] = field(default_factory=dict)
    channels: Sequence[str] | None = None
    category: str = ""
    priority: str = "normal"
    send_at: datetime | None = None
    expires_at: datetime | None = None
    digest_key: str = ""
    """It is collected with what has the same one, and sent as one with it."""
    escalate_after: timedelta | None = None
    """When nobody has read it so long after it was sent, the next channel is tried."""
    callback_url: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    sandbox: bool = False


def accept(caller: Caller, wanted: Wanted, *, traceparent: str = "") -> Notification:
    """Keep a notification, and have it sent once the caller's transaction is committed.

    Never waits for the broker. Raises `Unacceptable`.
    """
    notification = draft(caller, wanted)
    notification.traceparent = traceparent
    with transaction.atomic():
        notification.save(force_insert=True)
        note_addressees([notification])
        if notification.status == Status.ACCEPTED:
            ring_after_commit([notification])
    return notification


def draft(caller: Caller, wanted: Wanted) -> Notification:
    """The notification that would be kept, after everything that can be said against it now. Raises `Unacceptable`."""
    profile = profile_of(caller.tenant, wanted.receiver)
    addresses = addresses_of(wanted.receiver, profile)
    if TOPIC in wanted.receiver:
        _check_topic(wanted.receiver)
    else:
        _check_receiver(addresses)
    _check_channels(wanted.channels or (), None if TOPIC in wanted.receiver else addresses)
    category = wanted.category or next(iter(conf().categories))
    if category not in conf().categories or category == CALLBACK:
        known = [name for name in conf().categories if name != CALLBACK]
        raise Unacceptable("/category", f"There is no category {echo(category)}; {hint(category, known)}")
    now = timezone.now()
    notification = Notification(
        tenant=caller.tenant,
        caller=caller.name,
        receiver=dict(wanted.receiver),
        channels=None if wanted.channels is None else list(wanted.channels),
        category=category,
        rank=int(PRIORITIES[wanted.priority]),
        sandbox=wanted.sandbox,
        metadata=dict(wanted.metadata),
        digest_key=wanted.digest_key,
        escalate_after=wanted.escalate_after,
        callback_url=_callback_url(wanted),
        expires_at=_end(wanted, category, now),
        **_said(caller.tenant, wanted, reader_of(wanted.receiver, profile)),
    )
    if TOPIC not in wanted.receiver:
        notification.digest_group = digests.group_of(notification)
    if wanted.send_at is not None and wanted.send_at > now:
        notification.status, notification.due_at, notification.rung_at = Status.SCHEDULED, wanted.send_at, None
    return notification


def _end(wanted: Wanted, category: str, now: datetime) -> datetime | None:
    lifetime = conf().category(category).lifetime
    begins = max(wanted.send_at or now, now)
    expires_at = wanted.expires_at or (begins + lifetime if lifetime else None)
    if expires_at is not None and expires_at <= begins:
        raise Unacceptable("/expires_at", "It would be over before it could be sent; choose a later time.")
    return expires_at


def _callback_url(wanted: Wanted) -> str:
    if wanted.callback_url:
        if "webhook" not in channels():
            raise Unacceptable("/callback_url", "No provider serves webhooks here, so nobody can be called back.")
        try:
            Guard(allowed=conf().allowed_networks).check(wanted.callback_url)
        except Forbidden as error:
            raise Unacceptable("/callback_url", str(error)) from None
    return wanted.callback_url


def cancel(caller: Caller, pk: UUID, reason: str = "") -> Notification:
    """Call off what was not sent yet. One of which an attempt may have arrived ends as `unknown` instead.

    Safe to repeat. Raises `Notification.DoesNotExist` and `NotAllowed`.
    """

    def act(notification: Notification) -> None:
        settle(notification, end_of_unsent(notification), reason)

    return _verb(caller, pk, "cancel", act, reason)


def retry(caller: Caller, pk: UUID, reason: str = "") -> Notification:
    """Try once more what was not sent, or may not have been, with all its tries: the person knows that it may be twice.

    Raises `Notification.DoesNotExist` and `NotAllowed`.
    """

    def act(notification: Notification) -> None:
        notification.digest_group, notification.collected_until = "", None  # somebody wants it now
        notification.save(update_fields=["digest_group", "collected_until"])
        notification.deliveries.exclude(status__in=(Status.SENT, Status.DELIVERED)).update(
            status=Status.QUEUED, ended_at=None, since=notification.tries
        )
        wait(notification, Status.QUEUED, notification.now, "")

    return _verb(caller, pk, "retry", act, reason)


def allowed(notification: Notification) -> list[str]:
    """The verbs that fit where it stands; what was said in a digest is tried again with that."""
    again = notification.status in RETRIED and notification.digest_id is None and notification.forgotten_at is None
    verbs = {"cancel": notification.status in WAITING, "retry": again}
    return [verb for verb, fits in verbs.items() if fits]


def _verb(caller: Caller, pk: UUID, verb: str, act: Callable[[Notification], None], reason: str) -> Notification:
    with transaction.atomic():
        notification = locked(Notification.objects.of(caller.tenant).filter(pk=pk))
        if notification is None:
            raise Notification.DoesNotExist(pk)
        if verb == "cancel" and notification.status == Status.CANCELLED:
            return notification
        if verb not in allowed(notification):
            fits = allowed(notification)
            instead = f"What can be done is: {', '.join(fits)}." if fits else "Nothing can be done with it."
            if notification.digest_id is not None:
                instead = f"It is part of the digest {notification.digest_id}; do it with that."
            raise NotAllowed(f"It is {notification.status}, so there is nothing to {verb}. {instead}", fits)
        Event.objects.create(
            notification=notification, kind=verb, detail=reason, actor=caller.name, at=notification.now
        )
        act(notification)
        return notification


def check_addresses(addresses: Mapping[str, str], place: str = "/receiver") -> None:
    """Every address is one of its kind, and some channel sends to it. Raises `Unacceptable`."""
    open_channels = channels()
    known = _known(open_channels)
    for kind in addresses:
        if kind not in known and kind not in NO_ADDRESSES:
            sentence = f"No channel sends to {echo(kind)}; {hint(kind, known)}"
            raise Unacceptable(place + pointer([kind]), sentence)
    for channel in open_channels.values():
        if channel.address in addresses:
            try:
                channel.check(addresses[channel.address])
            except ValueError as error:
                raise Unacceptable(f"{place}/{channel.address}", str(error)) from None


def _check_topic(receiver: Mapping[str, str]) -> None:
    if beside := sorted(set(receiver) - {TOPIC, "locale"}):
        raise Unacceptable(pointer(["receiver", beside[0]]), "A topic has receivers of its own; leave the others out.")


def _check_receiver(receiver: Mapping[str, str]) -> None:
    """There is a way to it, and its time zone is one."""
    known = _known(channels())
    if not set(receiver) & set(known) and set(receiver) <= set(NO_ADDRESSES):
        raise Unacceptable("/receiver", f"Nobody can be reached without an address; give one of: {', '.join(known)}.")
    check_addresses(receiver)
    if not is_zone(receiver.get("timezone", "UTC")):
        raise Unacceptable("/receiver/timezone", "There is no such time zone; write it like Europe/Berlin.")


def _said(tenant: str, wanted: Wanted, reader: Reader) -> dict[str, Any]:
    """What is said, with which template, in which locale; made now, so that whoever asks hears what is wrong with it.

    To a topic it is said in every locale, so each of them is tried, and the data are kept.
    """
    if not wanted.template:
        return {"content": dict(wanted.content)}
    found = wording.published(tenant, wanted.template)
    if found is None:
        raise Unacceptable("/template", f"No template {echo(wanted.template)} is published; publish one first.")
    own = wording.chosen(found, reader.locales).locale
    is_topic = TOPIC in wanted.receiver
    try:
        said = {
            locale: wording.said(found, wanted.data, locale, reader.clock)
            for locale in (found.texts if is_topic else [own])
        }
    except Unrenderable as error:
        raise Unacceptable("/data", str(error)) from None
    data = dict(wanted.data) if is_topic else None
    return {"content": said[own], "template": str(found), "locale": own, "data": data}


def _known(open_channels: Mapping[str, Channel]) -> list[str]:
    return list(dict.fromkeys(channel.address for channel in open_channels.values()))


def _check_channels(asked: Sequence[str], addresses: Mapping[str, str] | None) -> None:
    """Every channel that was asked for is one, once, and there is an address for it, if those are known."""
    open_channels = channels()
    for index, name in enumerate(asked):
        if name not in open_channels:
            sentence = f"There is no channel {echo(name)}; {hint(name, list(open_channels))}"
            raise Unacceptable(f"/channels/{index}", sentence)
        if name in asked[:index]:
            raise Unacceptable(f"/channels/{index}", f"The channel {echo(name)} is given twice.")
        if addresses is not None and open_channels[name].address not in addresses:
            sentence = f"The channel {echo(name)} needs the receiver's {open_channels[name].address}."
            raise Unacceptable(f"/channels/{index}", sentence)
