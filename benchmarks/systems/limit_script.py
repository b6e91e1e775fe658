"""What pgbench writes: the coordinator's rows, copied from ones that it wrote itself."""

import psycopg

SAGAS = 2000
"""So many sagas take the writes in turn, as many as the other systems have at once."""
SHAPES = ("four statements", "one statement")
FIRST_RUN = 1_000_000_000

_SAGA_ID = "('00000000-0000-7000-8000-' || lpad(to_hex({n}::int), 12, '0'))::uuid"

_MULTIPLY = f"""
    INSERT INTO sagas_saga SELECT copy.* FROM sagas_saga original, generate_series(1, {SAGAS}) n,
        jsonb_populate_record(original, jsonb_build_object(
            'id', {_SAGA_ID.format(n="n")}, 'state', 'running', 'ended_at', null, 'business_key', null)) copy;
    INSERT INTO sagas_run SELECT copy.* FROM sagas_run original, generate_series(1, {SAGAS}) n,
        jsonb_populate_record(original, jsonb_build_object(
            'id', {FIRST_RUN} + n, 'saga_id', {_SAGA_ID.format(n="n")},
            'state', 'running', 'work', 'running', 'at', now(), 'worker', gen_random_uuid(), 'ended_at', null)) copy
    WHERE original.id = (SELECT min(id) FROM sagas_run);
"""  # noqa: S608 - nothing but constants
_CLEAR = (
    "DELETE FROM sagas_run WHERE item > 0",
    "TRUNCATE sagas_journal",
    "VACUUM sagas_saga",
    "VACUUM sagas_run",
)

_UPDATE_SAGA = "UPDATE sagas_saga SET rev = rev + 1, position = {position}, updated_at = now() WHERE id = {saga}"
_UPDATE_RUN = "UPDATE sagas_run SET fence = fence + 1, at = now(), result = {result} WHERE id = {first} + :n"


def multiply(connection: psycopg.Connection) -> None:
    """Make many live sagas, each with a run at work, from the one that the coordinator has run."""
    connection.execute(_MULTIPLY)


def clear(connection: psycopg.Connection) -> None:
    """Take out what the last measurement wrote, so that the next meets the same tables."""
    for statement in _CLEAR:
        connection.execute(statement)


def written(connection: psycopg.Connection) -> int:
    """How many steps' writes are in the tables, whole: those with both rows that a step inserts."""
    row = connection.execute(
        "SELECT count(*) FROM sagas_run run JOIN sagas_journal journal"
        " ON journal.saga_id = run.saga_id AND journal.rev = run.item WHERE run.item > 0"
    ).fetchone()
    return int(row[0]) if row else 0


def script(shape: str, connection: psycopg.Connection) -> str:
    """A script for pgbench in one of the `SHAPES`."""
    saga = _SAGA_ID.format(n=":n")
    position = _literals(connection, "SELECT * FROM sagas_saga WHERE ended_at IS NOT NULL")["position"]
    run = _literals(connection, f"SELECT * FROM sagas_run WHERE id < {FIRST_RUN} ORDER BY id LIMIT 1")  # noqa: S608
    line = _literals(connection, "SELECT * FROM sagas_journal ORDER BY id OFFSET 1 LIMIT 1")
    update_saga = _UPDATE_SAGA.format(position=position, saga=saga)
    update_run = _UPDATE_RUN.format(result=run["result"], first=FIRST_RUN)
    rev = ":rev" if shape == "four statements" else "rev"
    next_run = {**run, "saga_id": saga, "item": rev, "state": "'due'", "work": "'due'", "at": "now()", "worker": "NULL"}
    next_run |= {"result": "NULL", "ended_at": "NULL"}
    line |= {"saga_id": saga, "rev": rev}
    choose = f"\\set n random(1, {SAGAS})\n"
    if shape == "four statements":
        inserts = [f"{_values(table, row)};" for table, row in (("sagas_run", next_run), ("sagas_journal", line))]
        return choose + "\n".join(
            ["BEGIN;", f"{update_saga} RETURNING rev \\gset", f"{update_run};", *inserts, "COMMIT;"]
        )
    next_run_inserted = _selected("sagas_run", next_run)
    return choose + (
        f"WITH saga AS ({update_saga} RETURNING rev), run AS ({update_run}), next AS ({next_run_inserted})"
        f" {_selected('sagas_journal', line)};"
    )


def _values(table: str, row: dict[str, str]) -> str:
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(row.values())})"  # noqa: S608


def _selected(table: str, row: dict[str, str]) -> str:
    return f"INSERT INTO {table} ({', '.join(row)}) SELECT {', '.join(row.values())} FROM saga"  # noqa: S608


def _literals(connection: psycopg.Connection, query: str) -> dict[str, str]:
    """A row as literals of SQL by column, without its number."""
    found = connection.execute(f"SELECT each.* FROM ({query}) found, jsonb_each_text(to_jsonb(found)) each")  # noqa: S608
    return {column: as_literal(value) for column, value in found if column != "id"}


def as_literal(value: str | None) -> str:
    """A literal without colons, since pgbench takes `:33` for a variable even in a string."""
    if value is None:
        return "NULL"
    return "E'" + value.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a") + "'"
