"""The start page: what needs a person, by cause, and how the whole stands; and a page for one cause."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from sagas.admin.bulk import operations_of
from sagas.admin.console import OPERATE, Console, definitions, may, person, sagas_of, sight, tenant
from sagas.admin.groups import lines
from sagas.admin.interventions import called_by, interventions
from sagas.admin.listing import Filters, page_of
from sagas.admin.numbers import numbers
from sagas.admin.troubles import troubles
from sagas.errors import SagaError
from sagas.models import Incident
from sagas.operations import grouping
from sagas.operations.episodes import ringing
from sagas.record import clock
from sagas.words import registry

MUTES = {"1": "1 hour", "8": "8 hours", "24": "1 day", "168": "1 week"}
"""For how many hours a cause can be muted."""


@admin.register(Incident)
class IncidentAdmin(Console):
    """Incidents by cause, before anything else."""

    def get_urls(self) -> list[URLPattern]:
        """The start page, and one for a cause."""
        return [
            path("", self.door(self.start_page), name="sagas_incident_changelist"),
            path("group/", self.door(self.group_page), name="sagas_incident_group"),
            path(
                "look-after/", self.door(self.look_after, needs=OPERATE, methods=("POST",)), name="sagas_incident_say"
            ),
        ]

    def start_page(self, request: HttpRequest) -> HttpResponse:
        """What needs a person, first."""
        now = clock.now()
        found = lines(tenant(request), now, sight(request), definitions(request))
        context: dict[str, Any] = {"title": "What needs a person", "section": "incidents", "groups": found}
        whose = tenant(request), definitions(request)
        context["interventions"] = interventions(*whose, operations_of(request))
        context |= {"numbers": numbers(sagas_of(request), now, ringing(*whose)), "troubles": troubles(*whose, now)}
        return self.show(request, "start", context)

    def group_page(self, request: HttpRequest) -> HttpResponse:
        """One cause: how often, since when, in whose hands, and the sagas that have it."""
        filters = Filters(request.GET)
        asked = filters.asked
        if not asked.get("definition") or "code" not in asked:
            raise Http404("A group is named by its definition, step and code.")
        only = definitions(request)
        if only is not None and asked["definition"] not in only:
            raise Http404
        cause = {"definition": asked["definition"], "path": asked.get("step", ""), "reason_code": asked["code"]}
        found = lines(tenant(request), clock.now(), sight(request), definitions(request), **cause)
        page = page_of(sagas_of(request), filters, request.GET, sight(request))
        known = [table for table in registry.everything() if table.name == asked["definition"]]
        context = {
            "title": f"{cause['path'] or 'the saga'}: {cause['reason_code']}",
            "section": "incidents",
            "cause": cause,
            "line": found[0] if found else None,
            "mutes": MUTES,
            "address": request.get_full_path(),
            "table": max(known, key=lambda table: table.version, default=None),
            "page": page,
            "versions": sorted({saga.version for saga in page.sagas}),
            "called": called_by(tenant(request), cause["definition"], cause["path"]),
            "may_hold": may(request, OPERATE) and definitions(request) is None,
            "interventions": interventions(tenant(request), definitions(request), operations_of(request)),
            "query": request.GET.urlencode(),
        }
        return self.show(request, "group", context)

    def look_after(self, request: HttpRequest) -> HttpResponse:
        """Somebody takes a cause, leaves a note on it, or mutes it for a while."""
        about: dict[str, Any] = {"actor": person(request), "tenant": tenant(request)}
        about["definitions"] = definitions(request)
        group, sent = request.POST.get("group", ""), request.POST
        try:
            match sent.get("how"):
                case "take":
                    grouping.assign(group, request.user.get_username(), **about)
                case "leave":
                    grouping.assign(group, "", **about)
                case "note":
                    grouping.note(group, sent.get("note", "")[:2000], **about)
                case "mute" if sent.get("hours") in MUTES:
                    grouping.mute(group, clock.now() + timedelta(hours=int(sent["hours"])), **about)
                case "unmute":
                    grouping.mute(group, None, **about)
                case _:
                    raise Http404
        except SagaError as error:
            messages.error(request, str(error))
        back = sent.get("back", "")
        safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
        return HttpResponseRedirect(back if safe else reverse("admin:sagas_incident_changelist"))
