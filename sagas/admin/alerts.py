"""Alerts: what rang, since when, who was told, whether it is over, and when it would ring again."""

from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from sagas.admin.attempts import span
from sagas.admin.console import Console, definitions, tenant
from sagas.conf import conf
from sagas.engine.alerting import policy
from sagas.models import Alert
from sagas.operations.episodes import PAGE, Episode, episodes


@admin.register(Alert)
class AlertAdmin(Console):
    """Alerts, those that ring first."""

    def get_urls(self) -> list[URLPattern]:
        """One page."""
        return [path("", self.door(self.list_page), name="sagas_alert_changelist")]

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """What rings, and what rang last."""
        rule = policy()
        found = [(one, _where(one)) for one in episodes(tenant(request), definitions(request))]
        context = {
            "title": "Alerts",
            "section": "alerts",
            "sides": [
                ("ringing", "Ringing", [pair for pair in found if pair[0].over_at is None]),
                ("over", "Over", [pair for pair in found if pair[0].over_at is not None]),
            ],
            "most": PAGE,
            "many": rule.many,
            "times": {name: span(getattr(rule, name)) for name in ("window", "old", "cool_down")},
            "is_sent": bool(conf().alerts.get("url")),
        }
        return self.show(request, "alerts", context)


def _where(one: Episode) -> str:
    """Where one looks next."""
    if not one.definition:
        return reverse("admin:sagas_worker_changelist")
    cause = {"definition": one.definition, "step": one.path, "code": one.reason_code}
    return f"{reverse('admin:sagas_incident_group')}?{urlencode(cause)}"
