import pytest
from celery.fixups.django import DjangoWorkerFixup
from django.conf import settings
from django.db import connection

from orchestrator.celery import app


@pytest.mark.django_db(transaction=True)
def test_celery_leaves_the_database_connections_alone():
    """Otherwise every task would close its connection, in prefork the whole pool, before and after it ran."""
    connection.ensure_connection()
    fixup = DjangoWorkerFixup(app)
    fixup.close_database()
    assert connection.connection is not None


def test_beat_sends_only_tasks_that_exist_and_that_expire():
    app.loader.import_default_modules()
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert entry["task"] in app.tasks
        assert entry["options"]["expires"] > 0


def test_beat_sends_every_task_that_is_its_part():
    app.loader.import_default_modules()
    its_part = {name for name, task in app.tasks.items() if (task.run.__doc__ or "").startswith("Beat's part")}
    assert {"gateway.tasks.prune", "sagas.tasks.sweep"} <= its_part
    assert its_part <= {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}


@pytest.mark.parametrize(
    ("task", "queue"), [("sagas.tasks.sweep", "sagas"), ("notifications.tasks.sweep", "notifications")]
)
def test_each_service_has_a_queue_of_its_own(task, queue):
    assert app.amqp.router.route({}, task)["queue"].name == queue


def test_only_json_is_accepted_and_no_result_is_kept():
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_ignore_result
    assert app.backend.as_uri() == "disabled://"
