"""What the soak runs: the Procfile's processes, their services, the participants, and a proxy between them.

Everything of the product reaches PostgreSQL, Redis and the participants through the proxy; the soak itself does not.
"""

import json
import secrets
import socket
import sys
import threading
import time
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import Any, Self

import httpx
import psycopg
from psycopg.rows import dict_row

from examples.shop.client import Participants
from tests.harness.postgres import Postgres
from tests.harness.processes import Process, folder, free_port
from tests.harness.product import PROGRAMS, REPOSITORY, Product
from tests.harness.redis import Redis
from tests.harness.waiting import wait_until
from tests.soak.gates import Gates
from tests.soak.supervisor import Member, Supervisor

DATABASE = "soak"
WORKERS = {"prefork": 2, "threads": 6}
"""The concurrency of each pool."""
PARTICIPANTS = ("stock", "payments", "loyalty")
MINUTE = timedelta(minutes=1)
AGAIN = 0.2
PAUSE_MS = 100
"""A participant takes so long, so that attempts are under way when something happens."""


class Scene:
    """The installation. `secret` begins every secret that was given to it, to be looked for where none may be."""

    def __init__(self) -> None:
        self.secret = f"soaksecret{secrets.token_hex(8)}"
        self.supervisor = Supervisor()
        self.webs = [f"http://127.0.0.1:{free_port()}" for _ in range(2)]
        self.key = f"{self.secret}-api-key"
        self._lines = threading.local()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._serve(stack)
            self._participate(stack)
            self._produce(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self.supervisor.stop()
        self._stack.close()

    def rows(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Ask the database, past the proxy, over this thread's connection; again while a fault keeps it from answering.

        Raises what it raises after a minute.
        """
        until = time.monotonic() + MINUTE.total_seconds()
        while True:
            try:
                return list(self._line().execute(sql, parameters).fetchall())
            except (psycopg.OperationalError, psycopg.InterfaceError):
                if time.monotonic() > until:
                    raise
            time.sleep(AGAIN)

    def _line(self) -> psycopg.Connection[dict[str, Any]]:
        line = getattr(self._lines, "line", None)
        if line is None or line.closed:
            line = psycopg.connect(self.database, row_factory=dict_row, autocommit=True, connect_timeout=5)
            self._lines.line = line
        return line

    def number(self, sql: str, *parameters: Any) -> Any:
        """The answer to a question that has one."""
        [row] = self.rows(sql, *parameters)
        return next(iter(row.values()))

    def kill_participant(self, name: str) -> str:
        """End one of the shop's services, and start it again; its name."""
        self.shop.kill(name)
        self.shop.start(name)
        self._slow_down(name)
        return name

    def _slow_down(self, name: str) -> None:
        self.shop.switch(name, "slow", milliseconds=PAUSE_MS, times=None, method="POST")

    def workers_of(self, member: Member) -> list[str]:
        """The ids under which the processes of a member are registered and alive."""
        pids = [member.process.pid, *member.process.children()]
        names = [f"{socket.gethostname()}:{pid}" for pid in pids]
        sql = "SELECT id FROM sagas_worker WHERE gone_at IS NULL AND (name = ANY(%s) OR name LIKE %s)"
        return [str(row["id"]) for row in self.rows(sql, names, f"{member.process.name}@%")]

    def wait_for_web(self, name: str) -> None:
        """Return when that web server answers."""
        url = self.webs[int(name.removeprefix("web")) - 1]
        wait_until(lambda: httpx.get(f"{url}/livez", timeout=2, trust_env=False).is_success, f"{name} answers", MINUTE)

    def launch_worker(self, name: str, pool: str, concurrency: int, **environment: str) -> Process:
        """A worker, as in the Procfile."""
        own = {"DATABASE_URL": self._database_of(name), **environment}
        return self.product.worker(pool=pool, concurrency=concurrency, nice=5, environment=own, ready=False)

    def _serve(self, stack: ExitStack) -> None:
        self.postgres, self.redis = Postgres(durable=True), Redis()
        for service in (self.postgres, self.redis):
            service.start()
            stack.callback(service.kill)
        self.database = self.postgres.create_database(DATABASE)

    def _participate(self, stack: ExitStack) -> None:
        self.ledgers = folder("soak-ledgers")
        token = f"{self.secret}-token"
        self.shop = stack.enter_context(Participants(self.ledgers, names=("stock", "payments"), token=token))
        for name in self.shop.names:
            self._slow_down(name)
        port = free_port()
        command = [sys.executable, "-m", "tests.soak.loyalty", "--port", str(port)]
        command += ["--data", str(self.ledgers), "--token", token, "--pause", str(PAUSE_MS / 1000)]
        loyalty = Process("loyalty", command, log=self.ledgers / "loyalty.log", working_folder=REPOSITORY)
        stack.callback(loyalty.kill)
        loyalty.wait_until_it_says("loyalty ready")
        ports = {**self.shop.ports, "loyalty": port}
        ports |= {"database": self.postgres.port, "broker": self.redis.port}
        self.gates = Gates(ports, self.ledgers / "proxy.log")
        stack.callback(self.gates.stop)
        self.services = {
            name: {"url": f"http://127.0.0.1:{self.gates.port(name)}", "token": token} for name in PARTICIPANTS
        }

    def _produce(self, stack: ExitStack) -> None:
        environment = {
            "APPS": "tests.soak.shapes",
            "SHOP": "0",
            "API_KEY": self.key,
            "SECRET_KEY": f"{self.secret}-secret-key",
            "SAGA_SERVICES": json.dumps(self.services),
            "PUBLIC_URL": self.webs[0],
        }
        broker = f"redis://127.0.0.1:{self.gates.port('broker')}/0"
        product = Product(database_url=self._database_of("manage"), broker_url=broker, environment=environment)
        self.product = stack.enter_context(product)
        product.manage("migrate", "--verbosity", "0")
        for number, url in enumerate(self.webs, 1):
            self.supervisor.add(f"web{number}", "web", partial(self._launch_web, f"web{number}", url))
        for name, pool in (("p1", "prefork"), ("t1", "threads"), ("t2", "threads")):
            self.supervisor.add(name, f"worker {pool}", partial(self.launch_worker, name, pool, WORKERS[pool]))
        for number in (1, 2):
            self.supervisor.add(f"beat{number}", "beat", partial(self._launch_beat, f"beat{number}"))
        self.supervisor.start()

    def _launch_web(self, name: str, url: str) -> Process:
        command = [str(PROGRAMS / "gunicorn"), "orchestrator.wsgi", "--no-control-socket", "--worker-class", "gthread"]
        command += ["--workers", "1", "--threads", "16", "--bind", url.removeprefix("http://")]
        return self.product.start(name, command, environment={"DATABASE_URL": self._database_of(name)})

    def _launch_beat(self, name: str) -> Process:
        command = [str(PROGRAMS / "celery"), "-A", "orchestrator", "beat"]
        return self.product.start(name, command, environment={"DATABASE_URL": self._database_of(name)})

    def _database_of(self, name: str) -> str:
        """The database as one process reaches it, which tells its name there."""
        port = self.gates.port("database")
        return f"postgres://tests@127.0.0.1:{port}/{DATABASE}?application_name={name}"
