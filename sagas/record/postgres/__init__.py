"""The record on PostgreSQL: whole turns of sagas, and births, as single statements.

An optimisation of what is done under the saga's lock (`locked`), and of nothing else: it decides nothing.
"""

from sagas.record.postgres.births import Birth, begin
from sagas.record.postgres.births import is_plain as is_plain_saga
from sagas.record.postgres.changes import OF_RUN, OF_SAGA, Change, Refused, RunChange, Written, write
from sagas.record.postgres.reads import Found, another, due, items, running, unsettled, untaken
from sagas.record.postgres.rows import CLOCKS, is_plain

__all__ = [
    "CLOCKS",
    "OF_RUN",
    "OF_SAGA",
    "Birth",
    "Change",
    "Found",
    "Refused",
    "RunChange",
    "Written",
    "another",
    "begin",
    "due",
    "is_plain",
    "is_plain_saga",
    "items",
    "running",
    "unsettled",
    "untaken",
    "write",
]
