"""The Django project: settings, addresses, the Celery app, logging, and the one-process embedded default."""

from orchestrator.celery import app as celery_app

__all__ = ["celery_app"]
