"""What all pages of the console share: who may see them, what they may load, and how they begin."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from gateway.callers import definitions_of, tenant_of
from gateway.confirming import Confirmation, is_fresh, remember
from gateway.headers import POLICY
from sagas.models import Saga
from sagas.models.saga import SagaQuerySet
from sagas.record.sight import FULL, SEEING, VEILED, Sight

LOOK, OPERATE = "sagas.view_saga", "sagas.change_saga"
SEE_KEYS, CHANGE_KEYS = "gateway.view_apikey", "gateway.change_apikey"
READING = ("GET", "HEAD")
View = Callable[..., HttpResponseBase]
Grave = Callable[..., bool]
"""Whether what a request asks for is grave; called with the request and what its address says."""

NOT_PERMITTED = {
    True: "You may look, but not decide. Ask an operator, or an administrator for that role.",
    False: "This is not for your role. An administrator can give you another one.",
}
"""Why a page is closed to somebody; `True` where it takes an operator."""
NOT_HERE = "There is nothing at this address, or it is not yours."
OURS = ("confirmation", "csrfmiddlewaretoken")


class Console(admin.ModelAdmin):
    """A kind of rows that nobody edits, adds or deletes: pages of our own, which look, and call verbs.

    Looking takes `sagas.view_saga`, deciding `sagas.change_saga`; who may decide may look. The permission is asked for
    by the `door` of each page, below every template.
    """

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: sagas are started over REST or in code."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: whoever may operate calls verbs."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may operate may look."""
        return may(request, LOOK) or may(request, OPERATE)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Who may look sees that there is something."""
        return self.has_view_permission(request)

    def door(
        self, page: View, *, needs: str = LOOK, methods: Sequence[str] = READING, grave: Grave | None = None
    ) -> View:
        """The page, for people who may; an address with U+0000 in it, a fault on PostgreSQL, leads to its begin.

        What is `grave` is done by who has said lately who they are.
        """

        @wraps(page)
        def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not (self.has_view_permission(request) if needs == LOOK else may(request, needs)):
                return self._no_entry(request, NOT_PERMITTED[needs == OPERATE], 403)
            if request.method not in methods:
                return HttpResponseNotAllowed(methods)
            if "%00" in request.META.get("QUERY_STRING", ""):
                return HttpResponseRedirect(request.path)
            asking = grave is not None and request.method == "POST" and grave(request, **kwargs)
            try:
                answer = (self._confirm(request) if asking else None) or page(request, *args, **kwargs)
            except PermissionDenied:
                return self._no_entry(request, NOT_PERMITTED[False], 403)
            except Http404 as error:
                return self._no_entry(request, str(error) or NOT_HERE, 404)
            answer["Content-Security-Policy"] = POLICY
            return answer

        return self.admin_site.admin_view(opened)

    def _confirm(self, request: HttpRequest) -> HttpResponse | None:
        """The page that asks who it is, with all that was sent; None when that is known, or was just said."""
        if is_fresh(request):
            return None
        form = Confirmation(request, request.POST if "confirmation" in request.POST else None)
        if form.is_valid():
            remember(request)
            return None
        sent = [(name, value) for name, values in request.POST.lists() for value in values if name not in OURS]
        return self.show(request, "confirm", {"title": "Is it you?", "form": form, "sent": sent})

    def _no_entry(self, request: HttpRequest, said: str, status: int) -> HttpResponse:
        """A page that says why there is nothing to see, and leads back."""
        title = "Not permitted" if status == 403 else "Not found"
        answer = self.show(request, "no_entry", {"title": title, "said": said})
        answer.status_code = status
        answer["Content-Security-Policy"] = POLICY
        return answer

    def show(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        """A page in the admin's frame."""
        frame = self.admin_site.each_context(request) | {
            "opts": self.opts,
            "site_url": None,
            "is_nav_sidebar_enabled": False,  # the console's own bar says where to go, and leaves the room to the page
            "may_look": may(request, LOOK) or may(request, OPERATE),
            "may_operate": may(request, OPERATE),
            "may_see_keys": may(request, SEE_KEYS) or may(request, CHANGE_KEYS),
        }
        return TemplateResponse(request, f"sagas/console/{template}.html", frame | context)


def may(request: HttpRequest, permission: str) -> bool:
    """Whether the person holds a permission."""
    return request.user.has_perm(permission)


def number_in(text: str) -> int | None:
    """The number that a part of an address is; None for what is none, or is too large for any row."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def sagas_of(request: HttpRequest) -> SagaQuerySet:
    """The sagas that the person may know of: the one place where the console's pages begin to look for them."""
    mine, only = Saga.objects.of_tenant(tenant(request)), definitions(request)
    return mine if only is None else mine.filter(definition__in=only)


def sight(request: HttpRequest) -> Sight:
    """What the person may see of payloads."""
    return FULL if any(may(request, permission) for permission in SEEING) else VEILED


def definitions(request: HttpRequest) -> frozenset[str] | None:
    """The definitions that the person may know of; None is all."""
    return definitions_of(request.user)  # type: ignore[arg-type]


def tenant(request: HttpRequest) -> str:
    """Whose rows the person sees."""
    return tenant_of(request.user)  # type: ignore[arg-type]


def person(request: HttpRequest) -> str:
    """What the audit calls them."""
    return f"person:{request.user.get_username()}"
