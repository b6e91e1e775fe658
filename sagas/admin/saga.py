import json
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from gateway.callers import tenant_of
from sagas.admin import preview, retry
from sagas.admin.listing import Attention, BoundedPaginator, ByDefinition, found
from sagas.admin.story import told
from sagas.engine.explain import explain
from sagas.models import Incident, Saga
from sagas.words import registry

OPERATE = "sagas.change_saga"
MOST_STEPS = 200
MOST_MOVES = 100


@admin.register(Saga)
class SagaAdmin(admin.ModelAdmin):
    """Sagas: a list that begins with what needs a person, a page for each, and a retry that tells the truth.

    Seeing takes `sagas.view_saga`, retrying `sagas.change_saga`. Nobody edits, adds or deletes.
    """

    list_display = ("name", "state_now", "trouble", "age")
    list_filter = (Attention, ByDefinition, "state")
    list_per_page = 50
    ordering = ("-id",)
    paginator = BoundedPaginator
    show_full_result_count = False
    search_fields = ("business_key",)
    search_help_text = "order-7* finds every key that begins so."
    actions = ("retry_selected",)
    sortable_by = ()
    show_facets = admin.ShowFacets.NEVER

    class Media:
        css = {"all": ["sagas/console.css"]}

    def get_urls(self) -> list[URLPattern]:
        """The page between a retry's button and its deed, before the pages of single sagas."""
        retrying = self.admin_site.admin_view(self.retry_view)
        return [path("retry/", retrying, name="sagas_saga_retry"), *super().get_urls()]

    # Who may

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: sagas are started over REST or in code."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Saga | None = None) -> bool:
        """Nobody: whoever may operate calls verbs."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Saga | None = None) -> bool:
        """Nobody."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Saga | None = None) -> bool:
        """Who may operate may look."""
        return request.user.has_perm("sagas.view_saga") or self.has_operate_permission(request)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Who may call verbs."""
        return request.user.has_perm(OPERATE)

    # The list

    def get_queryset(self, request: HttpRequest) -> QuerySet[Saga]:
        """The sagas of the person's tenant, with what needs a person in them."""
        troubles = Incident.objects.open().order_by("opened_at")
        sagas = Saga.objects.of_tenant(tenant_of(request.user))
        return sagas.order_by("-id").prefetch_related(Prefetch("incidents", troubles, to_attr="troubles"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list; an address with U+0000 in it, which would be a fault of ours on PostgreSQL, leads to its begin."""
        if "%00" in request.META.get("QUERY_STRING", ""):
            return HttpResponseRedirect(request.path)
        return super().changelist_view(request, {"title": "Sagas"} | (extra_context or {}))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Saga], search_term: str
    ) -> tuple[QuerySet[Saga], bool]:
        """By business key or id."""
        return (found(queryset, search_term) if search_term else queryset), False

    @admin.display(description="saga")
    def name(self, saga: Saga) -> SafeString:
        """Which it is: its definition, and the business key or the id."""
        return format_html('<span class="saga-name">{} <b>{}</b></span>', saga.definition, saga.business_key or saga.pk)

    @admin.display(description="state")
    def state_now(self, saga: Saga) -> SafeString:
        """Where it stands."""
        return format_html('<span class="state {0}">{0}</span>', saga.state)

    @admin.display(description="needs a person")
    def trouble(self, saga: Saga) -> SafeString | str:
        """The oldest open incident, in its own words, and how many more there are."""
        troubles: list[Incident] = saga.troubles  # type: ignore[attr-defined]
        if not troubles:
            return "—"
        first, more = troubles[0], f" and {len(troubles) - 1} more" if len(troubles) > 1 else ""
        since = f"for {timesince(first.opened_at)}, seen {first.times}×{more}"
        retried = " · being retried" if first.retried_at else ""
        return format_html(
            '<span class="trouble">{}: {}</span> <span class="quiet">{}{}</span>',
            first.path or "the saga", first.sentence, since, retried,
        )  # fmt: skip

    @admin.display(description="age")
    def age(self, saga: Saga) -> SafeString:
        """How long ago it began."""
        return format_html(
            '<time datetime="{}">{}</time>', saga.created_at.isoformat(), timesince(saga.created_at, depth=1)
        )

    # One saga

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Everything about one saga, and why it does not move on top of it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        saga = self.get_object(request, unquote(object_id))
        if saga is None:
            self.message_user(request, "There is no such saga.", messages.WARNING)
            return HttpResponseRedirect(reverse("admin:sagas_saga_changelist"))
        context = self._context(request) | self._story(request, saga) | (extra_context or {})
        return TemplateResponse(request, "admin/sagas/saga/page.html", context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A saga's history is its journal and its audit, on its page."""
        return HttpResponseRedirect(reverse("admin:sagas_saga_change", args=[unquote(object_id)]))

    def _story(self, request: HttpRequest, saga: Saga) -> dict[str, Any]:
        trials = preview.retry(saga).will if self.has_operate_permission(request) else []
        steps = list(saga.runs.order_by("id")[: MOST_STEPS + 1])
        return {
            "title": str(saga),
            "saga": saga,
            "sentence": explain(saga),
            "definition": registry.find(saga.definition, saga.version, saga.fingerprint),
            "may_retry": bool(trials),
            "retriable": {trial.step for trial in trials} if len(trials) > 1 else set(),
            "incidents": saga.incidents.order_by("closed_at", "-last_at")[:MOST_STEPS],
            "steps": [(run, pretty(run.result)) for run in steps[:MOST_STEPS]],
            "steps_left_out": len(steps) > MOST_STEPS,
            "input": pretty(saga.input),
            "failure": saga.failure or {},
            "journal": told(saga.journal.order_by("-rev")[:MOST_MOVES]),
            "audit": saga.audit.all()[:MOST_MOVES],
        }

    # Retry

    @admin.action(description="Retry the selected sagas …", permissions=["operate"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Saga]) -> HttpResponse | None:
        """Ask first."""
        sagas = list(queryset[: retry.MOST + 1])
        if len(sagas) > retry.MOST:
            self.message_user(request, f"At most {retry.MOST} sagas are retried at once; choose fewer.", messages.ERROR)
            return None
        return retry.ask(request, self._context(request), sagas, "", retry.Reason())

    def retry_view(self, request: HttpRequest) -> HttpResponse:
        """Ask (GET), or do it (POST)."""
        if not self.has_operate_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        given = request.POST if request.method == "POST" else request.GET
        sagas = list(self.get_queryset(request).filter(pk__in=retry.ids_in(given.getlist("id"))))
        if not sagas:
            self.message_user(request, "There is no such saga.", messages.ERROR)
            return HttpResponseRedirect(reverse("admin:sagas_saga_changelist"))
        step, form = given.get("step", "")[:63].replace("\x00", ""), retry.Reason(request.POST or None)
        if request.method == "POST" and form.is_valid():
            return retry.act(request, self._context(request), sagas, step, form.cleaned_data["reason"])
        return retry.ask(request, self._context(request), sagas, step, form)

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        return self.admin_site.each_context(request) | {"opts": self.opts, "media": self.media}


def pretty(value: Any) -> str:
    """JSON as people read it; nothing for nothing."""
    return "" if value is None else json.dumps(value, indent=2, ensure_ascii=False)
