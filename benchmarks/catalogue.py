"""All systems that can be measured, by name."""

from collections.abc import Callable
from functools import partial

from benchmarks.site import Site
from benchmarks.system import System
from benchmarks.systems.chain import Chain
from benchmarks.systems.dbos import Dbos
from benchmarks.systems.limit import Limit
from benchmarks.systems.ours import SETTINGS, Ours
from benchmarks.systems.restate import Restate
from benchmarks.systems.temporal import Temporal

OURS = tuple(setting.name for setting in SETTINGS)
APART = frozenset(setting.name for setting in SETTINGS if setting.backlog)
SYSTEMS: dict[str, Callable[[Site], System]] = {
    **{setting.name: partial(Ours, setting=setting) for setting in SETTINGS},
    "limit": Limit,
    "chain": Chain,
    "dbos": Dbos,
    "restate": Restate,
    "temporal": Temporal,
}
QUICK = ("ours", "ours-threads", "limit", "chain")
COUNTED = ("ours", "ours-threads", "ours-batches", "dbos")
"""Whose statements and commits are counted: those that keep their state in PostgreSQL."""
