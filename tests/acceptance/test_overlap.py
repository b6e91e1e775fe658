"""Rows of one saga that stand side by side are with their participants at the same time.

The participant answers none of the three until all three are there: rows that took turns would wait for ever.
"""

import pytest

from tests.acceptance.scene import MINUTE

POOLS = [("prefork", 3), ("threads", 3)]


@pytest.fixture
def three_at_once(scene, shop):
    def end(definition: str, pool: str, concurrency: int) -> None:
        """Run one saga with three calls held at the same time before the first is answered."""
        with scene(environment={"APPS": "tests.acceptance.overlapping"}) as playing:
            shop.switch("users", "hold", path="/users", times=3)
            playing.worker(pool, concurrency)
            playing.order(definition=definition)
            shop.wait_until_held("users", 3, within=MINUTE)
            assert shop.release("users") == 3
            assert playing.all_end() == {"completed": 1}
            assert playing.rows("SELECT path FROM sagas_run WHERE tries > 1") == []

    return end


@pytest.mark.parametrize(("pool", "concurrency"), POOLS)
def test_the_rows_of_a_parallel_overlap(three_at_once, pool, concurrency):
    three_at_once("trio", pool, concurrency)


@pytest.mark.parametrize(("pool", "concurrency"), POOLS)
def test_the_items_of_an_each_overlap(three_at_once, pool, concurrency):
    three_at_once("crowd", pool, concurrency)
