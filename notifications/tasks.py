"""Celery's door: no logic, only which call goes where."""

import logging
from uuid import UUID

from celery import shared_task

from notifications.delivery import deliver as deliver_now
from notifications.pruning import MOST
from notifications.pruning import prune as prune_now
from notifications.sweep import sweep as sweep_now

logger = logging.getLogger(__name__)


@shared_task(name="notifications.tasks.deliver")
def deliver(pk: object) -> None:
    """A due notification; anything that is not one is left alone."""
    try:
        found = UUID(pk) if isinstance(pk, str) else None
    except ValueError:
        found = None
    if found is None:
        logger.warning("A message was ignored: it names no notification.")
    else:
        deliver_now(found)


@shared_task(name="notifications.tasks.sweep")
def sweep() -> None:
    """Beat's part."""
    sweep_now()


@shared_task(name="notifications.tasks.prune")
def prune() -> None:
    """Beat's part, every ten minutes: what is old."""
    done = prune_now(most=MOST)
    if done.forgotten or done.attempts or done.removed:
        logger.info(
            "%d notifications were forgotten; %d attempts and %d notifications were removed.",
            done.forgotten,
            done.attempts,
            done.removed,
        )
