"""The embedded default: web server, Celery worker and beat as threads of one process, without any service.

The broker is the process's own memory and is lost with it. That loses no work: what is due stands in the database, and
the first sweep of the next start rings for it again.
"""

import fcntl
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from celery import Celery, signals
from celery.beat import EmbeddedService
from celery.worker import state
from django.conf import settings
from waitress import create_server

logger = logging.getLogger(__name__)

READY_WITHIN = 15.0  # seconds until a worker that is not ready counts as broken
STOP_WITHIN = 10.0  # seconds for running steps to be recorded; what takes longer is taken over at the next start
LARGEST_BODY = 8 * 1024 * 1024  # bytes; the API's own limit is lower and answers in its own words


class AlreadyRunning(Exception):
    """Another process uses this data folder."""


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the data folder for this process alone; the lock ends with the process, however it ends.

    Raises `AlreadyRunning` when another process holds it.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise AlreadyRunning(
                f"It is running already: process {holder} uses {data_dir}. "
                "Stop that one, or set DATA_DIR to another folder and give another --port."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


class Embedded:
    """One process that serves `application` on `host:port` and works off the tasks of `celery_app`.

    The port is bound at once (0 takes a free one, see `port`). Raises OSError when it is taken.
    """

    def __init__(
        self, application: Callable[..., Any], celery_app: Celery, *, host: str, port: int, concurrency: int
    ) -> None:
        self._web = create_server(
            application,
            host=host,
            port=port,
            threads=settings.WEB_THREADS,
            ident=None,
            max_request_body_size=LARGEST_BODY,
            clear_untrusted_proxy_headers=True,
        )
        self.port = int(self._web.effective_port)
        self._ready = threading.Event()
        signals.worker_ready.connect(self._note_ready)
        # Celery's own Worker, so that its events fire as in a worker process. It cannot catch SIGTERM in a thread.
        self._worker = celery_app.Worker(
            pool="threads",
            concurrency=concurrency,
            quiet=True,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        self._work = threading.Thread(target=self._run_worker, name="worker", daemon=True)
        self._beat = EmbeddedService(celery_app, thread=True, scheduler_cls=celery_app.conf.beat_scheduler)
        self._events = _events()
        self._stopping = False

    def start(self) -> None:
        """Start the worker and beat, and return when the worker takes tasks.

        Raises RuntimeError when it does not within 15 s.
        """
        self._work.start()
        if not self._ready.wait(READY_WITHIN):
            raise RuntimeError("The worker did not become ready; the log above says why.")
        self._beat.start()
        if self._events is not None:
            self._events.start()

    def serve(self) -> None:
        """Answer requests until SIGTERM or SIGINT, then stop everything; call it in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _exit)
        try:
            self._web.run()  # comes back when a signal raises SystemExit in it
        finally:
            self.stop()

    def stop(self) -> None:
        """Take no more requests or tasks, and let what runs be recorded for up to 10 s."""
        self._stopping = True
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        self._web.close()
        if self._events is not None:
            self._events.stop(timedelta(seconds=STOP_WITHIN))
        self._beat.service.stop()
        signals.worker_shutting_down.send(sender=self._worker.hostname, sig="SIGTERM", how="Warm", exitcode=0)
        state.should_stop = 0
        self._work.join(STOP_WITHIN)
        if self._work.is_alive():
            logger.warning("Steps are still running; leaving them. They are taken over at the next start.")
            logging.shutdown()
            os._exit(0)  # the pool's threads would be waited for otherwise

    def _note_ready(self, **kwargs: Any) -> None:
        self._ready.set()

    def _run_worker(self) -> None:
        self._worker.start()
        if not self._stopping:
            logger.critical("The worker has ended by itself; stopping. Start again: nothing is lost.")
            os.kill(os.getpid(), signal.SIGTERM)


def _events() -> Any:
    """What carries events in and out, where sagas are served."""
    if "sagas" not in settings.SERVES:
        return None
    from sagas.events import receiving, sending
    from sagas.events.loop import Loop

    return Loop({**sending.lives(), **receiving.lives()})


def _exit(number: int, frame: object) -> NoReturn:
    raise SystemExit(0)
