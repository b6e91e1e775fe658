"""The addresses of sagas in the console: the list, its export, a page for each, and one for each verb."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse

from sagas.admin.console import OPERATE, READING, Console, definitions, may, sagas_of, sight
from sagas.admin.deciding import decide
from sagas.admin.definitions import versions
from sagas.admin.export import exported
from sagas.admin.listing import SHOW, Filters, narrowed, page_of
from sagas.admin.proposals import ASKED
from sagas.admin.revealing import REVEAL, places, reveal
from sagas.admin.saved import forget, keep, meant, offered
from sagas.admin.story import story_of
from sagas.admin.verbs import VERBS, in_order
from sagas.models import Saga
from sagas.operations.second import GRAVE

DECIDING = (*READING, "POST")
OF_VIEWS = {"keep": keep, "forget": forget}
OF_SLUG = {verb.slug: verb.name for verb in VERBS.values()}


def _is_grave(request: HttpRequest, verb: str, **kwargs: Any) -> bool:
    return "do" in request.POST and OF_SLUG.get(verb) in GRAVE


@admin.register(Saga)
class SagaAdmin(Console):
    """Sagas: a list that begins with what needs a person, a page for each, and verbs that say first what they do."""

    def get_urls(self) -> list[URLPattern]:
        """Every address has a door that asks for its permission."""
        return [
            path("", self.door(self.list_page), name="sagas_saga_changelist"),
            path("export.<slug:kind>", self.door(self.export), name="sagas_saga_export"),
            path("views/", self.door(self.say_of_view, methods=("POST",)), name="sagas_view"),
            path("definitions/", self.door(self.definitions_page), name="sagas_definitions"),
            path("definitions/<str:name>/", self.door(self.definition_page), name="sagas_definition"),
            path("<uuid:pk>/change/", self.door(self.saga_page), name="sagas_saga_change"),
            path(
                "<uuid:pk>/reveal/",
                self.door(self.reveal_page, needs=REVEAL, methods=DECIDING),
                name="sagas_saga_reveal",
            ),
            path(
                "<uuid:pk>/<slug:verb>/",
                self.door(self.verb_page, needs=OPERATE, methods=DECIDING, grave=_is_grave),
                name="sagas_saga_verb",
            ),
        ]

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """The sagas that the address asks for; a search that finds one alone leads to it."""
        filters = Filters(request.GET)
        found = page_of(sagas_of(request), filters, request.GET, sight(request))
        if set(request.GET) == {"q"} and filters.asked.get("q") and len(found.sagas) == 1:
            return HttpResponseRedirect(reverse("admin:sagas_saga_change", args=[found.sagas[0].pk]))
        context = {
            "title": "Sagas",
            "filters": filters,
            "page": found,
            "shows": SHOW,
            "section": "sagas",
            "query": request.GET.urlencode(),
            "views": offered(request),
            "meant": meant(request.GET.urlencode()),
        }
        return self.show(request, "list", context | {"shown": filters.asked.get("show", "")})

    def say_of_view(self, request: HttpRequest) -> HttpResponse:
        """Keep what the list shows under a name, or forget such a view."""
        how = request.POST.get("how", "")
        if how not in OF_VIEWS:
            raise Http404
        if wrong := OF_VIEWS[how](request):
            messages.error(request, wrong)
        query = meant(request.POST.get("query", ""))
        return HttpResponseRedirect(reverse("admin:sagas_saga_changelist") + (f"?{query}" if query else ""))

    def export(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        """Exactly what the address asks for, as a file."""
        if kind not in ("csv", "json"):
            raise Http404
        return exported(narrowed(sagas_of(request), Filters(request.GET)), kind, sight(request))

    def definitions_page(self, request: HttpRequest) -> HttpResponse:
        """Every definition that the code has or live sagas run on."""
        found = versions(sagas_of(request), only=definitions(request))
        context = {"title": "Definitions", "section": "definitions", "versions": found}
        return self.show(request, "definitions", context)

    def definition_page(self, request: HttpRequest, name: str) -> HttpResponse:
        """One definition: its versions, drawn."""
        found = versions(sagas_of(request), name, definitions(request))
        if not found:
            raise Http404(f"There is no definition {name!r}.")
        return self.show(request, "definition", {"title": name, "section": "definitions", "versions": found})

    def saga_page(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Everything about one saga, and why it does not move on top of it."""
        saga = self._saga(request, pk)
        has_secrets = may(request, REVEAL) and any(places(saga))  # before anything of it is masked
        story = story_of(saga, request.GET, sight(request)) | {"has_secrets": has_secrets}
        buttons = in_order(story["allowed"], saga, story["incidents"]) if may(request, OPERATE) else []
        return self.show(request, "saga", story | {"buttons": buttons, "section": "sagas"})

    def reveal_page(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """What is sensitive in it, for whoever says why."""
        saga = self._saga(request, pk)
        context = {"title": f"Reveal: {saga}", "saga": saga, "revealed": reveal(request, saga), "section": "sagas"}
        answer = self.show(request, "reveal", context)
        answer["Cache-Control"] = "no-store"
        return answer

    def verb_page(self, request: HttpRequest, pk: UUID, verb: str) -> HttpResponse:
        """What a verb would do, and why; then it is done, and the saga's page says what came of it."""
        if verb not in OF_SLUG:
            raise Http404
        decision = decide(request, self._saga(request, pk), OF_SLUG[verb])
        if decision.proposal is not None:
            messages.success(request, ASKED)
            return HttpResponseRedirect(reverse("admin:sagas_proposal_changelist"))
        if decision.done is not None:
            messages.success(request, decision.verb.done)
            return HttpResponseRedirect(reverse("admin:sagas_saga_change", args=[decision.done.pk]))
        context = {"title": f"{decision.verb.label}: {decision.saga}", "saga": decision.saga, "decision": decision}
        return self.show(request, "verb", context)

    def _saga(self, request: HttpRequest, pk: UUID) -> Saga:
        saga = sagas_of(request).filter(pk=pk).first()
        if saga is None:
            raise Http404(f"There is no saga {pk}.")
        return saga
