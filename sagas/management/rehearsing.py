"""What becomes of a saga when something goes wrong, tried out in a database of its own."""

from argparse import Namespace
from dataclasses import asdict

from sagas.management.screen import Screen
from sagas.words import registry


def matrix(screen: Screen, given: Namespace) -> int:
    """Everything that can go wrong at every row of a definition, and where the saga ends then."""
    from sagas.testing import failure_matrix
    from sagas.testing.database import database_of_its_own

    table = registry.get(given.definition, given.version)
    with database_of_its_own():  # what is rehearsed moves clocks, and live sagas must not hear of that
        found = failure_matrix(table, input=given.input)
    screen.json([asdict(cell) for cell in found])
    screen.table(found.__rich__())
    return 0
