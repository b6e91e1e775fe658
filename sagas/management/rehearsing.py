"""What becomes of a saga when something goes wrong, tried out in a database of its own."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from django.test.utils import setup_databases, teardown_databases

from sagas import registry
from sagas.management.screen import Screen


def matrix(screen: Screen, given: Namespace) -> int:
    """Everything that can go wrong at every row of a definition, and where the saga ends then."""
    from sagas.testing import failure_matrix

    table = registry.get(given.definition, given.version)
    with database_of_its_own():
        found = failure_matrix(table, input=given.input)
    screen.json([asdict(cell) for cell in found])
    screen.table(found.__rich__())
    return 0


@contextmanager
def database_of_its_own() -> Iterator[None]:
    """An empty database, as tests have it: what is rehearsed moves clocks, and live sagas must not hear of that."""
    made = setup_databases(verbosity=0, interactive=False)
    try:
        yield
    finally:
        teardown_databases(made, verbosity=0)
