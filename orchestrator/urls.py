"""Addresses: the console, the API of each app, and the probes."""

from django.contrib import admin
from django.urls import include, path

from gateway import health

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/sagas/", include("sagas.api.urls")),
    path("api/v1/notifications/", include("notifications.api.urls")),
    path("livez", health.livez),
    path("readyz", health.readyz),
]
