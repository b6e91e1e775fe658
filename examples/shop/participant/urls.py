from django.conf import settings
from django.urls import include, path

from examples.shop.participant import views

urlpatterns = [
    path("ledger", views.ledger),
    path("switches", views.switches),
    path("switches/release", views.release),
    path("", include(f"examples.shop.{settings.SERVICE}.views")),
]
