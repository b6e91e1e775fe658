"""The list of sagas: what needs a person first, searched by exact names, and never counted to the end."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from sagas.models import Saga
from sagas.words import registry

MOST_COUNTED = 1000


class Attention(admin.SimpleListFilter):
    """Which sagas are shown: those that need a person, unless somebody asks for others, or looks for certain ones."""

    title = "attention"
    parameter_name = "show"
    CHOICES = (
        (None, "Needs a person"),
        ("live", "Under way"),
        ("ended", "Ended"),
        ("all", "Everything"),
    )

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """What can be asked for, beside what is shown without asking."""
        self._looking = any(request.GET.get(name) for name in ("q", "state__exact"))
        return [(value, label) for value, label in self.CHOICES if value]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """The links beside the list."""
        chosen = "all" if self._looking and self.value() is None else self.value()
        for value, label in self.CHOICES:
            query = changelist.get_query_string({self.parameter_name: value} if value else {}, [self.parameter_name])
            yield {"selected": value == chosen, "query_string": query, "display": label}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Saga]) -> QuerySet[Saga]:
        """The sagas that were asked for."""
        match self.value():
            case "live":
                return queryset.filter(ended_at=None)
            case "ended":
                return queryset.filter(ended_at__isnull=False)
            case "all":
                return queryset
        return queryset if self._looking else queryset.filter(open_incidents__gt=0)


class ByDefinition(admin.SimpleListFilter):
    """Sagas of one definition; the names come from the code, since asking the table for them would read all of it."""

    title = "definition"
    parameter_name = "definition"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The definitions that this process knows."""
        return [(name, name) for name in sorted({definition.name for definition in registry.everything()})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Saga]) -> QuerySet[Saga]:
        """The sagas of that definition."""
        chosen = self.value()
        return queryset.filter(definition=chosen) if chosen in dict(self.lookup_choices) else queryset


class BoundedPaginator(Paginator):
    """Counts to a thousand and no further: with a million rows a full count takes longer than anybody waits."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, as far as they are counted."""
        rows: Any = self.object_list  # in their order, so that the count reads what the pages do, and nothing else
        return int(rows[:MOST_COUNTED].count())


def found(queryset: QuerySet[Saga], words: str) -> QuerySet[Saga]:
    """The sagas of that business key or id; `order-7*` finds every key that begins so."""
    words = words.strip().replace("\x00", "")
    if words.endswith("*"):
        return queryset.filter(business_key__startswith=words[:-1])
    named = Q(business_key=words)
    with suppress(ValueError):
        named |= Q(pk=UUID(words))
    return queryset.filter(named)
