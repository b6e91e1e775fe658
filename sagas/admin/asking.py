"""What each verb asks for: its form, which rows it can be about, and what the form's answers mean to `operations`."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Q

from sagas.admin.schema import JSON, SchemaField
from sagas.models import Incident, Run, Saga, Work
from sagas.operations.facts import movable, resolvable
from sagas.record import clock
from sagas.record.payload import shown
from sagas.words import registry
from sagas.words.plan import Undo
from sagas.words.rows import Approval, Wait
from sagas.words.verdict import Reason

LONGEST_REASON = 2000
OF_MANY = "Say why; whoever looks at these sagas next will want to know."
MOST_ROWS = 500
EVERYTHING = ("", "Everything that needs a person or waits")
DEADLINE = ("", "The saga's deadline")

Fields = dict[str, forms.Field]


def form_of(
    verb: str, saga: Saga, data: Mapping[str, Any] | None, *, needs_reason: bool, asked: Mapping[str, Any]
) -> forms.Form:
    """The form of a verb on a saga as it stands; to preview it nobody has to say why.

    What it has for fields may depend on what was `asked` for: which approval is meant, or which signal.
    """
    form = forms.Form(data, initial={"step": ""}, label_suffix="")
    form.fields.update(FIELDS.get(verb, _nothing)(saga, asked))
    form.fields["reason"] = reason_field(required=needs_reason)
    return form


def reason_field(
    sentence: str = "Say why; whoever looks at this saga next will want to know.", *, required: bool = True
) -> forms.CharField:
    """Where a person says why; the sentence is for who did not."""
    return forms.CharField(
        label="Why?",
        required=required,
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": sentence},
    )


def defaults_of(verb: str, saga: Saga) -> dict[str, Any]:
    """What the form says before anybody has filled it in: of one row that can be meant, that row."""
    found = {}
    for name, field in FIELDS.get(verb, _nothing)(saga, {}).items():
        if isinstance(field, forms.ChoiceField) and name == "step":
            found[name] = next(iter(field.choices), ("", ""))[0]  # type: ignore[arg-type]
        elif field.initial is not None and field.initial is not False:
            found[name] = field.initial
    return found


def arguments_of(verb: str, cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """What `operations` takes, from what the form said."""
    found: dict[str, Any] = {}
    for name, value in cleaned.items():
        match name:
            case "reason":
                continue
            case "step":
                found |= _row(verb, value)
            case "landed" | "approved":
                found[name] = value == "yes"
            case "input":
                found |= {} if value is None else {"input": value}
            case "at":
                found[name] = value
            case "business_key" | "id":
                found[name] = value or None
            case _:
                found[name] = value
    return found


def _row(verb: str, value: str) -> dict[str, Any]:
    item, _, path = value.partition(":")
    if not path:
        return {}
    return {"step": path} if verb == "decide" else {"step": path, "item": int(item)}


def _nothing(saga: Saga, asked: Mapping[str, Any]) -> Fields:
    return {}


def _retry(saga: Saga, asked: Mapping[str, Any]) -> Fields:
    rows = list(_rows(saga, Q(pk__in=Run.objects.filter(saga_id=saga.pk).retriable(clock.now()).values("pk"))))
    return {"step": _choice([EVERYTHING, *rows]), "input": _input(saga, "Its input")}


def _resolve(saga: Saga, asked: Mapping[str, Any]) -> Fields:
    step = _choice(_rows(saga, resolvable()))
    item, _, name = str(asked.get("step") or next(iter(step.choices), ("", ""))[0]).partition(":")  # type: ignore[arg-type]
    run = Run.objects.filter(saga_id=saga.pk, path=name, item=int(item)).first() if item.isdecimal() else None
    if run is not None and run.kind == Run.Kind.STEP:
        tried = f", last tried at {run.started_at:%Y-%m-%d %H:%M:%S} UTC" if run.started_at else ""
        step.help_text = f"Its participant knows it by the idempotency key {run.action_key}{tried}."
    return {
        "step": step,
        "landed": _yes_or_no("Did it happen?", "It happened", "It did not happen"),
        "result": JSON(label="Its result (JSON), if it happened", required=False),
    }


def _decide(saga: Saga, asked: Mapping[str, Any]) -> Fields:
    found: Fields = {
        "step": _choice(_rows(saga, Q(kind=Run.Kind.APPROVAL, work=Work.WAITING, given__isnull=True))),
        "approved": _yes_or_no("Your decision", "Yes", "No"),
    }
    chosen = str(asked.get("step") or next(iter(found["step"].choices), ("", ""))[0])  # type: ignore[attr-defined]
    row = _row_of(saga, chosen.partition(":")[2])
    if isinstance(row, Approval) and row.form is not None:
        found["form"] = SchemaField(row.form.model_json_schema(), label="What is granted with a yes")
    return found


def _skip(saga: Saga, asked: Mapping[str, Any]) -> Fields:
    return {"step": _choice(_rows(saga, Q(held=True))), "result": JSON(label="Its result (JSON)", required=False)}


def _waive(saga: Saga, asked: Mapping[str, Any]) -> Fields:
    late = Incident.objects.open().filter(saga_id=saga.pk, reason=Reason.LATE_SUCCESS).values("run")
    return {"step": _choice(_rows(saga, Q(undo=Undo.STUCK) | Q(pk__in=late)))}


def _reschedule(saga: Saga, asked: Mapping[str, Any]) -> Fields:
    deadline = [DEADLINE] if saga.deadline_at and not saga.is_going_back else []
    picker = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S")
    return {
        "step": _choice([*_rows(saga, movable(clock.now())), *deadline], label="Which clock"),
        "at": forms.DateTimeField(label="To when (UTC)", widget=picker),
    }


def _signal(saga: Saga, asked: Mapping[str, Any]) -> Fields:
    table = registry.find(saga.definition, saga.version, saga.fingerprint)
    names = sorted({p.row.signal for p in table.walk() if isinstance(p.row, Wait)}) if table else []
    field = _choice([(name, name) for name in names], label="Signal") if names else forms.CharField(max_length=63)
    chosen = str(asked.get("name") or (names[0] if names else ""))
    waits = [p.row for p in table.walk() if isinstance(p.row, Wait) and p.row.signal == chosen] if table else []
    schema = next((wait.schema for wait in waits if wait.schema is not None), None)
    payload = SchemaField(schema.model_json_schema(), label="Payload") if schema else None
    return {
        "name": field,
        "payload": payload or JSON(label="Payload (JSON)", required=False),
        "id": forms.CharField(
            label="Its id", max_length=255, required=False, help_text="The same id is the same signal."
        ),
    }


def _clone(saga: Saga, asked: Mapping[str, Any]) -> Fields:
    confirm = forms.BooleanField(
        label="What it did may be there twice", required=False, help_text="Needed where effects are still in place."
    )
    return {
        "input": _input(saga, "Its input"),
        "business_key": forms.CharField(label="Business key of the new saga", max_length=255, required=False),
        "confirm_effects": confirm,
    }


def _with_children(saga: Saga, asked: Mapping[str, Any]) -> Fields:
    return {"children": forms.BooleanField(label="Its children, too", initial=True, required=False)}


FIELDS: dict[str, Callable[[Saga, Mapping[str, Any]], Fields]] = {
    "retry": _retry,
    "resolve": _resolve,
    "decide": _decide,
    "skip": _skip,
    "waive": _waive,
    "reschedule": _reschedule,
    "signal": _signal,
    "pause": _with_children,
    "resume": _with_children,
    "clone": _clone,
}


def _choice(rows: Any, label: str = "Step") -> forms.ChoiceField:
    choices = list(rows)
    return forms.ChoiceField(label=label, choices=choices, required=all(value for value, _ in choices))


def _rows(saga: Saga, which: Q) -> Iterator[tuple[str, str]]:
    runs = Run.objects.filter(which, saga_id=saga.pk).exclude(kind=Run.Kind.MESSAGE).order_by("id").distinct()
    for run in runs[:MOST_ROWS]:
        yield f"{run.item}:{run.path}", f"{run.path}[{run.item}]" if run.item else run.path


def _yes_or_no(label: str, yes: str, no: str) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=[("yes", yes), ("no", no)], widget=forms.RadioSelect)


def _input(saga: Saga, label: str) -> forms.Field:
    table = registry.find(saga.definition, saga.version, saga.fingerprint)
    if table is None or table.input is None:
        return JSON(label=f"{label} (JSON; empty keeps it as it is)", required=False)
    return SchemaField(table.input.model_json_schema(), label=label, before=shown(saga.input))


def _row_of(saga: Saga, path: str) -> Any:
    table = registry.find(saga.definition, saga.version, saga.fingerprint)
    return table.places[path].row if table and path in table.places else None


def as_text(value: Any) -> str:
    """An argument as it is written down to be compared."""
    match value:
        case datetime():
            return value.isoformat()
        case frozenset():
            return repr(sorted(value))
    return repr(value)
