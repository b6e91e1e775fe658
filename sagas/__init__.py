"""A saga coordinator for Django, Celery and PostgreSQL."""

from sagas.authoring import approval, child, each, parallel, saga, sleep, step, wait
from sagas.celery_steps import celery_step
from sagas.errors import Abort, RetryLater
from sagas.results import FAILED, TIMED_OUT
from sagas.retry import PATIENT, Retry

__all__ = [
    "FAILED",
    "PATIENT",
    "TIMED_OUT",
    "Abort",
    "Retry",
    "RetryLater",
    "approval",
    "celery_step",
    "child",
    "each",
    "parallel",
    "saga",
    "sleep",
    "step",
    "wait",
]
