"""Connections for psycopg's pool that are known to live without being asked, and those that are known to be lost."""

import select
from typing import Any

import psycopg
from psycopg.abc import Params
from psycopg.rows import TupleRow


class WatchedConnection(psycopg.Connection[TupleRow]):
    """A connection whose health check costs no round trip while its server is silent.

    A pool that checks sends an empty query before it lends a connection. A server that has gone, or has ended this
    session, has said so: there is something to read. While there is not, the check is over; otherwise it is made.
    """

    def execute(self, query: Any, params: Params | None = None, **options: Any) -> psycopg.Cursor[TupleRow]:
        if query == "" and self._is_silent():
            return self.cursor()
        return super().execute(query, params, **options)

    def _is_silent(self) -> bool:
        if self.closed:
            return False
        look: Any = select.poll()
        look.register(self.pgconn.socket, select.POLLIN)
        return not look.poll(0)


def know_what_is_lost() -> None:
    """A transaction that the server ended because it idled is a lost connection, and what waits for those waits for it.

    psycopg sorts errors by the first letters of their codes, and these (25P03, 25P04) begin as those of faults in a
    program do: nobody would try again.
    """
    for ended in (psycopg.errors.IdleInTransactionSessionTimeout, psycopg.errors.TransactionTimeout):
        ended.__bases__ = (psycopg.OperationalError,)
