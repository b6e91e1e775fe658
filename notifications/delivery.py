"""Claim, send, record.

While a letter is being sent, no transaction is open and no database connection held.
"""

import logging
import time
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError

from gateway.borrowing import borrowed
from gateway.limits import clean_text
from notifications.channels.channel import ChannelError, Letter, channel
from notifications.conf import conf
from notifications.lifecycle import Status
from notifications.masking import masked_receiver, without_addresses
from notifications.models import Notification
from notifications.record import Claim, claim, record
from notifications.verdict import Outcome, Result

logger = logging.getLogger(__name__)

LONGEST_ERROR = 2000
LONGEST_CODE = 63
LONGEST_ID = 255

PAUSE = 1.0  # seconds between two attempts to record while the database is away


def deliver(pk: UUID) -> Status | None:
    """Send a notification if it is due, and return where it stands then; None when there was nothing to do.

    Safe to call with any id, any number of times.
    """
    with borrowed():
        held = claim(pk)
    if held is None:
        return None
    outcome = send(held.notification)
    status = _record(held, outcome)
    _tell(held, outcome, status)
    return status


def send(notification: Notification) -> Outcome:
    """Hand it to its channel; what came of it, as a value whose texts can be stored and logged."""
    try:
        provider_id = channel(notification.channel).send(_letter(notification))
    except ChannelError as error:
        return _failed(notification, _result(error), str(error), error.code)
    except ImproperlyConfigured as error:
        return _failed(notification, Result.NOT_NOW, str(error), "channel_unknown")
    except Exception as error:  # a channel must not end the worker, whatever it is made of
        return _failed(notification, Result.UNKNOWN, f"{type(error).__name__}: {error}", "exception")
    return Outcome(result=Result.SENT, provider_id=clean_text(provider_id, LONGEST_ID))


def _failed(notification: Notification, result: Result, error: str, code: str) -> Outcome:
    """Providers say what they like, in any characters, and like to quote the address."""
    sentence = without_addresses(" ".join(error.split()), notification.receiver)
    return Outcome(result=result, error=clean_text(sentence, LONGEST_ERROR), code=clean_text(code, LONGEST_CODE))


def _letter(notification: Notification) -> Letter:
    content = notification.content
    return Letter(
        id=notification.pk,
        address=notification.receiver[channel(notification.channel).address],
        subject=content.get("subject", ""),
        text=content["text"],
    )


def _result(error: ChannelError) -> Result:
    if error.maybe_sent:
        return Result.UNKNOWN
    return Result.REFUSED if error.permanent else Result.NOT_NOW


def _record(held: Claim, outcome: Outcome) -> Status:
    """Insist until it is recorded, as long as the lease lasts: what is forgotten here is sent a second time."""
    ends = time.monotonic() + conf().lease.total_seconds()
    while True:
        try:
            with borrowed():
                return record(held, outcome)
        except (OperationalError, InterfaceError):
            if time.monotonic() > ends:
                raise
            logger.warning("The database does not answer; what came of %s is recorded when it does.", held.attempt)
            time.sleep(PAUSE)


def _tell(held: Claim, outcome: Outcome, status: Status) -> None:
    notification = held.notification
    logger.log(
        logging.INFO if outcome.result == Result.SENT else logging.WARNING,
        "Notification %s to %s is %s after attempt %d%s",
        notification.pk,
        masked_receiver(notification.receiver),
        status,
        held.attempt.number,
        f", which was {outcome.result}: {outcome.error}" if outcome.error else ".",
        extra={"trace": notification.traceparent} if notification.traceparent else None,
    )
