"""The start page: what needs a person, by cause, and how the whole stands; and a page for one cause."""

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path

from sagas.admin.console import Console, sagas_of, tenant
from sagas.admin.groups import groups
from sagas.admin.listing import Filters, page_of
from sagas.admin.numbers import numbers
from sagas.models import Incident
from sagas.record import clock
from sagas.words import registry


@admin.register(Incident)
class IncidentAdmin(Console):
    """Incidents by cause, before anything else."""

    def get_urls(self) -> list[URLPattern]:
        """The start page, and one for a cause."""
        return [
            path("", self.door(self.start_page), name="sagas_incident_changelist"),
            path("group/", self.door(self.group_page), name="sagas_incident_group"),
        ]

    def start_page(self, request: HttpRequest) -> HttpResponse:
        """What needs a person, first."""
        now = clock.now()
        found = groups(tenant(request), now)
        context = {"title": "What needs a person", "section": "incidents", "groups": found}
        return self.show(request, "start", context | {"numbers": numbers(sagas_of(request), now)})

    def group_page(self, request: HttpRequest) -> HttpResponse:
        """One cause: how often, since when, in whose hands, and the sagas that have it."""
        filters = Filters(request.GET)
        asked = filters.asked
        if not asked.get("definition") or "code" not in asked:
            raise Http404("A group is named by its definition, step and code.")
        cause = {"definition": asked["definition"], "path": asked.get("step", ""), "reason_code": asked["code"]}
        found = groups(tenant(request), clock.now(), **cause)
        known = [table for table in registry.everything() if table.name == asked["definition"]]
        context = {
            "title": f"{cause['path'] or 'the saga'}: {cause['reason_code']}",
            "section": "incidents",
            "cause": cause,
            "group": found[0] if found else None,
            "table": max(known, key=lambda table: table.version, default=None),
            "page": page_of(sagas_of(request), filters, request.GET),
            "query": request.GET.urlencode(),
        }
        return self.show(request, "group", context)
