"""Addresses of the coordinator, below wherever the project includes them."""

from django.urls import path

from sagas.api import doors

app_name = "sagas"

urlpatterns = [
    path("", doors.SagasDoor.as_view(), name="sagas"),
    path("<uuid:pk>/", doors.OneSagaDoor.as_view(), name="saga"),
    path("<uuid:pk>/steps/", doors.StepsDoor.as_view(), name="steps"),
    path("<uuid:pk>/journal/", doors.JournalDoor.as_view(), name="journal"),
    path("<uuid:pk>/cancel/", doors.CancelDoor.as_view(), name="cancel"),
    path("<uuid:pk>/retry/", doors.RetryDoor.as_view(), name="retry"),
]
