"""The participants as a demo or a test sees them: started, disturbed, read and stopped."""

import json
import subprocess
import sys
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import httpx

from examples.shop.service import NAMES

TOKEN = "shop-token"


class Participants:
    """All services of the shop in processes of their own, on free ports, their databases and logs in `data`.

        with Participants(data) as shop:
            shop.switch("payments", "hold_after", path="/charges")
            ...
            shop.release("payments")

    They end with this object's block, and also when this process is killed.
    """

    def __init__(self, data: Path, *, names: Iterable[str] = NAMES, token: str = TOKEN) -> None:
        self.data, self.names, self.token = data, tuple(names), token
        self.ports: dict[str, int] = {}
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._http = httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        try:
            self.start(*self.names)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def urls(self) -> dict[str, str]:
        return {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items()}

    @property
    def services(self) -> dict[str, dict[str, str]]:
        """For `SAGAS["SERVICES"]` or, as JSON, for the environment's `SAGA_SERVICES`."""
        return {name: {"url": url, "token": self.token} for name, url in self.urls.items()}

    def start(self, *names: str) -> None:
        """Start these services, on the ports that they had before. Returns when they listen."""
        self.data.mkdir(parents=True, exist_ok=True)
        for name in names:
            self._processes[name] = self._started(name)
        for name in names:
            self._wait_until_ready(name)

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    def kill(self, name: str) -> None:
        """End a service at once, as a crash would. `start(name)` brings it back with its database."""
        process = self._processes.pop(name)
        process.kill()
        self._reaped(process)

    def stop(self) -> None:
        """End all of them, and the connections to them."""
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            self._reaped(process)
        self._processes.clear()
        self._http.close()

    def switch(self, name: str, what: str, **options: Any) -> None:
        """Let something go wrong there: see `examples.shop.participant.switches` for what, and how often."""
        self._call("POST", name, "/switches", {"what": what, **options})

    def switches(self, name: str) -> dict[str, Any]:
        """What is set there, and which calls are held right now."""
        return self._call("GET", name, "/switches")

    def held(self, name: str) -> int:
        """How many calls are held there right now."""
        return int(self.switches(name)["held"])

    def wait_until_held(self, name: str, calls: int = 1, *, within: timedelta = timedelta(seconds=30)) -> None:
        """Return when so many calls are held there. Raises `TimeoutError` when they do not come."""
        end = time.monotonic() + within.total_seconds()
        while self.held(name) < calls:
            if time.monotonic() > end:
                raise TimeoutError(
                    f"{name} holds {self.held(name)} calls, not {calls}; is its switch set where they go?"
                )
            time.sleep(0.02)

    def release(self, name: str) -> int:
        """Let the held calls go on; gives their number."""
        return int(self._call("POST", name, "/switches/release")["released"])

    def clear(self, *names: str) -> None:
        """Nothing goes wrong any more at these services (all, when none is named); held calls go on."""
        for name in names or tuple(self._processes):
            self._call("DELETE", name, "/switches")

    def ledger(self, name: str) -> dict[str, Any]:
        """What a service did and heard; see `examples.shop.ledgers`."""
        return self._call("GET", name, "/ledger")

    def ledgers(self) -> list[dict[str, Any]]:
        return [self.ledger(name) for name in self._processes]

    def _started(self, name: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "examples.shop.service", name, "--with-parent"]
        command += ["--data", str(self.data), "--token", self.token, "--port", str(self.ports.get(name, 0))]
        with (self.data / f"{name}.log").open("a") as log:
            root = Path(__file__).parents[2]
            pipe = subprocess.PIPE
            return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, text=True, cwd=root)

    def _wait_until_ready(self, name: str) -> None:
        out = self._processes[name].stdout
        line = out.readline() if out else ""
        if " ready on " not in line:
            raise RuntimeError(f"{name} did not start; {self.data / f'{name}.log'} says why.")
        self.ports[name] = int(line.rpartition(":")[2])

    def _reaped(self, process: subprocess.Popen[str]) -> None:
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()

    def _call(self, method: str, name: str, path: str, body: Any = None) -> dict[str, Any]:
        content = json.dumps(body) if body is not None else None
        answer = self._http.request(method, self.urls[name] + path, content=content)
        if answer.is_error:
            raise RuntimeError(f"{name} refused {method} {path} with {answer.status_code}: {answer.text}")
        return dict(answer.json())
