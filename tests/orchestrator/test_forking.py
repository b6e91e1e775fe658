import sys

from tests.harness.postgres import Postgres
from tests.harness.product import REPOSITORY, Product


def test_a_forked_child_leaves_its_parents_connections_alone(postgres: Postgres):
    """Both processes must talk to a backend of their own, and the parent to the same one before and after."""
    script = str(REPOSITORY / "tests" / "orchestrator" / "forked.py")
    with Product(database_url=postgres.url, broker_url="memory://", environment={"DATABASE_POOL": "1"}) as product:
        process = product.start("forked", [sys.executable, script])
        assert process.wait() == 0, process.output()
    (_, before), (_, child), (_, after) = (line.split() for line in process.output().splitlines())
    assert before == after
    assert child != before
