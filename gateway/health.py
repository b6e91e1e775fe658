"""The probes: `/livez` says that the process answers, `/readyz` that it can do its work.

What the apps know about their own readiness they add by the setting `GATEWAY["READINESS"]`: dotted paths of callables
that return None when all is well, or a sentence that says what is not. A `Minor` one is told, and leaves the process
ready: what works without the broker need not be taken out of service with it.
"""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from gateway import conf, doorbell, pulse
from gateway.problems import Problem

PATIENCE = timedelta(seconds=1.9)

_running: dict[str, "Check"] = {}
_migrated = False


class Minor(str):
    """What is not well, and no reason to send requests elsewhere."""


class Check:
    """One check at work in a thread of its own, so that one that never answers cannot hold the probe."""

    def __init__(self, name: str, ask: Callable[[], str | None]) -> None:
        self._ask = ask
        self._answer: str | None = "it has not answered yet"
        self._thread = threading.Thread(target=self._run, name=f"readiness {name}", daemon=True)
        self._thread.start()

    @property
    def finished(self) -> bool:
        """Whether the check has come to its end."""
        return not self._thread.is_alive()

    def answer(self, timeout: timedelta) -> str | None:
        """None when all is well, else a sentence; waits at most for the time-out."""
        self._thread.join(max(timeout.total_seconds(), 0))
        return self._answer

    def _run(self) -> None:
        try:
            self._answer = self._ask()
        except Exception as error:  # a check that breaks is a check that says no
            self._answer = f"the check raised {type(error).__name__}"
        finally:
            connections.close_all()


@never_cache
@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    """Say that the process answers; the database is never asked."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Say, in less than two seconds, whether the database and every registered check are well: 200, else 503.

    The database is asked anew: an answer of a second ago beside checks that just failed would mislead whoever reads it.
    """
    end = time.monotonic() + PATIENCE.total_seconds()
    answers: dict[str, str | None] = {}
    if pulse.database_answers(fresh=timedelta(0)):
        answers["database"] = None
        running = {path: _begun(path) for path in conf.current().READINESS}
        answers |= {path: check.answer(timedelta(seconds=end - time.monotonic())) for path, check in running.items()}
    else:
        answers["database"] = "it does not answer"
        answers |= dict.fromkeys(conf.current().READINESS, Minor("not asked, since the database does not answer"))
    checks = {name: answer or "ok" for name, answer in answers.items()}
    wrong = "; ".join(f"{name}: {said}" for name, said in answers.items() if said and not isinstance(said, Minor))
    if not wrong:
        return JsonResponse({"status": "degraded" if any(answers.values()) else "ok", "checks": checks})
    problem = Problem(
        f"Not ready. {wrong}.", status=503, code="not_ready", retry_after=timedelta(seconds=2), checks=checks
    )
    return problem.as_http_response(request)


def _begun(path: str) -> Check:
    # One that hangs is waited for again instead of doubled: probes come for ever, threads must not pile up.
    check = _running.get(path)
    if check is None or check.finished:
        check = _running[path] = Check(path, import_string(path))
    return check


def migrated() -> str | None:
    """Whether the database has every table that this code wants; once it has, it is not asked again."""
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing:
            first = missing[0][0]
            return f"{len(missing)} migrations are missing, {first} first; run manage.py migrate"
        _migrated = True
    return None


def broker() -> str | None:
    """Whether this process's messages reach the broker, as far as it has sent any."""
    since = doorbell.failing_since()
    if since is None:
        return None
    seconds = int(time.monotonic() - since)
    return Minor(f"it has taken no message for {seconds} s; workers find what is due in the database, somewhat later")
