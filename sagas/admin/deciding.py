"""Between a button and its deed: a page that says what a verb would do, asks why, and does what was looked at.

1. The form, with what the verb would do as it stands.
2. Whoever changes what is asked for is shown anew what that would do; nothing is done that nobody has looked at.
3. The deed, unless somebody decided about the saga meanwhile: then the page says what happened, and shows it anew.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db import OperationalError
from django.http import HttpRequest

from sagas import operations
from sagas.admin.asking import arguments_of, as_text, defaults_of, form_of
from sagas.admin.console import number_in, person
from sagas.admin.schema import SchemaField
from sagas.admin.verbs import VERBS, Verb
from sagas.engine.timeline import Entry, Reader
from sagas.errors import InvalidInput, NotAllowed, SagaError
from sagas.models import Proposal, Saga
from sagas.operations import second
from sagas.operations.verb import STALE

NO_ANSWER = "The database did not answer; look at the saga before you try again."
LOOK_AGAIN = "This is what it would do with what you have just said. Press the button again to do it."


@dataclass(kw_only=True)
class Decision:
    """One visit of that page: what was asked, what it would do, and what came of it."""

    verb: Verb
    saga: Saga
    form: forms.Form
    sentences: tuple[str, ...] = ()
    state: str = ""
    refusal: str = ""
    notice: str = ""
    meanwhile: list[Entry] = field(default_factory=list)
    seen: str = ""
    is_over: bool = False
    """Whether the verb fits no more, so that there is nothing to look at."""
    done: Saga | None = None
    proposal: Proposal | None = None
    """What was asked for instead, where a second person must approve it."""

    @property
    def fields(self) -> list[forms.BoundField]:
        """What the verb asks for beside the reason."""
        return [bound for bound in self.form if bound.name != "reason" and not bound.is_hidden]


def decide(request: HttpRequest, saga: Saga, verb: str, fixed: Mapping[str, str] | None = None) -> Decision:
    """Look (GET, or POST without `do`), or do it (POST with `do`); `done` is the saga where it was done.

    What is `fixed` by the page's address is not asked for.
    """
    posted, fixed = request.method == "POST", fixed or {}
    acting = posted and "do" in request.POST
    asked = request.POST.dict() if posted else {**defaults_of(verb, saga), **request.GET.dict()}
    given: dict[str, Any] = {**asked, **fixed}
    form = form_of(verb, saga, given, needs_reason=acting, asked=given)
    for name in fixed.keys() & form.fields.keys():
        form.fields[name].widget = forms.HiddenInput()
    found = Decision(verb=VERBS[verb], saga=saga, form=form)
    form.is_valid()
    if form.errors.keys() - {"reason"}:
        if acting and given.get("decisions") != str(saga.decisions):
            _tell_what_happened(found, given)  # what was asked for may not even be there any more
        if not posted or found.refusal:
            found.form = form_of(verb, saga, None, needs_reason=False, asked=given)
            found.form.initial = {**found.form.initial, **given}
        return found
    arguments = arguments_of(verb, form.cleaned_data) | _about(request, verb, saga)
    looked_at = _fingerprint(arguments)
    if acting and request.POST.get("seen") == looked_at and not form.errors:
        _do(found, arguments | {"reason": form.cleaned_data["reason"]}, request.POST)
    elif acting and not form.errors:
        found.notice = LOOK_AGAIN
    if found.done is None and found.proposal is None:
        _look(found, arguments, is_first=not posted)
        found.seen = looked_at if found.sentences else ""
    return found


def _about(request: HttpRequest, verb: str, saga: Saga) -> dict[str, Any]:
    about: dict[str, Any] = {"actor": person(request), "tenant": saga.tenant}
    if verb == "decide" and not request.user.is_superuser:
        about["groups"] = frozenset(request.user.groups.values_list("name", flat=True))
    return about


def _do(found: Decision, arguments: dict[str, Any], posted: Mapping[str, str]) -> None:
    verb, saga = found.verb.name, found.saga
    if verb == "signal":
        arguments.pop("reason")
    elif (expect := number_in(posted.get("decisions", ""))) is not None:
        arguments["expect"] = expect
    try:
        if second.needs_another(verb):
            found.proposal = _ask(verb, saga, arguments)
            return
        came = getattr(operations, verb)(saga.pk, **arguments)
    except NotAllowed as error:
        saga.refresh_from_db()
        if error.code == "stale_page":
            found.meanwhile = _since(saga, posted.get("rev", ""))
        found.refusal = sentence(error)
    except SagaError as error:
        found.refusal = sentence(error)
        _point_at(found.form, error)
    except OperationalError:
        found.refusal = NO_ANSWER
    else:
        found.done = came if isinstance(came, Saga) else came.saga


def _tell_what_happened(found: Decision, posted: Mapping[str, Any]) -> None:
    """Of an old page whose form fits no more: as for one that is refused, why, and what happened since."""
    can = operations.allowed(found.saga)
    found.refusal = sentence(NotAllowed(STALE, code="stale_page", allowed=can))
    found.is_over = found.verb.name not in can
    found.meanwhile = _since(found.saga, str(posted.get("rev", "")))


def _ask(verb: str, saga: Saga, arguments: dict[str, Any]) -> Proposal:
    about = {name: arguments[name] for name in ("actor", "reason", "tenant", "expect") if name in arguments}
    given = {name: value for name, value in arguments.items() if name not in about}
    return second.ask(verb, saga.pk, **about, arguments=given)


def _look(found: Decision, arguments: dict[str, Any], *, is_first: bool) -> None:
    if found.verb.name == "signal":
        found.sentences = ("It is stored, and a wait of that name takes it: one that is open now, or the next.",)
        return
    try:
        preview = operations.preview(found.verb.name, found.saga.pk, **arguments, reason="A look before a decision.")
    except SagaError as error:
        if is_first and isinstance(error, InvalidInput):
            return  # nobody has filled in the form yet
        found.refusal = found.refusal or sentence(error)
        _point_at(found.form, error)
    except OperationalError:
        found.refusal = NO_ANSWER
    else:
        found.sentences, found.state = preview.sentences, preview.state
        if second.needs_another(found.verb.name):
            found.sentences += ("Not at once: a second person must approve it. The button asks for that.",)


def _point_at(form: forms.Form, error: SagaError) -> None:
    """Say at the fields, too, what is wrong with them."""
    for name, below in (("input", ""), ("form", "/form"), ("payload", "/payload")):
        field = form.fields.get(name)
        if isinstance(error, InvalidInput) and isinstance(field, SchemaField):
            field.find_fault(error.errors, below)


def _since(saga: Saga, rev: str) -> list[Entry]:
    """What happened since the page was made, but for the small print."""
    after = number_in(rev)
    entries = Reader(saga, after=saga.rev if after is None else after).news()
    return [entry for entry in entries if entry.tone != "quiet"]


def _fingerprint(arguments: Mapping[str, Any]) -> str:
    """What was asked for, to tell whether it is what was looked at."""
    said = json.dumps({name: as_text(value) for name, value in sorted(arguments.items())})
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def sentence(error: SagaError) -> str:
    """Why it is refused, and what is possible instead."""
    said = error.in_full() if isinstance(error, InvalidInput) else str(error)
    if isinstance(error, NotAllowed) and error.allowed:
        labels = [VERBS[verb].label for verb in error.allowed if verb in VERBS]
        said += f" Possible now: {', '.join(labels)}."
    return said
