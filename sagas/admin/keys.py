"""API keys of services: which there are and when each was last used; made, rotated and revoked by administrators.

A key in clear stands on one page, the answer to the form that made it, which is neither stored nor shown again.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from gateway import conf, keys
from gateway.models import ApiKey
from sagas.admin.console import CHANGE_KEYS, READING, SEE_KEYS, Console, may, tenant
from sagas.words import registry

PAGE = 50
LIFETIMES = {"30": "30 days", "90": "90 days", "365": "a year", "": "never"}
OVERLAPS = {"0": "at once", "1": "in an hour", "24": "in a day", "168": "in a week"}
MOST_TOLD = 20


class NewKey(forms.Form):
    """What a service may do with its key."""

    name = forms.CharField(label="Service", max_length=100, help_text="As the audit will call it, such as shop.")
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Say what the key is for: tick one at least."},
    )
    definitions = forms.MultipleChoiceField(
        label="Which sagas", widget=forms.CheckboxSelectMultiple, required=False, help_text="None ticked is all."
    )
    days = forms.ChoiceField(label="It ends after", choices=list(LIFETIMES.items()), required=False, initial="90")
    rate = forms.IntegerField(label="Requests a minute, instead of the usual", min_value=1, required=False)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        scopes = [*sorted(conf.current().SCOPES), conf.ADMIN]
        names = sorted({table.name for table in registry.everything()})
        self.fields["scopes"].choices = [(name, name) for name in scopes]  # type: ignore[attr-defined]
        self.fields["definitions"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]

    def made(self, tenant: str) -> keys.Issued:
        """The new key. Raises `keys.Refused`."""
        said = self.cleaned_data
        return keys.create(
            said["name"],
            tenant=tenant,
            scopes=said["scopes"],
            definitions=said["definitions"] or None,
            expires_at=timezone.now() + timedelta(days=int(said["days"])) if said["days"] else None,
            rate=said["rate"],
        )


@dataclass(frozen=True, kw_only=True)
class Line:
    """One key; `stands` is live, expired or revoked."""

    key: ApiKey
    stands: str


@admin.register(ApiKey)
class KeyAdmin(Console):
    """API keys: a list, a form for a new one, and what can be done about each."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may change keys may see them."""
        return may(request, SEE_KEYS) or may(request, CHANGE_KEYS)

    def get_urls(self) -> list[URLPattern]:
        """Every deed is a form of its own."""
        methods = (*READING, "POST")
        return [
            path("", self.door(self.list_page), name="gateway_apikey_changelist"),
            path("new/", self.door(self.new_page, needs=CHANGE_KEYS, methods=methods), name="gateway_apikey_new"),
            path(
                "<uuid:pk>/rotate/",
                self.door(self.rotate_page, needs=CHANGE_KEYS, methods=methods),
                name="gateway_apikey_rotate",
            ),
            path(
                "<uuid:pk>/revoke/",
                self.door(self.revoke_page, needs=CHANGE_KEYS, methods=methods),
                name="gateway_apikey_revoke",
            ),
        ]

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """The keys of the person's tenant, the newest first, and what was last done about keys."""
        now, everything = timezone.now(), request.GET.get("show") == "all"
        found = ApiKey.objects.filter(tenant=tenant(request)).order_by("-id")
        found = found if everything else found.live(now)
        with suppress(ValueError):
            found = found.filter(pk__lt=UUID(request.GET["before"])) if "before" in request.GET else found
        page = list(found[: PAGE + 1])
        context = {
            "title": "API keys",
            "section": "keys",
            "lines": [Line(key=key, stands=_stands(key, now)) for key in page[:PAGE]],
            "older": page[PAGE - 1].pk if len(page) > PAGE else None,
            "everything": everything,
            "may_change_keys": may(request, CHANGE_KEYS),
            "told": _told(request),
        }
        return self.show(request, "keys", context)

    def new_page(self, request: HttpRequest) -> HttpResponse:
        """A key for a service; its answer shows the key, once."""
        form = NewKey(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                issued = form.made(tenant(request))
            except keys.Refused as error:
                form.add_error(None, str(error))
            else:
                said = f"made a key for {issued.row.name}: {', '.join(issued.row.scopes)}"
                return self._shown_once(request, issued, ADDITION, said)
        return self.show(request, "key_new", {"title": "A new API key", "section": "keys", "form": form})

    def rotate_page(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """A new key for the service; the present one goes on for a while."""
        key = self._live(request, pk)
        newest = ApiKey.objects.of_name(key.tenant, key.name).live(timezone.now()).order_by("-id").first()
        if newest is not None and newest.pk != key.pk:  # also a form that is sent twice
            messages.error(request, f"{key.name} has a newer key than that; rotate the newest, if you mean to.")
            return _back()
        if request.method == "POST" and request.POST.get("overlap") in OVERLAPS:
            overlap = timedelta(hours=int(request.POST["overlap"]))
            try:
                issued = keys.rotate(key.name, tenant=key.tenant, overlap=overlap)
            except LookupError as error:
                messages.error(request, str(error))
                return _back()
            said = f"rotated the key of {key.name}; the one before ends {OVERLAPS[request.POST['overlap']]}"
            return self._shown_once(request, issued, CHANGE, said)
        context = {"title": f"Rotate the key of {key.name}", "section": "keys", "key": key, "overlaps": OVERLAPS}
        return self.show(request, "key_rotate", context)

    def revoke_page(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """The key opens nothing any more."""
        key = self._live(request, pk)
        if request.method == "POST":
            keys.revoke(key.prefix, tenant=key.tenant)
            _write_down(request, key, DELETION, f"revoked the key {key.prefix}… of {key.name}")
            within = int(keys.REMEMBERED.total_seconds())
            messages.success(request, f"Revoked; every process has forgotten the key within {within} s.")
            return _back()
        context = {"title": f"Revoke the key of {key.name}", "section": "keys", "key": key}
        return self.show(request, "key_revoke", context)

    def _live(self, request: HttpRequest, pk: UUID) -> ApiKey:
        key = ApiKey.objects.filter(tenant=tenant(request), pk=pk).live(timezone.now()).first()
        if key is None:
            raise Http404("There is no such live key.")
        return key

    def _shown_once(self, request: HttpRequest, issued: keys.Issued, what: int, said: str) -> HttpResponse:
        _write_down(request, issued.row, what, said)
        context = {"title": f"The key of {issued.row.name}", "section": "keys", "issued": issued}
        return self.show(request, "key_shown", context)  # the admin's pages are not stored by browsers


def _write_down(request: HttpRequest, key: ApiKey, what: int, said: str) -> None:
    """What was done about keys is kept where Django's admin keeps what was done about people."""
    LogEntry.objects.create(
        user_id=int(request.user.pk or 0),
        content_type=ContentType.objects.get_for_model(ApiKey),
        object_id=str(key.pk),
        object_repr=key.tenant,
        action_flag=what,
        change_message=said,
    )


def _told(request: HttpRequest) -> Any:
    about = {"content_type__app_label": "gateway", "content_type__model": "apikey"}
    mine = LogEntry.objects.filter(**about, object_repr=tenant(request)).select_related("user")
    return mine.order_by("-action_time")[:MOST_TOLD]


def _stands(key: ApiKey, now: Any) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "live" if key.opens(now) else "expired"


def _back() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:gateway_apikey_changelist"))
