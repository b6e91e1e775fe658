"""Claim, record, take back: every move of a notification, each in one short transaction under its lock.

claim      what is due is looked at, and if it is to be sent becomes this worker's for a lease: the attempt is
           written down before anything is sent
record     what the attempt came to, and what that means: the end, a pause, another provider, the next channel
take_back  an attempt whose lease is over is one of which nothing more is heard

Times are the database's. Nothing here talks to the outside. Locks are taken in one order: a digest before what is said
in it, notifications by id, then the receiver's allowance, then the providers by name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import F

from gateway.doorbell import Rank
from notifications import providers
from notifications.allowances import Full, full, limits_of, take
from notifications.channels.channel import provider
from notifications.conf import conf
from notifications.digests import collect, gather, group
from notifications.lifecycle import Status
from notifications.models import Attempt, Delivery, Notification, Reason
from notifications.news import suppress
from notifications.plan import Collect, Gather, Over, Try, Wait, category_of, plan, routed
from notifications.route import Leg
from notifications.row import close, locked, settle, wait
from notifications.sealed import mark_of
from notifications.topics import TOPIC, fan_out
from notifications.verdict import IN_DOUBT, Again, End, Outcome, Result, judge


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An attempt that is this worker's to make, as long as the notification has seen no later one."""

    notification: Notification
    delivery: Delivery
    attempt: Attempt


def claim(pk: UUID) -> Claim | None:
    """Begin an attempt if there is one to make. None: another worker got there first, or there is nothing to do."""
    with transaction.atomic():
        notification = locked(Notification.objects.due().filter(pk=pk), wait=False)
        if notification is None:
            return None
        try:
            if TOPIC in notification.receiver:
                _spread(notification)
                return None
            found = _go_on(notification)
        except ImproperlyConfigured as error:
            wait(notification, Status.QUEUED, notification.now + conf().longest_pause, str(error))
            return None
    if isinstance(found, Gather):  # under locks of its own, and none before them
        gather(notification)
        return None
    return found


def record(held: Claim, outcome: Outcome) -> Notification:
    """Write down what the attempt came to and what follows; returns the notification as it stands then.

    Safe to repeat. A worker that was given up on can still tell that its attempt had succeeded, and that counts;
    otherwise it changes nothing any more.
    """
    with transaction.atomic():
        notification = _held(held.notification.pk)
        attempt = Attempt.objects.select_related("delivery").get(pk=held.attempt.pk)
        if notification.tries == attempt.number and notification.status == Status.SENDING:
            _write(notification, attempt, outcome)
            _decide(notification, attempt.delivery, outcome)
        elif outcome.result == Result.SENT and attempt.result != Result.SENT:
            _write(notification, attempt, outcome)
            close(attempt.delivery, Status.SENT, notification.now, outcome.provider_id)
            # Who is sending now finds this attempt when it records.
            if notification.status not in (Status.SENDING, Status.SENT, Status.DELIVERED):
                settle(notification, Status.SENT, "")
        return notification


def take_back(pk: UUID) -> Status | None:
    """End an attempt whose lease is over. None: its worker, or another sweep, was faster."""
    with transaction.atomic():
        notification = locked(Notification.objects.overdue().filter(pk=pk))
        if notification is None:
            return None
        attempt = notification.attempts.select_related("delivery").get(number=notification.tries)
        outcome = Outcome(result=Result.SILENT, error="Its worker was not heard of again.")
        _write(notification, attempt, outcome)
        _decide(notification, attempt.delivery, outcome)
        return Status(notification.status)


def _held(pk: UUID) -> Notification:
    found = locked(Notification.objects.filter(pk=pk))
    if found is None:
        raise Notification.DoesNotExist(pk)
    return found


def _go_on(notification: Notification) -> Claim | Gather | None:
    """Act on the plan; under the lock."""
    ended = notification.deliveries.filter(ended_at__isnull=False).values_list("channel", flat=True)
    match plan(notification, routed(notification), set(ended), notification.now):
        case Try(leg):
            return _try(notification, leg)
        case Gather() as together:
            return together
        case Collect(until, why):
            collect(notification, until, why)
        case Wait(until, why, status):
            wait(notification, status, until, why)
        case Over(status, why):
            _give_up(notification, status, why)
    return None


def _try(notification: Notification, leg: Leg) -> Claim | None:
    """Begin an attempt, if the receiver's limits and a provider let it."""
    limits = limits_of(notification, leg, category_of(notification))
    if limits and notification.deliveries.filter(channel=leg.channel).exists():
        limits = []  # it has its place
    if (reached := full(limits, notification.now, lock=True)) is not None:
        _put_off(notification, reached)
        return None
    tried = notification.attempts.filter(delivery__channel=leg.channel, number__gt=F("delivery__since"))
    names, urgent = tried.values_list("provider", flat=True), notification.rank == Rank.FIRST
    chosen = providers.choose(leg.channel, names, notification.now, urgent=urgent)
    if chosen.name is None:
        assert chosen.again_at is not None  # noqa: S101 - the other half of the choice
        wait(notification, Status.QUEUED, chosen.again_at, f"No provider of {leg.channel} takes anything now.")
        return None
    if not notification.sandbox:  # what is not sent takes nobody's place
        take(limits, notification.now)
    delivery, _ = Delivery.objects.update_or_create(
        notification=notification, channel=leg.channel, defaults={"address": leg.address, "mark": mark_of(leg.address)}
    )
    return _begin(notification, delivery, chosen.name)


