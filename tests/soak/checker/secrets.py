"""A planted secret stands in no log and in no table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.soak.checker.sums import Sums

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"


def check(line: Any, logs: Sequence[Path], secret: str, sums: Sums) -> None:
    """Look through all of them; `line` is a connection to PostgreSQL."""
    kept = sums["secrets are kept"]
    for log in logs:
        kept.see(secret not in log.read_text(errors="replace"), f"a secret stands in {log.name}")
    for (table,) in line.execute(TABLES).fetchall():
        sql = f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s'  # a name that the database itself gave
        number = line.execute(sql, [f"%{secret}%"]).fetchone()[0]
        kept.see(number == 0, f"a secret stands in {number} rows of {table}")
