"""Addresses of the notification service, below wherever the project includes them."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from notifications.api.batch import Batch
from notifications.api.cancelling import Cancel, CancelByKey
from notifications.api.erasures import Erasures, OneErasure
from notifications.api.inbox import InboxDoor, ReadDoor
from notifications.api.providers import ProviderEvents, Providers
from notifications.api.receivers import OneReceiver
from notifications.api.suppressions import OneSuppression, Suppressions, unsubscribe
from notifications.api.templates import Preview, Publish, Templates
from notifications.api.topics import OneSubscriber, Subscribers
from notifications.api.views import Notifications, OneNotification, Retry

app_name = "notifications"


class StorableConverter(StringConverter):
    """Text that a database can be asked for; with U+0000 in it there is nothing at the address."""

    regex = r"[^/\x00]+"


register_converter(StorableConverter, "storable")

urlpatterns = [
    path("", Notifications.as_view(), name="notifications"),
    path("by-key/<path:key>/cancel/", CancelByKey.as_view(), name="cancel_by_key"),
    path("batch/", Batch.as_view(), name="batch"),
    path("erasures/", Erasures.as_view(), name="erasures"),
    path("erasures/<uuid:pk>/", OneErasure.as_view(), name="erasure"),
    path("providers/", Providers.as_view(), name="providers"),
    path("providers/<slug:name>/events/", ProviderEvents.as_view(), name="events"),
    path("receivers/<storable:key>/inbox/", InboxDoor.as_view(), name="inbox"),
    path("receivers/<storable:key>/inbox/<uuid:pk>/read/", ReadDoor.as_view(), name="read"),
    path("receivers/<storable:key>/", OneReceiver.as_view(), name="receiver"),
    path("suppressions/", Suppressions.as_view(), name="suppressions"),
    path("suppressions/<uuid:pk>/", OneSuppression.as_view(), name="suppression"),
    path("templates/<slug:name>/", Templates.as_view(), name="templates"),
    path("templates/<slug:name>/<int:version>/publish/", Publish.as_view(), name="publish"),
    path("templates/<slug:name>/<int:version>/preview/", Preview.as_view(), name="preview"),
    path("topics/<slug:topic>/subscribers/", Subscribers.as_view(), name="subscribers"),
    path("topics/<slug:topic>/subscribers/<storable:key>/", OneSubscriber.as_view(), name="subscriber"),
    path("unsubscribe/<str:token>/", unsubscribe, name="unsubscribe"),
    path("<uuid:pk>/", OneNotification.as_view(), name="notification"),
    path("<uuid:pk>/cancel/", Cancel.as_view(), name="cancel"),
    path("<uuid:pk>/retry/", Retry.as_view(), name="retry"),
]
