"""Drives Restate: one request to its ingress for each order, answered when the order has ended; then reads the journal.

`INGRESS` and `ADMIN` are the server's addresses, `CONNECTIONS` how many requests are under way at most.
"""

import asyncio
import json
import os
import platform
import subprocess
from collections import defaultdict
from collections.abc import Coroutine
from importlib.metadata import version
from typing import Any, TypeVar

import aiohttp

from benchmarks.programs.restate_order import COMPENSATIONS
from benchmarks.programs.talk import PATIENCE, Driver, serve
from benchmarks.work import STEPS, Flow, Seen, is_complete

T = TypeVar("T")

ASKED_AT_ONCE = 100
"""Invocations whose journals are read with one query."""
_JOURNALS = (
    "SELECT id, entry_type, entry_json FROM sys_journal"
    " WHERE id IN ({ids}) AND entry_type IN ('Command: Run', 'Notification: Run') ORDER BY id, index"
)


class Restate(Driver):
    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._session = self._now(_session())
        self._ids: dict[int, str] = {}
        self._open: list[asyncio.Task[None]] = []

    def versions(self) -> dict[str, str]:
        said = subprocess.run([os.environ["SERVER"], "--version"], check=True, capture_output=True, text=True)
        names = ("restate-sdk", "granian", "aiohttp")
        return {
            "restate-server": said.stdout.split()[-1],
            "python": platform.python_version(),
            **{name: version(name) for name in names},
        }

    def start(self, flow: Flow, orders: range) -> None:
        self._open += [self._loop.create_task(self._request(flow, order)) for order in orders]

    def wait(self) -> None:
        async def all_of_them() -> None:
            await asyncio.wait(self._open, timeout=PATIENCE)

        self._now(all_of_them())
        self._open = []

    def run(self, flow: Flow, order: int) -> None:
        self._now(self._request(flow, order))

    def confirmed(self, orders: list[tuple[Flow, int]]) -> int:
        ids = {order: self._ids.pop(order, "") for _, order in orders}  # a request that failed has none
        journals = self._now(self._journals(list(ids.values())))
        return sum(is_complete(flow, order, _seen(journals[ids[order]])) for flow, order in orders)

    def _now(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    async def _request(self, flow: Flow, order: int) -> None:
        given = {"order": order, "refused": flow is Flow.REFUSED}
        async with self._session.post(f"{os.environ['INGRESS']}/orders/saga", json=given) as answer:
            answer.raise_for_status()
            await answer.read()
            self._ids[order] = answer.headers["x-restate-id"]

    async def _journals(self, ids: list[str]) -> dict[str, list[tuple[str, Any]]]:
        found: dict[str, list[tuple[str, Any]]] = defaultdict(list)
        for first in range(0, len(ids), ASKED_AT_ONCE):
            listed = ", ".join(f"'{one}'" for one in ids[first : first + ASKED_AT_ONCE])
            query = {"query": _JOURNALS.format(ids=listed)}
            accept = {"accept": "application/json"}
            async with self._session.post(f"{os.environ['ADMIN']}/query", json=query, headers=accept) as answer:
                answer.raise_for_status()
                for row in (await answer.json())["rows"]:
                    found[row["id"]].append((row["entry_type"], json.loads(row["entry_json"])))
        return found


async def _session() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=int(os.environ["CONNECTIONS"]))
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))


def _seen(journal: list[tuple[str, Any]]) -> Seen:
    names: dict[int, str] = {}
    outcomes: dict[str, dict[str, Any]] = {}
    for kind, entry in journal:
        if kind == "Command: Run":
            run = entry["Command"]["Run"]
            names[run["completion_id"]] = run["name"]
        else:
            run = entry["Notification"]["Completion"]["Run"]
            outcomes[names[run["completion_id"]]] = run["result"]
    undoes = {undo: step for step, undo in COMPENSATIONS.items()}
    refused = [name for name, outcome in outcomes.items() if "Failure" in outcome]
    return Seen(
        results={
            name: json.loads(bytes(outcome["Success"]))
            for name, outcome in outcomes.items()
            if name in STEPS and "Success" in outcome
        },
        refused=refused[0] if refused else None,
        undone=[undoes[name] for name, outcome in outcomes.items() if name in undoes and "Success" in outcome],
    )


if __name__ == "__main__":
    serve(Restate())
