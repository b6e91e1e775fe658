"""Several sagas retried together: what would happen to each, why, and then each one's own answer."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.db import OperationalError
from django.http import HttpRequest

from sagas import operations
from sagas.admin.console import person
from sagas.admin.deciding import NO_ANSWER, sentence
from sagas.admin.verbs import LONGEST_REASON, VERBS
from sagas.errors import SagaError
from sagas.models import Saga

MOST = 100


class Why(forms.Form):
    """Why somebody decides something; it stands in the audit."""

    reason = forms.CharField(
        label="Why?",
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say why; whoever looks at these sagas next will want to know."},
    )


@dataclass(frozen=True, kw_only=True)
class Look:
    """What would happen to one saga, or why nothing would."""

    saga: Saga
    sentences: tuple[str, ...] = ()
    refusal: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of one saga's retry."""

    saga: Saga
    accepted: bool
    sentence: str


def ids_in(given: Iterable[str]) -> list[UUID]:
    """The ids among what a form sent, as many as are retried at once."""
    found = []
    for text in given:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found[:MOST]


def answered(request: HttpRequest, sagas: list[Saga]) -> tuple[str, dict[str, Any]]:
    """The page between button and deed, or what came of the deed: its template, and what it shows."""
    form = Why(request.POST if "do" in request.POST else None, label_suffix="")
    if "do" in request.POST and form.is_valid():
        answers = [_retried(saga, person(request), form.cleaned_data["reason"]) for saga in sagas]
        accepted = sum(answer.accepted for answer in answers)
        title = f"{accepted} of {len(answers)} retries were accepted"
        return "retried", {"title": title, "answers": answers, "reason": form.cleaned_data["reason"]}
    looks = [_look(saga, person(request)) for saga in sagas]
    eligible = sum(not look.refusal for look in looks)
    title = f"Retry {len(sagas)} saga{'s' if len(sagas) > 1 else ''}"
    return "retry", {"title": title, "looks": looks, "eligible": eligible, "form": form}


def _look(saga: Saga, actor: str) -> Look:
    try:
        found = operations.preview("retry", saga.pk, actor=actor, tenant=saga.tenant, reason="A look.")
    except SagaError as error:
        return Look(saga=saga, refusal=sentence(error))
    except OperationalError:
        return Look(saga=saga, refusal=NO_ANSWER)
    return Look(saga=saga, sentences=found.sentences)


def _retried(saga: Saga, actor: str, reason: str) -> Answer:
    try:
        operations.retry(saga.pk, actor=actor, reason=reason, tenant=saga.tenant)
    except SagaError as error:
        return Answer(saga=saga, accepted=False, sentence=f"Refused. {sentence(error)}")
    except OperationalError:
        return Answer(saga=saga, accepted=False, sentence=NO_ANSWER)
    return Answer(saga=saga, accepted=True, sentence=VERBS["retry"].done)
