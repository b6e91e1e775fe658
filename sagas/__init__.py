"""A saga coordinator for Django, Celery and PostgreSQL."""

from sagas.engine.celery_steps import celery_step
from sagas.errors import Abort, RetryLater
from sagas.words.authoring import approval, child, each, parallel, saga, sleep, step, wait
from sagas.words.results import FAILED, TIMED_OUT
from sagas.words.retry import PATIENT, Retry
from sagas.words.routes import on_event
from sagas.words.sensitive import Sensitive

__all__ = [
    "FAILED",
    "PATIENT",
    "TIMED_OUT",
    "Abort",
    "Retry",
    "RetryLater",
    "Sensitive",
    "approval",
    "celery_step",
    "child",
    "each",
    "on_event",
    "parallel",
    "saga",
    "sleep",
    "step",
    "wait",
]
