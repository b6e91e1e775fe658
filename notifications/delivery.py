"""Claim, send, record, and go on while there is something to do at once.

While a letter is being sent, no transaction is open and no database connection held.
"""

import logging
import time
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError

from gateway.borrowing import borrowed
from gateway.limits import clean_text
from notifications.channels.channel import ChannelError, provider
from notifications.conf import conf
from notifications.letters import captured, letter_of
from notifications.lifecycle import Status
from notifications.masking import masked_receiver, without_addresses
from notifications.metrics import ATTEMPTS
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

    It goes on with the next provider or channel when that is due at once. Safe to call with any id, and repeatedly.
    """
    status = None
    while held := _claim(pk):
        outcome = send(held)
        notification = _record(held, outcome)
        _tell(held, outcome, notification)
        status = Status(notification.status)
        if notification.due_at is None or notification.due_at > notification.now:
            break
    return status


def send(held: Claim) -> Outcome:
    """Hand it to the provider; what came of it, as a value whose texts can be stored and logged."""
    try:
        letter = letter_of(held.notification, held.delivery)
        if held.notification.sandbox:
            return Outcome(result=Result.SENT, provider_id=f"sandbox:{letter.id}", captured=captured(letter))
        provider_id = provider(held.attempt.provider).send(letter)
    except ChannelError as error:
        return _failed(held, error.result, error)
    except ImproperlyConfigured as error:
        return _failed(held, Result.NOT_NOW, ChannelError(str(error), code="provider_unknown"))
    except Exception as error:  # a channel must not end the worker, whatever it is made of
        return _failed(held, Result.UNKNOWN, ChannelError(f"{type(error).__name__}: {error}", code="exception"))
    return Outcome(result=Result.SENT, provider_id=clean_text(provider_id, LONGEST_ID))


def _failed(held: Claim, result: Result, error: ChannelError) -> Outcome:
    """Providers say what they like, in any characters, and like to quote the address and our keys."""
    sentence = without_addresses(" ".join(str(error).split()), held.notification.receiver, held.attempt.provider)
    return Outcome(
        result=result,
        error=clean_text(sentence, LONGEST_ERROR),
        code=clean_text(error.code, LONGEST_CODE),
        retry_after=error.retry_after,
    )


def _claim(pk: UUID) -> Claim | None:
    with borrowed():
        return claim(pk)


def _record(held: Claim, outcome: Outcome) -> Notification:
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


def _tell(held: Claim, outcome: Outcome, notification: Notification) -> None:
    ATTEMPTS.add(held.attempt.provider, outcome.result)
    logger.log(
        logging.INFO if outcome.result == Result.SENT else logging.WARNING,
        "Notification %s to %s is %s after attempt %d%s",
        notification.pk,
        masked_receiver(notification.receiver),
        notification.status,
        held.attempt.number,
        f", which was {outcome.result}: {outcome.error}" if outcome.error else ".",
        extra={"trace": notification.traceparent} if notification.traceparent else None,
    )
