"""What is sensitive in a saga: where it lies, why it is asked for, and then what it says, once."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest

from gateway.vault import Unreadable
from sagas import operations
from sagas.admin.asking import MOST_ROWS, reason_field
from sagas.admin.console import person
from sagas.admin.deciding import sentence
from sagas.admin.payloads import shown
from sagas.errors import SagaError
from sagas.models import Run, Saga
from sagas.operations.revealing import OF_A_STEP
from sagas.record.sealing import holds_sealed

REVEAL = "sagas.reveal_saga"
MOST_SIGNALS = 50


@dataclass(kw_only=True)
class Revealed:
    """One visit of the page: its form, and what was seen or why it was not."""

    form: forms.Form
    value: str = ""
    refusal: str = ""


def places(saga: Saga) -> Iterator[tuple[dict[str, Any], str]]:
    """Where something is sealed: what `reveal` takes for it, and what it is called."""
    if holds_sealed(saga.input):
        yield {"what": "input"}, "Input"
    for old in saga.revisions.order_by("-rev")[:MOST_SIGNALS]:
        if holds_sealed(old.input):
            yield {"what": "input", "revision": old.rev}, f"Input, revision {old.rev}"
    for run in Run.objects.filter(saga_id=saga.pk).exclude(kind=Run.Kind.MESSAGE).order_by("id")[:MOST_ROWS]:
        name = f"{run.path}[{run.item}]" if run.item else run.path
        for what in OF_A_STEP:
            if holds_sealed(getattr(run, what)):
                yield {"what": what, "step": run.path, "item": run.item}, f"{name}: {what}"
    for signal in saga.signals.order_by("-id")[:MOST_SIGNALS]:
        if holds_sealed(signal.payload):
            about = {"what": "signal", "signal": signal.name, "id": signal.dedup_id}
            yield about, f"Signal {signal.name} of {signal.at:%Y-%m-%d %H:%M:%S} UTC"


def reveal(request: HttpRequest, saga: Saga) -> Revealed:
    """Ask (GET), or show (POST): nothing is shown before the audit has it."""
    form = _form(request.POST if request.method == "POST" else None, saga)
    if request.method != "POST" or not form.is_valid():
        return Revealed(form=form)
    about = json.loads(form.cleaned_data["place"])
    try:
        value = operations.reveal(
            saga.pk, **about, actor=person(request), reason=form.cleaned_data["reason"], tenant=saga.tenant
        )
    except SagaError as error:
        return Revealed(form=form, refusal=sentence(error))
    except Unreadable as error:
        return Revealed(form=form, refusal=str(error))
    return Revealed(form=form, value=shown(value))


def _form(data: Any, saga: Saga) -> forms.Form:
    form = forms.Form(data, label_suffix="")
    choices = [(json.dumps(about), label) for about, label in places(saga)]
    form.fields["place"] = forms.ChoiceField(label="What", choices=choices)
    form.fields["reason"] = reason_field("Say why; it is written down with your name.")
    return form
