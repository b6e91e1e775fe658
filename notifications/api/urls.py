"""Addresses of the notification service, below wherever the project includes them."""

from django.urls import path

from notifications.api.views import Notifications, OneNotification

app_name = "notifications"

urlpatterns = [
    path("", Notifications.as_view(), name="notifications"),
    path("<uuid:pk>/", OneNotification.as_view(), name="notification"),
]
