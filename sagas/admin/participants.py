"""Participants: which are held, how many steps wait, how canaries fare; and the pages that hold and release them."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from sagas.admin.asking import OF_MANY, reason_field
from sagas.admin.console import OPERATE, READING, Console, definitions, person, sight, tenant
from sagas.admin.deciding import LOOK_AGAIN, sentence
from sagas.errors import SagaError
from sagas.models import Hold
from sagas.operations import holding
from sagas.operations.foreseeing import foresee
from sagas.operations.holding import MOST_A_SECOND
from sagas.operations.participants import MOST_COUNTED, participant, participants


class Why(forms.Form):
    """Why something is done to a participant."""

    field_order = ("until", "saga", "rate", "reason")

    reason = reason_field(OF_MANY)


class HoldForm(Why):
    """Until when it is held."""

    until = forms.DateTimeField(
        label="Until (UTC)",
        required=False,
        help_text="It ends by itself then. Without a time it lasts until it is released.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


class CanaryForm(Why):
    """Which saga goes first."""

    saga = forms.UUIDField(
        label="Saga",
        required=False,
        help_text="Its id; its children go with it. Without one it is the saga that has waited longest.",
    )


class ReleaseForm(Why):
    """How fast its steps are let go."""

    rate = forms.IntegerField(
        label="Steps a second",
        required=False,
        min_value=1,
        max_value=MOST_A_SECOND,
        help_text="Without a rate, all at once.",
    )


@dataclass(frozen=True, kw_only=True)
class Deed:
    """One verb on a participant: its button, what it does in general, and its form."""

    name: str
    label: str
    about: str
    done: str
    form: type[Why]
    is_grave: bool = False


DEEDS = {
    deed.name: deed
    for deed in (
        Deed(
            name="hold",
            label="Hold",
            about="No step calls it from now on. What waits for it keeps its patience, and nobody is turned back.",
            done="It is held. Workers know within a second or two; attempts under way are recorded.",
            form=HoldForm,
            is_grave=True,
        ),
        Deed(
            name="canary",
            label="Send a canary",
            about="One saga calls it, to see how that goes. All others wait on.",
            done="The canary is on its way; this page says what comes of it.",
            form=CanaryForm,
        ),
        Deed(
            name="release",
            label="Release",
            about="It is called again, and what waits is let go.",
            done="It is released.",
            form=ReleaseForm,
        ),
    )
}


@admin.register(Hold)
class HoldAdmin(Console):
    """Participants, and holds on them."""

    def get_urls(self) -> list[URLPattern]:
        """The list, and a page for each verb."""
        return [
            path("", self.door(self.list_page), name="sagas_hold_changelist"),
            path(
                "<path:name>/<slug:verb>/",
                self.door(self.verb_page, needs=OPERATE, methods=(*READING, "POST")),
                name="sagas_hold_verb",
            ),
        ]

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """Every participant, those that are held first."""
        found = participants(tenant(request), definitions(request), sight(request))
        context = {"title": "Participants", "section": "participants", "most": MOST_COUNTED}
        return self.show(request, "participants", context | {"participants": found, "deeds": DEEDS})

    def verb_page(self, request: HttpRequest, name: str, verb: str) -> HttpResponse:
        """What a verb would do, and why; done when it was looked at as it is asked for."""
        deed = DEEDS.get(verb)
        if deed is None:
            raise Http404
        try:
            found = participant(name, tenant(request), definitions(request))
        except SagaError as error:
            raise Http404(str(error)) from None
        if definitions(request) is not None:  # it is about all sagas of the tenant
            raise PermissionDenied
        form, refusal, notice = deed.form(request.POST or None, label_suffix=""), "", ""
        sentences: tuple[str, ...] = ()
        acting, seen = "do" in request.POST, ""
        asked = _asked(form)
        if form.errors.keys() <= {"reason"}:
            about = {"actor": person(request), "tenant": tenant(request)}
            try:
                seen = f"{verb} {asked}"
                if acting and not form.errors and request.POST.get("seen") == seen:
                    getattr(holding, verb)(name, **asked, **about, reason=form.cleaned_data["reason"])
                    messages.success(request, f"{name}: {deed.done}")
                    return HttpResponseRedirect(reverse("admin:sagas_hold_changelist"))
                notice = LOOK_AGAIN if acting and not form.errors else ""
                sentences = foresee(verb, name, **asked, **about, reason="A look before a decision.")
            except SagaError as error:
                refusal, seen = sentence(error), ""
        if not acting:
            form.errors.pop("reason", None)
        context = {"title": f"{deed.label}: {name}", "section": "participants", "one": found, "deed": deed}
        shown = {"form": form, "refusal": refusal, "notice": notice, "sentences": sentences, "seen": seen}
        return self.show(request, "participant", context | shown)


def _asked(form: Why) -> dict[str, Any]:
    """What is asked for beside the reason; nothing yet, where nothing was sent."""
    if not form.is_bound:
        return {}
    form.is_valid()
    return {name: value for name, value in form.cleaned_data.items() if name != "reason" and value is not None}
