"""`manage.py up`: everything in one process, without any service."""

import ipaddress
import os
import secrets
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError, call_command
from django.core.signals import setting_changed
from django.db import connection

from orchestrator import embedded, production
from orchestrator.celery import app as celery_app

USERNAME = "admin"
NEXT = "docs/quickstart.md leads to a saga of your own, `manage.py saga status` says how this stands."
NEXT_ALONE = "docs/notifications.md says what can be asked for."


class Command(BaseCommand):
    """Start the embedded default, and say once where it is and who may come in."""

    help = "Run web server, worker and beat in one process, on SQLite and without a broker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare where to listen and how much to do at once."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
        port = f"port to listen on (default: WEB_PORT, {settings.WEB_PORT}); 0 takes a free one"
        parser.add_argument("--port", type=int, default=settings.WEB_PORT, help=port)
        parser.add_argument("--concurrency", type=int, default=16, help="steps that run at the same time")
        parser.add_argument("--reset-password", action="store_true", help=f"give {USERNAME} a new password")

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse what cannot work, prepare the database, start, and serve until stopped."""
        refuse_other_brokers()
        refuse_known_secrets(options["host"])
        try:
            with embedded.only_one(settings.DATA_DIR):
                call_command("migrate", interactive=False, verbosity=0)
                if connection.vendor == "sqlite":
                    outlive_all()
                self._run(options)
        except embedded.AlreadyRunning as refusal:
            raise CommandError(str(refusal)) from None

    def _run(self, options: dict[str, Any]) -> None:
        from orchestrator.wsgi import application

        host, port = options["host"], options["port"]
        try:
            process = embedded.Embedded(
                application, celery_app, host=host, port=port, concurrency=options["concurrency"]
            )
        except OSError as error:
            raise CommandError(
                f"Cannot listen on {host}:{port} ({error.strerror}). Give another port, `--port {port + 10}`, or with "
                f"`make up` other ports to both processes: `WEB_PORT={port + 10} make up`."
            ) from error
        password = let_in(reset=options["reset_password"])
        address = f"http://{host}:{process.port}"
        if "PUBLIC_URL" not in os.environ:
            say_address(address)
        process.start()
        self._say_where(address, password)
        process.serve()
        self.stdout.write("Stopped. Nothing is lost; start again with the same command.")

    def _say_where(self, address: str, password: str | None) -> None:
        login = password or "(shown at the first start; `--reset-password` makes a new one)"
        what, things = ("notification service", "notifications") if settings.ALONE else ("orchestrator", "sagas")
        self.stdout.write(
            f"\nThe {what} is running at {address}\n\n"
            f"  Console   {address}/admin/\n"
            f"  User      {USERNAME}\n"
            f"  Password  {login}\n"
            f"  API       curl -H 'Authorization: Bearer {api_key_hint()}' {address}/api/v1/{things}/\n"
            f"  Data      {settings.DATA_DIR}\n\n"
            f"Next: {NEXT_ALONE if settings.ALONE else NEXT} Ctrl+C stops.\n"
        )
        self.stdout.flush()


def outlive_all() -> None:
    """What a killed process held is free at once, since nobody else reaches a file of ours."""
    if "sagas" in settings.SERVES:
        from sagas.engine import workers
        from sagas.events import lanes

        workers.outlive_all()
        lanes.outlive_all()
    if "notifications" in settings.SERVES:
        from notifications import sweep

        sweep.outlive_all()


def say_address(address: str) -> None:
    """Let the apps know where they can be reached."""
    for name in ("SAGAS", "NOTIFICATIONS"):
        value = {**getattr(settings, name), "PUBLIC_URL": address}
        setattr(settings, name, value)
        setting_changed.send(sender=Command, setting=name, value=value, enter=True)


def refuse_other_brokers() -> None:
    """Raise CommandError when a broker is configured, since other processes then do the work."""
    if not settings.BROKER_URL.startswith("memory:"):
        raise CommandError(
            "BROKER_URL names a broker, and `up` is for running without one. "
            "Run `honcho start` for separate processes, or unset BROKER_URL."
        )


def refuse_known_secrets(host: str) -> None:
    """Raise CommandError when strangers could reach a process whose secrets everybody knows."""
    known = (
        settings.SECRET_KEY == production.DEVELOPMENT_SECRET_KEY or settings.API_KEY == production.DEVELOPMENT_API_KEY
    )
    if known and not _is_loopback(host):
        raise CommandError(
            f"{host} is reachable from other machines, and the development secrets are known to everybody. "
            "Set SECRET_KEY, API_KEY and ALLOWED_HOSTS first."
        )


def let_in(*, reset: bool) -> str | None:
    """Create the first superuser, or on `reset` give it a new password; return the password if there is a new one."""
    users = get_user_model()._default_manager
    found = users.filter(username=USERNAME).first()
    if found is None and users.filter(is_superuser=True).exists() and not reset:
        return None
    if found is not None and not reset:
        return None
    password = secrets.token_urlsafe(12)
    user = found or users.model(username=USERNAME)
    user.is_staff = user.is_superuser = user.is_active = True
    user.set_password(password)
    user.save()
    return password


def api_key_hint() -> str:
    """Return the API key if everybody knows it anyway, else its variable."""
    return settings.API_KEY if settings.API_KEY == production.DEVELOPMENT_API_KEY else "$API_KEY"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
