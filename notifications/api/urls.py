"""Addresses of the notification service, below wherever the project includes them."""

from django.urls import path

from notifications.api.batch import Batch
from notifications.api.views import Cancel, Notifications, OneNotification, Retry

app_name = "notifications"

urlpatterns = [
    path("", Notifications.as_view(), name="notifications"),
    path("batch/", Batch.as_view(), name="batch"),
    path("<uuid:pk>/", OneNotification.as_view(), name="notification"),
    path("<uuid:pk>/cancel/", Cancel.as_view(), name="cancel"),
    path("<uuid:pk>/retry/", Retry.as_view(), name="retry"),
]
