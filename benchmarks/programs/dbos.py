"""Drives DBOS: enqueues orders with its client, calls the workflow directly for one at a time, and reads its steps."""

import os
import platform
from importlib.metadata import version

import sqlalchemy
from dbos import DBOS, DBOSClient, SetWorkflowID

from benchmarks.programs.dbos_order import APPLICATION_VERSION, COMPENSATIONS, QUEUE, launch, order_saga
from benchmarks.programs.talk import Driver, look_until, serve
from benchmarks.work import STEPS, Flow, Seen, is_complete

_ENDED = sqlalchemy.text(
    "SELECT count(*) FROM dbos.workflow_status WHERE workflow_uuid = ANY(:ids) AND status IN ('SUCCESS', 'ERROR')"
)
AT_ONCE = 100
"""So many of the oldest are asked for at a time."""


class Dbos(Driver):
    def __init__(self) -> None:
        super().__init__()
        self._client = DBOSClient(system_database_url=os.environ["DATABASE_URL"])
        self._engine = sqlalchemy.create_engine(
            os.environ["DATABASE_URL"].replace("postgres://", "postgresql+psycopg://")
        )
        self._open: list[str] = []

    def versions(self) -> dict[str, str]:
        names = ("dbos", "sqlalchemy", "psycopg")
        return {"python": platform.python_version(), **{name: version(name) for name in names}}

    def start(self, flow: Flow, orders: range) -> None:
        for order in orders:
            self._client.enqueue(
                {
                    "queue_name": QUEUE,
                    "workflow_name": order_saga.__qualname__,
                    "workflow_id": str(order),
                    "app_version": APPLICATION_VERSION,
                },
                order,
                flow is Flow.REFUSED,
            )
            self._open.append(str(order))

    def wait(self) -> None:
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            look_until(lambda: self._ended(connection))
        self._open = []

    def _ended(self, connection: sqlalchemy.Connection) -> bool:
        """Look at some of the oldest that are open, and go on to the next when those have ended."""
        while self._open:
            oldest = self._open[:AT_ONCE]
            if connection.execute(_ENDED, {"ids": oldest}).scalar_one() < len(oldest):
                return False
            del self._open[:AT_ONCE]
        return True

    def run(self, flow: Flow, order: int) -> None:
        with SetWorkflowID(str(order)):
            order_saga(order, flow is Flow.REFUSED)

    def confirmed(self, orders: list[tuple[Flow, int]]) -> int:
        return sum(is_complete(flow, order, self._seen(order)) for flow, order in orders)

    def _seen(self, order: int) -> Seen:
        undoes = {function.__qualname__: step for step, function in COMPENSATIONS.items()}
        steps = self._client.list_workflow_steps(str(order))
        names = [step["function_name"] for step in steps]
        failed = [step["function_name"] for step in steps if step["error"] is not None]
        return Seen(
            results={
                step["function_name"]: step["output"]
                for step in steps
                if step["function_name"] in STEPS and step["error"] is None
            },
            refused=failed[0] if failed else None,
            undone=[undoes[name] for name in names if name in undoes],
        )


if __name__ == "__main__":
    launch("driver", listens=False)
    serve(Dbos())
    DBOS.destroy()
