"""The notification service alone: what it is made of, and what it never touches."""

import os
import subprocess
import sys

import pytest

from orchestrator.parts import served
from tests.harness.product import REPOSITORY

EVERYTHING = """
import pkgutil, sys
from importlib import import_module
import django
django.setup()
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver
import notifications, orchestrator, gateway
for package in (gateway, notifications, orchestrator):
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if "orchestrator.management.commands." not in found.name or found.name.endswith(".up"):  # others are of sagas
            import_module(found.name)
call_command("check", fail_level="WARNING")
call_command("makemigrations", check=True, dry_run=True, verbosity=0)
from orchestrator.celery import app
app.loader.import_default_modules()
tasks = {name for name in app.tasks if not name.startswith("celery.")}
assert all(name.startswith(("notifications.", "gateway.")) for name in tasks) and tasks, tasks
assert set(app.conf.beat_schedule) and all(e["task"] in tasks for e in app.conf.beat_schedule.values())
assert [queue.name for queue in app.conf.task_queues] == ["notifications"]
from drf_spectacular.generators import SchemaGenerator
paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
assert all(path.startswith("/api/v1/notifications/") for path in paths), paths
print(sorted(name for name in sys.modules if name.partition(".")[0] in ("sagas", "examples")))
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**inherited, "DJANGO_SETTINGS_MODULE": "orchestrator.settings", **environment},
    )


def test_importing_all_of_it_never_imports_sagas(tmp_path):
    done = run(EVERYTHING, SERVES="notifications", DATA_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_it_keeps_its_data_beside_the_coordinators(tmp_path):
    say = "from orchestrator import settings as s; print(s.DATABASES['default']['NAME'], s.SESSION_COOKIE_NAME)"
    done = run(say, SERVES="notifications", DATA_DIR=str(tmp_path))
    assert done.stdout.split() == [str(tmp_path / "notifications" / "notifications.sqlite3"), "notifications_sessionid"]


@pytest.mark.parametrize("serves", ["", "letters", "sagas,letters"])
def test_what_cannot_be_served_is_refused(serves):
    done = run("from orchestrator import settings", SERVES=serves)
    assert done.returncode != 0
    assert "set it to one of sagas, notifications" in done.stderr


def test_what_belongs_to_no_app_of_ours_is_always_there():
    names = ["django.contrib.admin", "sagas", "sagas.health.swept", "notifications.health.swept", "gateway"]
    assert served(names, ["notifications"]) == ["django.contrib.admin", "notifications.health.swept", "gateway"]
    assert served(names, ["sagas", "notifications"]) == names
