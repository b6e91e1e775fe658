"""Retrying from the console: a page says what will happen and asks why, then each saga gets its own answer."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from sagas import operations
from sagas.admin import preview
from sagas.errors import SagaError
from sagas.models import Saga

MOST = 100
LONGEST_REASON = 2000


class Reason(forms.Form):
    """Why somebody decides something; it stands in the audit."""

    reason = forms.CharField(
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}),
        error_messages={"required": "Say why; whoever looks at this saga next will want to know."},
    )


@dataclass(frozen=True)
class Answer:
    """What became of one saga's retry."""

    saga: Saga
    accepted: bool
    sentence: str


def ids_in(given: list[str]) -> list[UUID]:
    """The ids among what a form sent."""
    found = []
    for text in given[:MOST]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


def ask(request: HttpRequest, context: dict[str, Any], sagas: list[Saga], step: str, form: Reason) -> HttpResponse:
    """The page between the button and the deed."""
    previews = [preview.retry(saga, step) for saga in sagas]
    context |= {
        "title": f"Retry {sagas[0]}" if len(sagas) == 1 else f"Retry {len(sagas)} sagas",
        "previews": previews,
        "eligible": sum(not found.refusal for found in previews),
        "step": step,
        "form": form,
    }
    return TemplateResponse(request, "admin/sagas/saga/retry.html", context)


def act(request: HttpRequest, context: dict[str, Any], sagas: list[Saga], step: str, reason: str) -> HttpResponse:
    """Retry each, and say of each whether it was accepted; a single one's answer stands on its own page."""
    actor = f"person:{request.user.get_username()}"
    answers = [_retried(saga, step, actor, reason) for saga in sagas]
    if len(answers) == 1:
        level = messages.SUCCESS if answers[0].accepted else messages.ERROR
        messages.add_message(request, level, answers[0].sentence)
        return HttpResponseRedirect(reverse("admin:sagas_saga_change", args=[answers[0].saga.pk]))
    accepted = sum(answer.accepted for answer in answers)
    context |= {"title": f"{accepted} of {len(answers)} retries were accepted", "answers": answers, "reason": reason}
    return TemplateResponse(request, "admin/sagas/saga/retried.html", context)


def _retried(saga: Saga, step: str, actor: str, reason: str) -> Answer:
    try:
        operations.retry(saga.pk, actor=actor, reason=reason, step=step or None, tenant=saga.tenant)
    except SagaError as error:
        return Answer(saga, False, f"Refused. {error}")
    except OperationalError:
        return Answer(saga, False, "The database did not answer; look at the saga before you try again.")
    return Answer(saga, True, "Accepted. It is tried now; it has recovered when its incident is closed.")
