"""`python -m benchmarks.growth.partitions`: partition by time, tried: what PostgreSQL refuses, and what it is worth.

Ids of sagas are UUIDs of version 7, so a range of ids is a range of time, and a saga's rows can lie together by its id.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

from rich.console import Console

from benchmarks import processor
from benchmarks.growth.server import Server
from benchmarks.growth.size import Size

SIZE = Size(ended=40_000)
OLD = timedelta(days=45)
WISHES = {
    "sagas by their id": """
        CREATE TABLE wish (LIKE sagas_saga INCLUDING DEFAULTS) PARTITION BY RANGE (id);
        ALTER TABLE wish ADD PRIMARY KEY (id)""",
    "one live saga a business key": """
        CREATE TABLE wish (LIKE sagas_saga INCLUDING DEFAULTS) PARTITION BY RANGE (id);
        CREATE UNIQUE INDEX ON wish (tenant, definition, business_key) WHERE ended_at IS NULL AND holds_key""",
    "runs by their saga": """
        CREATE TABLE wish (LIKE sagas_run INCLUDING DEFAULTS) PARTITION BY RANGE (saga_id);
        CREATE UNIQUE INDEX ON wish (saga_id, path, item)""",
    "a run's own id as the key, for what points at it": """
        CREATE TABLE wish (LIKE sagas_run INCLUDING DEFAULTS) PARTITION BY RANGE (saga_id);
        ALTER TABLE wish ADD PRIMARY KEY (id)""",
    "the journal by its saga, one writer a revision": """
        CREATE TABLE wish (LIKE sagas_journal INCLUDING DEFAULTS) PARTITION BY RANGE (saga_id);
        CREATE UNIQUE INDEX ON wish (saga_id, rev);
        ALTER TABLE wish ADD FOREIGN KEY (saga_id) REFERENCES sagas_saga DEFERRABLE INITIALLY DEFERRED""",
}
MAKE = """
    ALTER TABLE sagas_journal RENAME TO journal_before;
    CREATE TABLE sagas_journal (LIKE journal_before INCLUDING DEFAULTS) PARTITION BY RANGE (saga_id);
    CREATE SEQUENCE journal_number OWNED BY sagas_journal.id;
    SELECT setval('journal_number', (SELECT max(id) FROM journal_before));
    ALTER TABLE sagas_journal ALTER id SET DEFAULT nextval('journal_number');
    CREATE UNIQUE INDEX ON sagas_journal (saga_id, rev);
    ALTER TABLE sagas_journal ADD FOREIGN KEY (saga_id) REFERENCES sagas_saga DEFERRABLE INITIALLY DEFERRED;
"""
DISK = """
    SELECT (pg_total_relation_size('sagas_journal') + coalesce(sum(pg_total_relation_size(relid)), 0))::float
    FROM pg_partition_tree('sagas_journal') WHERE relid <> 'sagas_journal'::regclass
"""
FILL = "INSERT INTO sagas_journal SELECT * FROM journal_before; DROP TABLE journal_before; ANALYZE sagas_journal"


def main() -> None:
    console = Console(width=None if sys.stdout.isatty() else 160)
    with Server() as server:
        server.build(SIZE, lambda sagas: None)
        server.use(SIZE.database)
        for wish, answer in granted(server):
            console.print(f"{wish}: {answer}", highlight=False)
        console.print(f"one journal: {a_step(server)}; {deleted(server)}", highlight=False)
        script(server, MAKE + "".join(months()) + FILL)
        console.print(f"a journal in parts: {a_step(server)}; {dropped(server)}", highlight=False)
        server.use("postgres")


def granted(server: Server) -> Iterator[tuple[str, str]]:
    """What PostgreSQL says to each wish; nothing of it stays."""
    from django.db import DatabaseError, transaction

    class Undone(Exception):
        pass

    for wish, statements in WISHES.items():
        try:
            with suppress(Undone), transaction.atomic():
                script(server, statements)
                raise Undone
            yield wish, "yes"
        except DatabaseError as error:
            yield wish, "no: " + " ".join(str(error).split())


def a_step(server: Server) -> str:
    """What steps cost, after some that are not counted."""
    from benchmarks.growth import patterns

    begun = [patterns.start("growth_order") for _ in range(320)]
    for saga in begun[:20]:
        patterns.run(saga)
    tree = [server.postgres.process.pid]
    used, log = processor.seconds(tree), _written(server)
    for saga in begun[20:]:
        patterns.run(saga)
    used, log = processor.seconds(tree) - used, _written(server) - log
    return f"{used / 1500 * 1000:.2f} ms of PostgreSQL's processor and {log / 1500:,.0f} B of log a step"


def deleted(server: Server) -> str:
    """Take half of it away as rows, and give it back."""
    old = f"FROM sagas_journal WHERE saga_id < '{first_id(OLD)}'"
    script(server, f"CREATE TABLE kept AS SELECT * {old}")
    told = timed(server, f"DELETE {old}; VACUUM sagas_journal", "deleted")
    script(server, "INSERT INTO sagas_journal SELECT * FROM kept; DROP TABLE kept; ANALYZE sagas_journal")
    return told


def dropped(server: Server) -> str:
    """Take half of it away as parts."""
    old = "".join(f"DROP TABLE journal_{number};" for number in range(3))
    return timed(server, old, "dropped")


def timed(server: Server, statements: str, how: str) -> str:
    [(size,)] = server.ask(DISK)
    log, begun = _written(server), time.perf_counter()
    script(server, statements)
    took, log = time.perf_counter() - begun, _written(server) - log
    [(left,)] = server.ask(DISK)
    freed = (float(str(size)) - float(str(left))) / float(str(size))
    return f"the older half {how} in {took:.2f} s with {log / 1e6:,.1f} MB of log, {freed:.0%} of the disk given back"


def months() -> Iterator[str]:
    """Parts of fifteen days, and one for all that is older or newer."""
    for number in range(6):
        begin, end = (first_id(timedelta(days=90 - 15 * age)) for age in (number, number + 1))
        begin_at = "MINVALUE" if number == 0 else f"'{begin}'"
        end_at = "MAXVALUE" if number == 5 else f"'{end}'"
        yield f"CREATE TABLE journal_{number} PARTITION OF sagas_journal FOR VALUES FROM ({begin_at}) TO ({end_at});"


def first_id(age: timedelta) -> UUID:
    """The lowest id that a saga of that age can have."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return UUID(int=int((today - age).timestamp() * 1000) << 80)


def script(server: Server, statements: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        for statement in filter(str.strip, statements.split(";")):
            cursor.execute(statement)


def _written(server: Server) -> float:
    [(written,)] = server.ask("SELECT (pg_current_wal_lsn() - '0/0')::float")
    return float(str(written))


if __name__ == "__main__":
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    main()
