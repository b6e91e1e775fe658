"""Fill the tables fast and true to life: sagas that the engine ran, copied row by row with other ids and times."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from django.db import connection, models, transaction

from benchmarks.growth.patterns import PATTERNS
from sagas.models import Audit, Incident, Journal, Run, Saga, Signal

CHUNK = 20_000
"""About so many sagas in one transaction."""
CHILDREN: tuple[type[models.Model], ...] = (Run, Journal, Signal, Incident, Audit)
"""In this order, since later ones may point at the runs."""
MODELS: tuple[type[models.Model], ...] = (Saga, *CHILDREN)
GROWING = tuple(model._meta.db_table for model in MODELS)

COPIES = "CREATE TEMPORARY TABLE copies (id uuid, of uuid, number int, ago interval) ON COMMIT DROP"
MORE_COPIES = """
    INSERT INTO copies SELECT
        (lpad(to_hex((extract(epoch FROM statement_timestamp() - age) * 1000)::bigint), 12, '0')
            || '7' || substr(chance, 1, 3) || '8' || substr(chance, 4, 15))::uuid, %s, number, -age
    FROM (SELECT number, %s::interval * (1 - number / %s::float) AS age, md5(random()::text || number) AS chance
          FROM generate_series(%s, %s) AS number) AS drawn
"""


def fill(*, ended: int, waiting: int, tell: Callable[[int], None] = lambda sagas: None) -> None:
    """Add so many sagas that have ended and that wait, with all that belongs to them, and bring statistics up to date.

    PostgreSQL only, and not within a transaction. Rows lie in the order of their time, as they would. `tell` hears how
    many were added, now and then.
    """
    made = {pattern.make(): pattern.of(ended if pattern.ends else waiting) for pattern in PATTERNS}
    longest = max(past for _, past in made.values())
    slices = max((ended + waiting) // CHUNK, 1)
    for number in range(slices):
        begin, end = longest * (slices - number) / slices, longest * (slices - number - 1) / slices
        tell(_copy({saga: (many, past, begin, end) for saga, (many, past) in made.items() if many}))
    tidy()


def copy(made: Saga, number: int, *, past: timedelta) -> None:
    """Add so many sagas like one that there is, begun at even intervals since that long ago; statistics stay old."""
    _copy({made: (number, past, past, timedelta(0))})


def tidy() -> None:
    """Do what the server's autovacuum does in time: forget dead rows, and bring statistics up to date."""
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {', '.join(GROWING)}")


def _copy(parts: Mapping[Saga, tuple[int, timedelta, timedelta, timedelta]]) -> int:
    """Copy each saga: of so many since that long ago, those that began from one age to another; how many these are."""
    added = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(COPIES)
        for made, (number, past, begin, end) in parts.items():
            first, until = (max(round(number * (1 - age / past)), 0) for age in (begin, end))
            cursor.execute(MORE_COPIES, [made.pk, str(past), number, first, until - 1])
            added += until - first
        cursor.execute(_copy_of_sagas())
        for model in CHILDREN:
            cursor.execute(_copy_of(model))
        cursor.execute("DROP TABLE copies")
    return added


def _copy_of_sagas() -> str:
    own = {
        "id": "c.id",
        "tenant": "CASE c.number % 5 WHEN 0 THEN 'north' ELSE t.tenant END",
        "business_key": "'order-' || c.id",
    }
    return _insert(Saga, own, f"FROM copies c JOIN {Saga._meta.db_table} t ON t.id = c.of ORDER BY c.id")


def _copy_of(model: type[models.Model]) -> str:
    own, joined = {"saga_id": "c.id"}, ""
    for field in model._meta.concrete_fields:
        if isinstance(field, models.ForeignKey) and field.related_model is Run:
            own[str(field.column)] = "mine.id"
            joined = f"""LEFT JOIN {Run._meta.db_table} old ON old.id = t.{field.column}
                LEFT JOIN {Run._meta.db_table} mine
                    ON mine.saga_id = c.id AND mine.path = old.path AND mine.item = old.item"""
    table = model._meta.db_table
    return _insert(model, own, f"FROM copies c JOIN {table} t ON t.saga_id = c.of {joined} ORDER BY c.id, t.id")


def _insert(model: type[models.Model], own: dict[str, str], source: str) -> str:
    taken = {}
    for field in model._meta.concrete_fields:
        if not isinstance(field, models.AutoField):
            moved, column = " + c.ago" if isinstance(field, models.DateTimeField) else "", str(field.column)
            taken[column] = own.get(column, f"t.{column}{moved}")
    return f"INSERT INTO {model._meta.db_table} ({', '.join(taken)}) SELECT {', '.join(taken.values())} {source}"
