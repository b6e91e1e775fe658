"""The list of sagas: which ones an address asks for, a page of them, and how many stand how."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Count, Prefetch, Q
from django.http import QueryDict

from sagas.models import Callback, Incident, Saga
from sagas.models.saga import SagaQuerySet
from sagas.record.sight import Sight
from sagas.words import registry
from sagas.words.lifecycle import SagaState

PAGE = 50
MOST_COUNTED = 1000
UNTOLD = "untold"
SHOW = (
    ("", "Needs a person"),
    ("live", "Under way"),
    ("ended", "Ended"),
    (UNTOLD, "End not told"),
    ("all", "Everything"),
)
EXACT = ("definition", "state")
OF_INCIDENT = {"step": "path", "reason": "reason", "code": "reason_code"}


class Filters(forms.Form):
    """What an address asks for; what makes no sense in it is left out."""

    q = forms.CharField(label="Business key or id", required=False, max_length=255)
    show = forms.ChoiceField(label="Show", choices=SHOW, required=False)
    definition = forms.ChoiceField(label="Definition", required=False)
    state = forms.ChoiceField(
        label="State", choices=[("", "any"), *((s.value, s.value) for s in SagaState)], required=False
    )
    step = forms.CharField(label="Failing step", required=False, max_length=80)
    reason = forms.CharField(required=False, max_length=30, widget=forms.HiddenInput)
    code = forms.CharField(required=False, max_length=100, label="Reason code")
    since = forms.DateTimeField(label="Begun since (UTC)", required=False)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data, label_suffix="")
        names = sorted({definition.name for definition in registry.everything()} | {data.get("definition", "")} - {""})
        self.fields["definition"].choices = [("", "any"), *((name, name) for name in names)]  # type: ignore[attr-defined]
        picker = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        self.fields["since"].widget = picker
        self.is_valid()

    @property
    def asked(self) -> dict[str, Any]:
        """What is asked for, without what is empty."""
        return {name: value for name, value in self.cleaned_data.items() if value}

    @property
    def is_looking(self) -> bool:
        """Does it look for certain sagas, so that those which need nobody are meant, too?"""
        return bool(self.asked.keys() & {"q", "state", "since"})


@dataclass(frozen=True, kw_only=True)
class Facet:
    """A link that narrows the list, and how many it would leave."""

    label: str
    count: int
    query: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some sagas, the newest first."""

    sagas: Sequence[Saga]
    older: str
    """What the address of the next page ends with; empty at the end."""
    counted: int
    facets: dict[str, list[Facet]]

    @property
    def is_more(self) -> bool:
        return self.counted > MOST_COUNTED


def narrowed(sagas: SagaQuerySet, filters: Filters) -> SagaQuerySet:
    """Those of the sagas that are asked for."""
    asked = filters.asked
    found = sagas.filter(**{name: asked[name] for name in EXACT if name in asked})
    incident = {OF_INCIDENT[name]: asked[name] for name in OF_INCIDENT if name in asked}
    if incident:
        found = found.needing_a_person().filter(pk__in=Incident.objects.open().filter(**incident).values("saga"))
    if "since" in asked:
        first = UUID(int=max(0, int(asked["since"].timestamp() * 1000)) << 80)  # ids sort by time
        found = found.filter(pk__gte=first, created_at__gte=asked["since"])
    match asked.get("show", ""):
        case "live":
            found = found.live()
        case "ended":
            found = found.filter(ended_at__isnull=False)
        case "untold":
            found = found.filter(pk__in=Callback.objects.given_up().values("saga"))
        case "" if not filters.is_looking:
            found = found.needing_a_person()
    return _named(found, asked["q"]) if "q" in asked else found


def page_of(sagas: SagaQuerySet, filters: Filters, asked: QueryDict, sight: Sight) -> Page:
    """The page that the address asks for; four statements, however many sagas there are."""
    troubles = Prefetch("incidents", Incident.objects.open().order_by("opened_at"), to_attr="troubles")
    untold = Prefetch("callback", Callback.objects.given_up(), to_attr="untold")
    found = narrowed(sagas, filters)
    rows = found.order_by("-id").prefetch_related(troubles, untold)
    with suppress(ValueError):
        if before := asked.get("before"):
            rows = rows.filter(pk__lt=UUID(before))
    shown = list(rows[: PAGE + 1])
    for saga in shown:
        for incident in saga.troubles:
            sight.look(incident)
    older = _with(asked, before=str(shown[PAGE - 1].pk)) if len(shown) > PAGE else ""
    counts = _counts(found)
    return Page(
        sagas=shown[:PAGE],
        older=older,
        counted=sum(counts.values()),
        facets={name: _facets(counts, place, name, asked) for place, name in enumerate(EXACT)},
    )


def _named(sagas: SagaQuerySet, words: str) -> SagaQuerySet:
    """The sagas of that business key or id; `order-7*` finds every key that begins so."""
    words = words.strip().replace("\x00", "")
    if words.endswith("*"):
        return sagas.filter(business_key__startswith=words[:-1])
    named = Q(business_key=words)
    with suppress(ValueError):
        named |= Q(pk=UUID(words))
    return sagas.filter(named)


def _counts(found: SagaQuerySet) -> Counter[tuple[str, str]]:
    """How many of the first thousand stand how: with a million rows a full count takes longer than anybody waits."""
    first = found.order_by("-id").values("pk")[: MOST_COUNTED + 1]
    grouped = Saga.objects.filter(pk__in=first).order_by().values_list(*EXACT).annotate(count=Count("pk"))
    return Counter({(definition, state): count for definition, state, count in grouped})


def _facets(counts: Counter[tuple[str, str]], place: int, name: str, asked: QueryDict) -> list[Facet]:
    by: Counter[str] = Counter()
    for values, count in counts.items():
        by[values[place]] += count
    return [Facet(label=value, count=n, query=_with(asked, **{name: value})) for value, n in sorted(by.items())]


def _with(asked: QueryDict, **values: str) -> str:
    query = asked.copy()
    query.pop("before", None)
    for name, value in values.items():
        query[name] = value
    return query.urlencode()
