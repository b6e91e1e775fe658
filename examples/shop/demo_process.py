"""One embedded process of ours as the demo sees it: started, killed, stopped, and a door that speaks HTTP."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpx

ROOT = Path(__file__).parents[2]
READY_WITHIN = 60.0  # seconds
STOP_WITHIN = 30.0
SETTINGS = {
    *("MODE", "DEBUG", "SECRET_KEY", "API_KEY", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "BEHIND_HTTPS_PROXY"),
    *(
        "DATA_DIR",
        "DATABASE_URL",
        "DATABASE_POOL",
        "BROKER_URL",
        "QUEUES",
        "SAGA_SERVICES",
        "SAGA_TELL",
        "SHOP",
        "APPS",
        "SERVES",
        "NOTIFICATION_PROVIDERS",
        "ALLOWED_NETWORKS",
        "EVENT_TARGETS",
        "EVENT_SOURCES",
    ),
    *("PUBLIC_URL", "SHOP_CLOCKS", "EMAIL_URL", "LOG_FORMAT", "LOG_LEVEL", "DJANGO_SETTINGS_MODULE"),
}
"""What a developer has set for the orchestrator must not reach the one of the demo."""


class Embedded:
    """`manage.py up` on a free port, for one app, its data in `data`; `own` is its environment beside that."""

    def __init__(self, serves: str, data: Path, *, base: str) -> None:
        self.serves, self.data = serves, data
        self.key = secrets.token_urlsafe()
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        headers = {"Authorization": f"Bearer {self.key}"}
        self._http = httpx.Client(base_url=f"{self.url}{base}", headers=headers, timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def own(self) -> dict[str, str]:
        """What it is told by its environment."""
        return {}

    @property
    def log(self) -> Path:
        return self.data / f"{self.serves}.log"

    def start(self) -> None:
        """Start the process, and return when it answers. Raises `RuntimeError` when it does not."""
        own = {
            "SERVES": self.serves,
            "DATA_DIR": str(self.data),
            "API_KEY": self.key,
            "PUBLIC_URL": self.url,
            **self.own,
        }
        environment = {name: value for name, value in os.environ.items() if name not in SETTINGS} | own
        command = [sys.executable, "manage.py", "up", "--port", str(self.port)]
        self.data.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            # In a session of its own: the Ctrl+C of the demo's terminal is the demo's, which then stops it.
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        end = time.monotonic() + READY_WITHIN
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"It did not start; {self.log} says why.")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as a power cut would, with SIGKILL: nothing is tidied up."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End it as an operator would."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                self.kill()

    def get(self, path: str) -> dict[str, Any]:
        """The JSON document there. Raises `RuntimeError` for a refusal."""
        return _json(self._http.get(path))

    def post(self, path: str, body: Mapping[str, Any], *, key: str = "") -> dict[str, Any]:
        """What it answers to a JSON document, under an idempotency key if there is one."""
        return _json(self._http.post(path, json=body, headers={"Idempotency-Key": key} if key else {}))

    def _answers(self) -> bool:
        with suppress(httpx.TransportError):
            return self._http.get(f"{self.url}/livez", timeout=1).is_success
        return False


def _json(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        request = answer.request
        raise RuntimeError(f"{request.method} {request.url} was answered with {answer.status_code}: {answer.text}")
    return dict(answer.json())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
