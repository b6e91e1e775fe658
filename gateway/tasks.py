"""Celery's door: no logic, only which call goes where."""

import logging

from celery import shared_task
from django.db import InterfaceError, OperationalError

from gateway.pruning import prune as prune_now

logger = logging.getLogger(__name__)


@shared_task(name="gateway.tasks.prune")
def prune() -> None:
    """Beat's part, every ten minutes: what is over."""
    try:
        removed = prune_now()
    except (OperationalError, InterfaceError) as error:
        logger.warning("What is over must wait for the database: %s", str(error).strip())
        return
    if removed:
        logger.info("%d idempotency keys were removed.", removed)