def _put_off(notification: Notification, reached: Full) -> None:
    """What is beyond the receiver's limit: it waits, is collected, or is left out. A digest itself waits."""
    over = category_of(notification).over
    if over == "drop":
        _give_up(notification, Status.SKIPPED, reached.why)
    elif over == "digest" and not notification.digest_size and not notification.tries:
        notification.digest_group = group(notification)
        collect(notification, reached.until, reached.why)
    else:
        wait(notification, Status.SCHEDULED, reached.until, reached.why)


def _give_up(notification: Notification, status: Status, why: str) -> None:
    """Nothing more is tried; a doubt from before is not forgotten."""
    doubt = notification.attempts.filter(result__in=IN_DOUBT).exists()
    settle(notification, _overall(notification, Status.UNKNOWN if doubt else status), why)


def _spread(notification: Notification) -> None:
    if notification.expires_at is not None and notification.expires_at <= notification.now:
        settle(notification, Status.EXPIRED, "Its time was over before everybody's was made.")
    else:
        fan_out(notification)


def _begin(notification: Notification, delivery: Delivery, name: str) -> Claim:
    notification.tries += 1
    close(delivery, Status.SENDING, None)
    attempt = Attempt.objects.create(
        notification=notification, delivery=delivery, number=notification.tries, provider=name
    )
    notification.channel = delivery.channel
    settle(notification, Status.SENDING, "")
    return Claim(notification=notification, delivery=delivery, attempt=attempt)


def _write(notification: Notification, attempt: Attempt, outcome: Outcome) -> None:
    """Note the outcome where it was, and what it says of the provider."""
    Attempt.objects.filter(pk=attempt.pk).update(
        result=outcome.result,
        code=outcome.code,
        error=outcome.error,
        provider_id=outcome.provider_id,
        ended_at=notification.now,
    )
    if outcome.result == Result.GONE:
        reached = attempt.delivery
        suppress(notification.tenant, reached.channel, reached.address, Reason.BOUNCED, detail=outcome.error)
    if outcome.captured is not None:
        Delivery.objects.filter(pk=attempt.delivery_id).update(captured=outcome.captured)
    if _is_shared(attempt.provider) and not notification.sandbox:
        providers.note(attempt.provider, outcome, notification.now)


def _is_shared(name: str) -> bool:
    try:
        return provider(name).shared
    except ImproperlyConfigured:
        return False


def _decide(notification: Notification, delivery: Delivery, outcome: Outcome) -> None:
    """What follows from all attempts: through this channel first, then for the notification."""
    all_attempts = list(notification.attempts.filter(delivery=delivery).exclude(result="").order_by("number"))
    attempts = [attempt for attempt in all_attempts if attempt.number > delivery.since]
    repeat = category_of(notification).repeat
    verdict = judge(
        [Result(attempt.result) for attempt in attempts],
        conf(),
        repeat=repeat,
        doubt_before=any(attempt.result in IN_DOUBT for attempt in all_attempts),
        elsewhere=providers.others(delivery.channel, [attempt.provider for attempt in attempts], notification.now),
        retry_after=outcome.retry_after,
    )
    if isinstance(verdict, End):
        close(delivery, verdict.status, notification.now, _id_of(attempts))
    else:
        close(delivery, Status.QUEUED, None)
    arrived = _arrived(notification)
    if arrived is not None:
        settle(notification, arrived, "")
    elif isinstance(verdict, Again):
        wait(notification, Status.QUEUED, notification.now + verdict.pause, outcome.error)
    elif _goes_on(notification) and (repeat or verdict.status != Status.UNKNOWN):
        wait(notification, Status.QUEUED, notification.now, outcome.error)
    else:
        settle(notification, _overall(notification, verdict.status), outcome.error)


def _goes_on(notification: Notification) -> bool:
    ended = notification.deliveries.filter(ended_at__isnull=False).values_list("channel", flat=True)
    return routed(notification).after(set(ended)) is not None


def _arrived(notification: Notification) -> Status | None:
    """Sent or delivered, if it was through any channel but those that nobody heeded."""
    stati = set(notification.deliveries.filter(passed=False).values_list("status", flat=True))
    return next((status for status in (Status.DELIVERED, Status.SENT) if status in stati), None)


def _overall(notification: Notification, last: Status) -> Status:
    """What the last channel came to, unless one before it has, or may have, reached the receiver."""
    stati = set(notification.deliveries.values_list("status", flat=True))
    best = (Status.DELIVERED, Status.SENT, Status.UNKNOWN)
    return next((status for status in best if status in stati), last)


def _id_of(attempts: Sequence[Attempt]) -> str:
    return next((attempt.provider_id for attempt in reversed(attempts) if attempt.result == Result.SENT), "")
