"""A PostgreSQL server that belongs to the tests."""

import signal
import subprocess
from pathlib import Path

import psycopg

from tests.harness.processes import Process, folder, free_port
from tests.harness.service import Service, program, unprivileged_user

USER = "tests"
DATABASE = "postgres"


class Postgres(Service):
    """PostgreSQL on a free port. `durable=False` switches fsync off, for tests that never kill the machine under it."""

    name = "PostgreSQL"

    def __init__(self, *, durable: bool = True) -> None:
        super().__init__()
        self._bin = self.find_programs()
        self._user = unprivileged_user()
        self._folder = folder("postgres", owner=self._user)
        self._durable = durable
        self.port = free_port()
        self.url = self.database_url(DATABASE)
        self._initialise()

    @staticmethod
    def find_programs() -> Path:
        """Return the folder of the newest PostgreSQL, off the PATH on Debian; raise `NotInstalled` without one."""
        debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
        return Path(program("postgres", *debian)).resolve().parent

    def database_url(self, database: str) -> str:
        """Return the address of one database of this server."""
        return f"postgres://{USER}@127.0.0.1:{self.port}/{database}"

    def create_database(self, database: str, *, like: str = "template1") -> str:
        """Create a database, empty or a copy of another one that nobody is connected to, and return its address."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{like}"')
        return self.database_url(database)

    def disconnect_everybody(self) -> int:
        """End every client's session, as an administrator would, and return how many there were."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            ended = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            ).fetchall()
        return len(ended)

    def restart_immediately(self) -> None:
        """Restart as `pg_ctl restart -m immediate` does: sessions are cut, the log is replayed."""
        self.process.signal(signal.SIGQUIT)
        self.process.wait()
        self.start()

    def stop(self) -> None:
        """Shut down at once without waiting for clients, but in good order."""
        if self.running:
            self.process.signal(signal.SIGINT)
            self.process.wait()
        self.kill()

    def _initialise(self) -> None:
        subprocess.run(
            [
                self._bin / "initdb",
                "-D",
                self._folder / "data",
                "-U",
                USER,
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            cwd="/",
        )

    def _launch(self) -> Process:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "300",
            "logging_collector": "off",
            "log_min_messages": "warning",
        }
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(self._bin / "postgres"), "-D", str(self._folder / "data"), *options]
        return Process(self.name, command, log=self._folder / "log", user=self._user)

    def _answers(self) -> bool:
        with psycopg.connect(self.url, connect_timeout=10) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
