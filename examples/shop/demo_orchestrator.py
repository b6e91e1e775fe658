"""The coordinator as the demo sees it."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from examples.shop.demo_notifications import NotificationService
from examples.shop.demo_process import Embedded


class Orchestrator(Embedded):
    """The coordinator alone; its participants have the addresses in `services`, and one of them is `notifications`."""

    def __init__(
        self, data: Path, services: Mapping[str, Mapping[str, str]], notifications: NotificationService
    ) -> None:
        super().__init__("sagas", data, base="/api/v1")
        self.notifications = notifications
        self.services = {**services, "notifications": notifications.settings}

    @property
    def own(self) -> dict[str, str]:
        return {"SAGA_SERVICES": json.dumps(self.services), "SHOP_CLOCKS": "short"}

    def begin(self, definition: str, name: str, input: Mapping[str, Any]) -> str:
        """Start a saga, and give its id. The same name twice is one saga."""
        body = {"definition": definition, "business_key": name, "input": input}
        return str(self.post("/sagas/", body, key=f"{definition}-{name}")["id"])

    def saga(self, saga: str) -> dict[str, Any]:
        """The saga, with what it waits for (`next`), its steps and its open incidents."""
        return self.get(f"/sagas/{saga}/")

    def sagas(self) -> list[dict[str, Any]]:
        """All sagas, children included, a line each."""
        return list(self.get("/sagas/?limit=200")["results"])

    def journal(self, saga: str) -> list[dict[str, Any]]:
        """Everything that happened to the saga, in order, and to its children: their steps are called `child/step`."""
        entries: list[dict[str, Any]] = self.get(f"/sagas/{saga}/journal/?limit=200")["results"]
        children = {move["child"]: move["step"] for entry in entries for move in entry["moves"] if "child" in move}
        for child, row in children.items():
            for entry in self.journal(child):
                named = [move | {"step": f"{row}/{move['step']}"} for move in entry["moves"] if "step" in move]
                entries.append(entry | {"moves": named})
        return sorted(entries, key=lambda entry: datetime.fromisoformat(entry["at"]))

    def act(self, verb: str, saga: str, *, reason: str, **what: Any) -> None:
        """Do what a person does with a saga: retry it, decide, move a clock."""
        self.post(f"/sagas/{saga}/{verb}/", {"reason": reason, **what})
