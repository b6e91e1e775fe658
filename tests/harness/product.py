"""The product as its users run it: web server, workers and beat as processes of their own."""

import itertools
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

from tests.harness.processes import Process, folder, free_port
from tests.harness.waiting import wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
API_KEY = "acceptance"

# What a developer has set must not reach the product under test.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SSL_CERT_FILE")


class Product:
    """One installation: a database, a broker, a data folder, and the processes started from it.

    Use it as a context manager; leaving it kills what it started. `environment` adds to or replaces the variables
    of every process. Each process has a log
    of its own, `*.log` in `folder`.
    """

    def __init__(self, *, database_url: str, broker_url: str, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder("product")
        self.environment = {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "orchestrator.settings",
            "DATABASE_URL": database_url,
            "BROKER_URL": broker_url,
            "DATA_DIR": str(self.folder),
            "API_KEY": API_KEY,
            **(environment or {}),
        }
        self.processes: list[Process] = []
        self._numbers = itertools.count(1)

    def __enter__(self) -> "Product":
        return self

    def __exit__(self, *exception: object) -> None:
        for process in reversed(self.processes):
            process.kill()

    def manage(
        self,
        *arguments: str,
        within: timedelta = timedelta(seconds=120),
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Run a management command to its end and return what it printed; raise AssertionError when it fails."""
        process = self.start(arguments[0], [sys.executable, "manage.py", *arguments], environment=environment)
        code = process.wait(within)
        assert code == 0, f"manage.py {arguments[0]} ended with {code}.\n{process.output()[-4000:]}"
        return process.output()

    def web(self, *, workers: int = 1, threads: int = 16, environment: Mapping[str, str] | None = None) -> "Web":
        """Start gunicorn and wait until it answers."""
        port = free_port()
        command = [
            str(PROGRAMS / "gunicorn"),
            "orchestrator.wsgi",
            "--worker-class",
            "gthread",
            "--bind",
            f"127.0.0.1:{port}",
        ]
        command += ["--workers", str(workers), "--threads", str(threads), "--no-control-socket"]
        known = self._environment({"WEB_THREADS": str(threads), **(environment or {})})
        web = Web("web", command, port=port, log=self._log("web"), environment=known)
        self.processes.append(web)
        web.wait_until_it_answers()
        return web

    def worker(
        self,
        *,
        pool: str = "prefork",
        concurrency: int = 2,
        queues: Sequence[str] = (),
        include: Sequence[str] = (),
        nice: int = 0,
        environment: Mapping[str, str] | None = None,
        ready: bool = True,
    ) -> Process:
        """Start a Celery worker with its own node name and, unless `ready=False`, wait until it takes tasks.

        `include` names modules with more tasks, such as `tests.harness.tasks`; `nice` is how far it stands back.
        """
        name = f"worker{next(self._numbers)}"
        command = ["nice", "-n", str(nice)] if nice else []
        command += [str(PROGRAMS / "celery"), "-A", "orchestrator", "worker"]
        command += ["--pool", pool, "--concurrency", str(concurrency)]
        command += ["--hostname", f"{name}@%h", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        command += ["--queues", ",".join(queues)] if queues else []
        command += ["--include", ",".join(include)] if include else []
        worker = self.start(name, command, environment=environment)
        if ready:
            worker.wait_until_it_says(" ready.")
        return worker

    def beat(self, *, environment: Mapping[str, str] | None = None) -> Process:
        """Start Celery beat."""
        beat = self.start("beat", [str(PROGRAMS / "celery"), "-A", "orchestrator", "beat"], environment=environment)
        beat.wait_until_it_says("is starting.")
        return beat

    def up(self, *arguments: str, ready: bool = True, environment: Mapping[str, str] | None = None) -> Process:
        """Start the embedded default, `manage.py up`, on a free port, and wait until it says where it is."""
        command = [sys.executable, "manage.py", "up", "--port", "0", *arguments]
        up = self.start("up", command, environment={"BROKER_URL": "memory://", **(environment or {})})
        if ready:
            up.wait_until_it_says("is running at ")
        return up

    def start(self, name: str, command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Process:
        """Start any program in the repository's folder with the product's environment."""
        process = Process(
            name, command, log=self._log(name), environment=self._environment(environment), working_folder=REPOSITORY
        )
        self.processes.append(process)
        return process

    def logs(self) -> str:
        """Return the end of every log, for the message of a failed test."""
        return "\n".join(
            f"=== {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in sorted(self.folder.glob("*.log"))
        )

    def _environment(self, more: Mapping[str, str] | None) -> dict[str, str]:
        return {**self.environment, **(more or {})}

    def _log(self, name: str) -> Path:
        return self.folder / f"{len(self.processes):02}-{name}.log"


class Web(Process):
    """A web server process; `url` is where it listens, without a slash at the end."""

    def __init__(
        self, name: str, command: Sequence[str], *, port: int, log: Path, environment: Mapping[str, str]
    ) -> None:
        super().__init__(name, command, log=log, environment=environment, working_folder=REPOSITORY)
        self.url = f"http://127.0.0.1:{port}"

    def wait_until_it_answers(self) -> None:
        """Wait until `/livez` answers; raise AssertionError with the log when it does not."""

        def answered() -> bool:
            if not self.alive:
                return True
            with urlopen(f"{self.url}/livez", timeout=10) as answer:
                return bool(answer.status == 200)

        wait_until(answered, "the web server answers")
        assert self.alive, f"The web server ended with {self.exit_code}.\n{self.output()[-4000:]}"
