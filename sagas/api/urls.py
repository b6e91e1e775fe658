"""Addresses of the coordinator, below wherever the project includes them."""

from django.urls import include, path

from sagas.api import (
    alerts,
    approvals,
    batch,
    bulk,
    definitions,
    events,
    incidents,
    participants,
    parts,
    posting,
    proposals,
    revealing,
    sagas,
    shapes,
    signals,
)
from sagas.api.callbacks import CallbackDoor
from sagas.api.verbs import CloneDoor, DecideDoor, verb_door

app_name = "sagas"

STEP = {"step": "charge"}
VERBS = {
    "cancel": verb_door("cancel", shapes.VerbIn, {}),
    "compensate": verb_door("compensate", shapes.VerbIn, {}),
    "pause": verb_door("pause", shapes.HaltIn, {"children": True}),
    "resume": verb_door("resume", shapes.HaltIn, {"children": True}),
    "retry": verb_door("retry", shapes.RetryIn, STEP),
    "skip": verb_door("skip", shapes.SkipIn, {**STEP, "result": {"charge_id": "ch_9"}}),
    "resolve": verb_door("resolve", shapes.ResolveIn, {**STEP, "landed": True, "result": {"charge_id": "ch_9"}}),
    "decide": verb_door("decide", shapes.DecideIn, {"step": "released", "approved": True}, DecideDoor),
    "reschedule": verb_door("reschedule", shapes.RescheduleIn, {"at": "2026-03-02T08:00:00Z"}),
    "waive": verb_door("waive", shapes.StepIn, STEP),
    "give_up": verb_door("give_up", shapes.VerbIn, {}),
    "tell_again": verb_door("tell_again", shapes.VerbIn, {}),
    "clone": verb_door("clone", shapes.CloneIn, {"confirm_effects": True}, CloneDoor),
}

of_sagas = [
    path("", sagas.SagasDoor.as_view(), name="sagas"),
    path("batch/", batch.BatchDoor.as_view(), name="batch"),
    path("by-key/<str:definition>/<path:key>/signals/<str:name>/", signals.SignalByKeyDoor.as_view(), name="by_key"),
    path("<uuid:pk>/", parts.OneSagaDoor.as_view(), name="saga"),
    path("<uuid:pk>/steps/", parts.StepsDoor.as_view(), name="steps"),
    path("<uuid:pk>/journal/", parts.JournalDoor.as_view(), name="journal"),
    path("<uuid:pk>/signals/", parts.SignalsDoor.as_view(), name="signals"),
    path("<uuid:pk>/signals/<str:name>/", signals.SignalDoor.as_view(), name="signal"),
    path("<uuid:pk>/incidents/", parts.IncidentsDoor.as_view(), name="incidents"),
    path("<uuid:pk>/events/", events.EventsDoor.as_view(), name="events"),
    path("<uuid:pk>/reveal/", revealing.RevealDoor.as_view(), name="reveal"),
    path("<uuid:pk>/diagram.svg", definitions.SagaPicture.as_view(), name="picture"),
    *(path(f"<uuid:pk>/{verb.replace('_', '-')}/", view, name=verb) for verb, view in VERBS.items()),
]

urlpatterns = [
    path("sagas/", include(of_sagas)),
    path("definitions/", definitions.DefinitionsDoor.as_view(), name="definitions"),
    path("definitions/<str:name>/", definitions.DefinitionDoor.as_view(), name="definition"),
    path("definitions/<str:name>/diagram.svg", definitions.DefinitionPicture.as_view(), name="definition_picture"),
    path("incidents/", incidents.GroupsDoor.as_view(), name="groups"),
    path("incidents/<str:group>/assign/", incidents.AssignDoor.as_view(), name="assign"),
    path("incidents/<str:group>/note/", incidents.NoteDoor.as_view(), name="note"),
    path("incidents/<str:group>/mute/", incidents.MuteDoor.as_view(), name="mute"),
    path("alerts/", alerts.AlertsDoor.as_view(), name="alerts"),
    path("participants/", participants.ParticipantsDoor.as_view(), name="participants"),
    *(
        path(f"participants/<path:name>/{verb}/", view, name=f"{verb}_participant")
        for verb, view in participants.VERBS.items()
    ),
    path("participants/<path:name>/", participants.OneParticipantDoor.as_view(), name="participant"),
    path("events/", posting.EventsOverviewDoor.as_view(), name="post"),
    path("events/out/", posting.OutboxDoor.as_view(), name="outbox"),
    path("events/in/", posting.InboxDoor.as_view(), name="inbox"),
    *(
        path(f"events/{direction}/{verb}/", posting.letters_door(verb, direction), name=f"{verb}_{direction}")
        for direction in ("out", "in")
        for verb in ("replay", "drop")
    ),
    path("approvals/", approvals.ApprovalsDoor.as_view(), name="approvals"),
    path("proposals/", proposals.ProposalsDoor.as_view(), name="proposals"),
    *(path(f"proposals/<uuid:pk>/{how}/", proposals.deciding_door(how), name=how) for how in ("approve", "refuse")),
    path("operations/", bulk.BulksDoor.as_view(), name="bulks"),
    path("operations/<uuid:pk>/", bulk.OneBulkDoor.as_view(), name="bulk"),
    path("operations/<uuid:pk>/items/", bulk.ItemsDoor.as_view(), name="items"),
    *(path(f"operations/<uuid:pk>/{how}/", bulk.steer_door(how), name=f"{how}_bulk") for how in bulk.STEERING),
    path("callbacks/<str:token>/", CallbackDoor.as_view(), name="callback"),
]
