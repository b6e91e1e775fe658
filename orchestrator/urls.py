"""Addresses: the console, the API of each app that this process serves, and the probes."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from gateway import health, metrics

admin.site.site_header = admin.site.site_title = "Orchestrator"

urlpatterns: list[URLPattern | URLResolver] = [
    # Django's way from a row to its page on the site, which none of ours has; it falls over ids that are no UUIDs.
    path("admin/r/<path:address>", RedirectView.as_view()),
]
if "sagas" in settings.SERVES:
    from sagas.admin.home import home

    urlpatterns += [
        path("admin/", home, name="home"),
        path("admin/all/", admin.site.admin_view(admin.site.index), name="all"),
        path("api/v1/", include("sagas.api.urls")),
        path("approvals/", include("sagas.approvals.urls")),
    ]
urlpatterns += [
    path("admin/", admin.site.urls),
    path("api/v1/schema/", SpectacularJSONAPIView.as_view(), name="schema"),
    path("api/v1/docs/", SpectacularSwaggerSplitView.as_view(template_name="gateway/docs.html"), name="docs"),
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("metrics", metrics.metrics),
]
if "notifications" in settings.SERVES:
    urlpatterns += [path("api/v1/notifications/", include("notifications.api.urls"))]

handler400 = "gateway.problems.not_understood"
handler403 = "gateway.problems.not_permitted"
handler404 = "gateway.problems.nothing_here"
handler500 = "gateway.problems.our_fault"
