"""The coordinator as the demo sees it: a process that can be killed, and a door that speaks HTTP."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
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
    ),
    *("PUBLIC_URL", "SHOP_CLOCKS", "EMAIL_URL", "LOG_FORMAT", "LOG_LEVEL", "DJANGO_SETTINGS_MODULE"),
}
"""What a developer has set for the orchestrator must not reach the one of the demo."""


class Orchestrator:
    """`manage.py up` on a free port, its data in `data`, its participants by the addresses in `services`."""

    def __init__(self, data: Path, services: Mapping[str, Mapping[str, str]]) -> None:
        self.data = data
        self.key = secrets.token_urlsafe()
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.services = {**services, "notifications": {"url": self.url, "token": self.key}}
        self._process: subprocess.Popen[bytes] | None = None
        headers = {"Authorization": f"Bearer {self.key}"}
        self._http = httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process, and return when it answers. Raises `RuntimeError` when it does not."""
        own = {
            "DATA_DIR": str(self.data),
            "API_KEY": self.key,
            "PUBLIC_URL": self.url,
            "SAGA_SERVICES": json.dumps(self.services),
            "SHOP_CLOCKS": "short",
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
                raise RuntimeError(f"The orchestrator did not start; {self.log} says why.")
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

    @property
    def log(self) -> Path:
        return self.data / "orchestrator.log"

    def begin(self, definition: str, name: str, input: Mapping[str, Any]) -> str:
        """Start a saga, and give its id. The same name twice is one saga."""
        body = {"definition": definition, "business_key": name, "input": input}
        return str(self._post("/sagas/", body, key=f"{definition}-{name}")["id"])

    def saga(self, saga: str) -> dict[str, Any]:
        """The saga, with what it waits for (`next`), its steps and its open incidents."""
        return self._get(f"/sagas/{saga}/")

    def sagas(self) -> list[dict[str, Any]]:
        """All sagas, children included, a line each."""
        return list(self._get("/sagas/?limit=200")["results"])

    def journal(self, saga: str) -> list[dict[str, Any]]:
        """Everything that happened to the saga, in order, and to its children: their steps are called `child/step`."""
        entries: list[dict[str, Any]] = self._get(f"/sagas/{saga}/journal/?limit=200")["results"]
        children = {move["child"]: move["step"] for entry in entries for move in entry["moves"] if "child" in move}
        for child, row in children.items():
            for entry in self.journal(child):
                named = [move | {"step": f"{row}/{move['step']}"} for move in entry["moves"] if "step" in move]
                entries.append(entry | {"moves": named})
        return sorted(entries, key=lambda entry: datetime.fromisoformat(entry["at"]))

    def act(self, verb: str, saga: str, *, reason: str, **what: Any) -> None:
        """Do what a person does with a saga: retry it, decide, move a clock."""
        self._post(f"/sagas/{saga}/{verb}/", {"reason": reason, **what})

    def mail(self, accepted: Mapping[str, Any] | None) -> EmailMessage | None:
        """The e-mail of a notification that was accepted, once it is written."""
        if not accepted:
            return None
        notification = self._get(f"/notifications/{accepted['id']}/")
        sent = notification["status"] == "sent"
        return self._written(notification["attempts"][-1]["provider_id"]) if sent else None

    def _written(self, message_id: str) -> EmailMessage | None:
        """Django's file back end writes a file for each e-mail, and a line of dashes below it."""
        for file in (self.data / "mail").iterdir():
            mail = message_from_bytes(file.read_bytes().rpartition(b"\n---")[0], policy=policy.default)
            if mail["Message-ID"] == message_id:
                return mail
        return None

    def _answers(self) -> bool:
        with suppress(httpx.TransportError):
            return self._http.get(f"{self.url}/livez", timeout=1).is_success
        return False

    def _get(self, path: str) -> dict[str, Any]:
        return _json(self._http.get(path))

    def _post(self, path: str, body: Mapping[str, Any], *, key: str = "") -> dict[str, Any]:
        return _json(self._http.post(path, json=body, headers={"Idempotency-Key": key} if key else {}))


def _json(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        request = answer.request
        raise RuntimeError(f"{request.method} {request.url} was answered with {answer.status_code}: {answer.text}")
    return dict(answer.json())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
