"""Trials and proofs as tables for the terminal."""

from collections.abc import Sequence

from rich.table import Table

from benchmarks.waiting.soundness import Proof
from benchmarks.waiting.trial import Trial

MEGABYTE = 1024 * 1024


def trials_table(trials: Sequence[Trial]) -> Table:
    """A line for each pool."""
    table = Table(title="Three steps a saga, each of which waits 200 ms for a participant", title_justify="left")
    heads = ("pool", "in flight at once", "MB at rest", "MB then", "KB a step in flight", "sagas/s")
    more = ("in flight, mean", "most", "MB at most", "connections", "processor ms a step", "wrong")
    for head in (*heads, *more):
        table.add_column(head, justify="left" if head in ("pool", "wrong") else "right")
    for one in trials:
        table.add_row(
            one.pool,
            str(one.in_flight),
            f"{one.at_rest / MEGABYTE:.0f}",
            f"{one.full / MEGABYTE:.0f}",
            f"{one.memory_per_step / 1024:.0f}",
            f"{one.rate:.1f}",
            f"{one.mean:.0f}",
            str(one.most),
            f"{one.peak / MEGABYTE:.0f}",
            str(one.connections),
            f"{one.processor_per_step * 1000:.1f}",
            "; ".join(one.faults) or "nothing",
        )
    return table


def proofs_table(proofs: Sequence[Proof]) -> Table:
    """A line for each disturbance of each pool."""
    table = Table("pool", "disturbed by", "wrong", title="Disturbed while steps were in flight", title_justify="left")
    for one in proofs:
        table.add_row(one.pool, one.disturbance, "; ".join(one.faults) or "nothing")
    return table
