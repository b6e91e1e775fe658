"""Saved views: what the list's address asks for, under a name; a person's own, and those that are shared."""

from dataclasses import dataclass

from django import forms
from django.http import HttpRequest, QueryDict

from sagas.admin.console import OPERATE, may, number_in, tenant
from sagas.admin.listing import Filters
from sagas.models import SavedView
from sagas.record import clock
from sagas.record.payload import text

MOST_OFFERED = 100
MOST_OWN = 50
LONGEST_QUERY = 2000


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A view as the list offers it."""

    view: SavedView
    is_shown: bool
    """Whether it is what the list shows now."""
    is_mine: bool


class Naming(forms.Form):
    """What a view is called, and whether others are offered it."""

    name = forms.CharField(
        label="Name", max_length=80, error_messages={"required": "Give the view a name, such as Late payments."}
    )
    shared = forms.BooleanField(label="For everybody who may look", required=False)


def offered(request: HttpRequest) -> list[Chip]:
    """The views that the person is offered, by name; one statement."""
    mine = request.user.get_username()
    now = meant(request.GET.urlencode())
    found = SavedView.objects.of(mine, tenant(request))[:MOST_OFFERED]
    return [Chip(view=view, is_shown=view.query == now, is_mine=view.owner == mine) for view in found]


def keep(request: HttpRequest) -> str:
    """Keep what an address asks for under a name; an own view of that name takes its place. Says what is wrong."""
    form = Naming(request.POST)
    if not form.is_valid():
        return _first(form)
    is_shared = form.cleaned_data["shared"]
    if is_shared and not may(request, OPERATE):
        return "Only who may operate keeps a view for everybody; keep it for yourself."
    query = meant(request.POST.get("query", ""))
    if len(query) > LONGEST_QUERY:
        return "What it asks for is too long to be kept."
    own = SavedView.objects.filter(tenant=tenant(request), owner=request.user.get_username())
    name = text(form.cleaned_data["name"], 80)
    if own.exclude(name=name).count() >= MOST_OWN:
        return f"You have {MOST_OWN} views; forget one first."
    values = {"query": query, "is_shared": is_shared, "created_at": clock.now()}
    SavedView.objects.update_or_create(
        tenant=tenant(request), owner=request.user.get_username(), name=name, defaults=values
    )
    return ""


def forget(request: HttpRequest) -> str:
    """Forget an own view, a superuser also somebody else's that is shared. Says what is wrong."""
    which = number_in(request.POST.get("view", ""))
    found = SavedView.objects.of(request.user.get_username(), tenant(request))
    if not request.user.is_superuser:
        found = found.filter(owner=request.user.get_username())
    view = found.filter(pk=which).first() if which is not None else None
    if view is None:
        return "You have no such view."
    view.delete()
    return ""


def meant(query: str) -> str:
    """What an address asks for, in one way of writing: only what the list knows, without what is empty."""
    given, kept = QueryDict(query), QueryDict(mutable=True)
    for name in Filters.base_fields:
        if value := given.get(name, "").replace("\x00", "").strip():
            kept[name] = value
    return kept.urlencode()


def _first(form: forms.Form) -> str:
    return next(str(fault) for faults in form.errors.values() for fault in faults)
