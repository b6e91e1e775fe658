"""What people and services decided, the latest first; rows are only ever added."""

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from sagas.admin.console import Console, definitions, number_in, sight, tenant
from sagas.admin.participants import DEEDS
from sagas.admin.payloads import shown
from sagas.admin.verbs import VERBS
from sagas.models import Audit

PAGE = 50
EVENTS = ("events out", "events in")
LABELS = {
    **{name: verb.label for name, verb in VERBS.items()},
    **{name: deed.label for name, deed in DEEDS.items()},
    "reveal": "Reveal",
    "ask": "Ask for",
    "approve": "Approve",
    "refuse": "Refuse",
    **{f"{verb} {events}": f"{verb.capitalize()} {events}" for verb in ("replay", "drop") for events in EVENTS},
}
"""What people call what is written down."""
OF_ANOTHER = ("ask", "approve", "refuse")
"""What is said of another verb, which the entry names in its details."""


class Asked(forms.Form):
    """Which decisions."""

    verb = forms.ChoiceField(required=False, choices=[("", "any"), *LABELS.items()])
    actor = forms.CharField(required=False, max_length=150, help_text="As it is written here, such as person:ann.")
    key = forms.CharField(label="Business key", required=False, max_length=255)


@admin.register(Audit)
class AuditAdmin(Console):
    """The audit log."""

    def get_urls(self) -> list[URLPattern]:
        """One page."""
        return [path("", self.door(self.list_page), name="sagas_audit_changelist")]

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """A page of decisions."""
        form = Asked(request.GET, label_suffix="")
        form.is_valid()
        asked = {name: value for name, value in form.cleaned_data.items() if value}
        found = Audit.objects.filter(tenant=tenant(request)).select_related("saga").order_by("-id")
        if (only := definitions(request)) is not None:
            found = found.filter(saga__definition__in=only)
        columns = {"verb": "verb", "actor": "actor", "key": "saga__business_key"}
        found = found.filter(**{columns[name]: value for name, value in asked.items()})
        if (before := number_in(request.GET.get("before", ""))) is not None:
            found = found.filter(pk__lt=before)
        page = list(found[: PAGE + 1])
        whats = [what(entry) for entry in page]  # before anything of it is masked
        details = [shown(sight(request).look(entry).details or None) for entry in page]
        query = request.GET.copy()
        query["before"] = str(page[PAGE - 1].pk) if len(page) > PAGE else ""
        context = {
            "title": "Audit",
            "section": "audit",
            "form": form,
            "asked": asked,
            "entries": list(zip(page, whats, details, strict=True))[:PAGE],
            "older": query.urlencode() if query["before"] else "",
        }
        return self.show(request, "audit", context)


def what(entry: Audit) -> str:
    """What was decided, in a few words: the verb, the one that it was said of, and the row or participant."""
    label = LABELS.get(entry.verb, entry.verb)
    if entry.verb in OF_ANOTHER:
        asked = str(entry.details.get("verb", ""))
        label = f"{label}: {LABELS.get(asked, asked).lower()}"
        number = entry.details.get("sagas")
        label += f" of {number} sagas" if isinstance(number, int) and number > 1 else ""
    row = f"{entry.path}[{entry.item}]" if entry.item else entry.path
    return f"{label} {row}".strip()
