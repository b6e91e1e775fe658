"""Alerts: what rings, and what rang last."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from gateway.description import Call
from sagas.api import examples
from sagas.api.answers import AlertList
from sagas.api.door import SagaDoor
from sagas.operations.episodes import Episode, Told, episodes


class AlertsDoor(SagaDoor):
    """All alerts."""

    calls: ClassVar = {"GET": Call("List alerts", AlertList, example={"results": [examples.ALERT]})}

    def get(self, request: Request) -> Response:
        """Those that ring, and then those that are over, the latest first; at most 100 of each."""
        return Response({"results": list(map(alert_document, episodes(self.caller.tenant, self.caller.definitions)))})


def alert_document(one: Episode) -> dict[str, Any]:
    """An alert as callers see it."""
    return {
        "id": one.id,
        "episode": one.number,
        "title": one.title,
        "definition": one.definition or None,
        "step": one.path or None,
        "reason_code": one.reason_code,
        "severity": one.severity,
        "owner": one.owner or None,
        "began_at": one.began_at,
        "over_at": one.over_at,
        "quiet_until": one.quiet_until,
        "muted_until": one.muted_until,
        "told": list(map(_told, one.told)),
    }


def _told(message: Told) -> dict[str, Any]:
    names = ("what", "to", "at", "tries", "is_lost")
    return {name: getattr(message, name) for name in names} | {"error": message.error or None}
