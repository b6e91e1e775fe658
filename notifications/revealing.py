"""The one page of the console that shows an address and what was said: to whom it is permitted, and with a trace."""

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache

from gateway.callers import tenant_of
from gateway.limits import clean_text
from notifications.models import Event, Notification

PERMISSION = "notifications.reveal_notification"
LONGEST_REASON = 500


@never_cache
def page(request: HttpRequest, pk: UUID, console: Any) -> HttpResponse:
    """GET asks for the reason; POST writes down who looks and why, and then shows it, once."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    rows = Notification.objects.filter(tenant=tenant_of(request.user), pk=pk, forgotten_at=None)  # type: ignore[arg-type]
    notification = rows.prefetch_related("deliveries").first()
    if notification is None:
        raise Http404
    reason = clean_text(request.POST.get("reason", "").strip(), LONGEST_REASON)
    shown = request.method == "POST" and bool(reason)
    if shown:
        actor = f"person:{request.user.get_username()}"
        Event.objects.create(notification=notification, kind="revealed", detail=reason, actor=actor)
    context = {
        **console.admin_site.each_context(request),
        "title": "Reveal a message",
        "opts": console.opts,
        "notification": notification,
        "shown": shown,
        "reason_missing": request.method == "POST" and not reason,
    }
    return TemplateResponse(request, "notifications/reveal.html", context)
