"""The servers that systems share: a PostgreSQL and a Redis that belong to the benchmark."""

from types import TracebackType

import psycopg

from tests.harness.postgres import Postgres
from tests.harness.redis import Redis


class Site:
    """A PostgreSQL with fsync and its default configuration, and a Redis that keeps nothing on disk.

    `counting=True` makes PostgreSQL count statements, which costs it a little; rates are never taken there.
    """

    def __init__(self, *, counting: bool = False) -> None:
        self.postgres = Postgres()
        self.redis = Redis()
        self._counting = counting

    def __enter__(self) -> "Site":
        self.postgres.start()
        self.redis.start()
        if self._counting:
            self.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
            self.postgres.stop()
            self.postgres.start()
            self.execute("CREATE EXTENSION pg_stat_statements")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.redis.kill()
        self.postgres.stop()

    def execute(self, statement: str) -> None:
        """Run one statement as the server's owner."""
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            connection.execute(statement)

    def clear(self) -> None:
        """See that what the system before left behind is not on the bill of the next."""
        self.redis.flush()
        self.execute("CHECKPOINT")

    def settings(self) -> dict[str, str]:
        """What PostgreSQL is set to: all that is not its default, and what durability hangs on."""
        with psycopg.connect(self.postgres.url) as connection:
            return dict(
                connection.execute(
                    "SELECT name, current_setting(name) FROM pg_settings WHERE source = 'command line'"
                    " OR name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers')"
                ).fetchall()
            )

    def versions(self) -> dict[str, str]:
        """The servers' versions."""
        with psycopg.connect(self.postgres.url) as connection:
            postgres = connection.info.parameter_status("server_version") or ""
        import redis

        with redis.Redis.from_url(self.redis.url) as client:
            return {"postgresql": postgres, "redis": str(client.info("server")["redis_version"])}
