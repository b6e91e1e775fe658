"""A saga coordinator for Django, Celery and PostgreSQL."""

from sagas.authoring import parallel, saga, step
from sagas.errors import Abort, RetryLater
from sagas.retry import PATIENT, Retry

__all__ = ["PATIENT", "Abort", "Retry", "RetryLater", "parallel", "saga", "step"]
