"""Addresses of the coordinator, below wherever the project includes them."""

from django.urls import path

from sagas.api import doors, shapes
from sagas.api.doors import verb_door

app_name = "sagas"

VERBS = {
    "cancel": verb_door("cancel", shapes.VerbIn),
    "compensate": verb_door("compensate", shapes.VerbIn),
    "pause": verb_door("pause", shapes.HaltIn),
    "resume": verb_door("resume", shapes.HaltIn),
    "retry": verb_door("retry", shapes.RetryIn),
    "skip": verb_door("skip", shapes.SkipIn),
    "resolve": verb_door("resolve", shapes.ResolveIn),
    "decide": verb_door("decide", shapes.DecideIn, doors.DecideDoor),
    "reschedule": verb_door("reschedule", shapes.RescheduleIn),
    "waive": verb_door("waive", shapes.StepIn),
    "give_up": verb_door("give_up", shapes.VerbIn),
    "clone": verb_door("clone", shapes.CloneIn, doors.CloneDoor),
}

urlpatterns = [
    path("", doors.SagasDoor.as_view(), name="sagas"),
    path("by-key/<str:definition>/<path:key>/signals/<str:name>/", doors.SignalByKeyDoor.as_view(), name="by_key"),
    path("<uuid:pk>/", doors.OneSagaDoor.as_view(), name="saga"),
    path("<uuid:pk>/steps/", doors.StepsDoor.as_view(), name="steps"),
    path("<uuid:pk>/journal/", doors.JournalDoor.as_view(), name="journal"),
    path("<uuid:pk>/signals/", doors.SignalsDoor.as_view(), name="signals"),
    path("<uuid:pk>/signals/<str:name>/", doors.SignalDoor.as_view(), name="signal"),
    path("<uuid:pk>/incidents/", doors.IncidentsDoor.as_view(), name="incidents"),
    *(path(f"<uuid:pk>/{verb.replace('_', '-')}/", view, name=verb) for verb, view in VERBS.items()),
]
