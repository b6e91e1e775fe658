"""The console's pages: what was sent, what was not, and why. Nothing is edited; what failed can be tried once more.

Everybody sees the rows of their own tenant.
"""

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from gateway.callers import Caller, tenant_of
from gateway.limits import clean_text
from notifications import operations, revealing, wording
from notifications.masking import masked, masked_receiver
from notifications.models import (
    Attempt,
    Delivery,
    Erasure,
    Event,
    MessageTemplate,
    Notification,
    ProviderHealth,
    Receiver,
    Suppression,
)
from notifications.providers import standings
from notifications.sealed import marks_of
from notifications.templating import Unrenderable
from notifications.timeline import timeline

MOST_AT_ONCE = 200


class ReadOnly:
    """Pages that show and change nothing, whatever permissions somebody has."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False


class OnlyItsFilters(admin.ModelAdmin):
    """A list that is narrowed by what stands beside it, and by nothing else that the database could be asked."""

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """The filters' own questions."""
        return lookup in {f"{name}{how}" for name in self.list_filter for how in ("", "__exact", "__isnull")}


class OfTenant(ReadOnly, OnlyItsFilters):
    """A list of the rows of one tenant."""

    show_full_result_count = False
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Only those of the person's tenant."""
        return super().get_queryset(request).filter(tenant=tenant_of(request.user))  # type: ignore[arg-type]


class DeliveryInline(ReadOnly, admin.TabularInline):
    """The channels that were tried."""

    model = Delivery
    verbose_name_plural = "deliveries"
    fields = ("channel", "to", "status", "provider_id", "created_at", "ended_at")
    readonly_fields = fields
    extra = 0

    def to(self, delivery: Delivery) -> str:
        """The address, masked."""
        return masked(delivery.address)


class AttemptInline(ReadOnly, admin.TabularInline):
    """The attempts below their notification."""

    model = Attempt
    fields = ("number", "provider", "result", "code", "error", "provider_id", "started_at", "ended_at")
    readonly_fields = fields
    extra = 0


class EventInline(ReadOnly, admin.TabularInline):
    """What happened beside the attempts."""

    model = Event
    fields = ("at", "kind", "detail", "actor")
    readonly_fields = fields
    extra = 0


@admin.register(Notification)
class NotificationAdmin(OfTenant):
    """The list by status, the newest first; the page of one notification with its timeline."""

    list_display = ("id", "status", "to", "channel", "category", "tries", "error", "created_at")
    list_filter = ("status", "channel", "category")
    search_fields = ("id__exact",)
    search_help_text = "The id of a notification."
    ordering = ("-id",)
    inlines = (DeliveryInline, AttemptInline, EventInline)
    actions = ("send_again",)
    readonly_fields = ("timeline", "said_in", "to", "words")
    fieldsets = (
        (None, {"fields": ("id", "status", "error", "timeline", "to", "words")}),
        ("Delivery", {"fields": ("channel", "category", "rank", "tries", "due_at", "expires_at", "lease_until")}),
        ("Digest", {"fields": ("said_in", "digest_key", "digest_size", "collected_until")}),
        (
            "Origin",
            {
                "fields": (
                    "tenant",
                    "caller",
                    "template",
                    "locale",
                    "metadata",
                    "traceparent",
                    "created_at",
                    "updated_at",
                    "ended_at",
                    "forgotten_at",
                )
            },
        ),
    )

    @admin.display(description="to")
    def to(self, notification: Notification) -> str:
        """The receiver, masked: a list is seen by many."""
        return masked_receiver(notification.receiver)

    def timeline(self, notification: Notification) -> SafeString:
        """What happened, in order: its events and its attempts together."""
        rows = [(moment.at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3], moment.what) for moment in timeline(notification)]
        return format_html_join("", "<div><time>{}</time> {}</div>", rows)

    @admin.display(description="digest")
    def said_in(self, notification: Notification) -> str:
        """The digest that it is part of."""
        if notification.digest_id is None:
            return "-"
        address = reverse("admin:notifications_notification_change", args=[notification.digest_id])
        return format_html('<a href="{}">{}</a>', address, notification.digest_id)

    @admin.display(description="content")
    def words(self, notification: Notification) -> SafeString | str:
        """What it says is not shown: it may be a one-time code. Who may, can have it shown, and leaves a trace."""
        if notification.forgotten_at is not None:
            return "It is not kept any more."
        size = sum(len(str(part)) for part in notification.content.values())
        where = reverse("admin:notifications_notification_reveal", args=[notification.pk])
        return format_html('{} characters, sealed. <a href="{}">Reveal …</a>', size, where)

    def get_urls(self) -> list[Any]:
        """And the page that reveals."""
        page = self.admin_site.admin_view(partial(revealing.page, console=self))
        return [path("<uuid:pk>/reveal/", page, name="notifications_notification_reveal"), *super().get_urls()]

    def has_resend_permission(self, request: HttpRequest) -> bool:
        """Who may try something once more."""
        return request.user.has_perm("notifications.change_notification")

    @admin.action(description="Send again (failed, bounced, unknown, suppressed, skipped)", permissions=["resend"])
    def send_again(self, request: HttpRequest, chosen: QuerySet[Notification]) -> HttpResponse | None:
        """First a page that says of each what would happen, then the deed, and what came of each."""
        rows = list(chosen.order_by("-id")[:MOST_AT_ONCE])
        reason = clean_text(request.POST.get("reason", "").strip(), revealing.LONGEST_REASON)
        if "confirmed" in request.POST and reason:
            self._send_again(request, rows, reason)
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": "Send again",
            "rows": [(row, masked_receiver(row.receiver), _prospect(row)) for row in rows],
            "more": chosen.count() - len(rows),
            "checkbox": ACTION_CHECKBOX_NAME,
            "opts": self.opts,
            "reason_missing": "confirmed" in request.POST,
        }
        return TemplateResponse(request, "notifications/send_again.html", context)

    def _send_again(self, request: HttpRequest, rows: list[Notification], reason: str) -> None:
        user = request.user
        caller = Caller(name=f"person:{user.get_username()}", tenant=tenant_of(user), person=user)  # type: ignore[arg-type]
        queued, refused = 0, []
        for row in rows:
            try:
                operations.retry(caller, row.pk, reason)
                queued += 1
            except (operations.NotAllowed, Notification.DoesNotExist) as error:
                refused.append(f"{row.pk}: {error}")
        messages.info(request, f"{queued} of {len(rows)} are queued again; their pages say what comes of it.")
        for sentence in refused:
            messages.warning(request, sentence)


@admin.register(ProviderHealth)
class ProviderHealthAdmin(ReadOnly, admin.ModelAdmin):
    """Every provider of the settings with its circuit breaker: what goes to it, and until when it is left alone."""

    list_display = ("name", "failures", "open_until", "error", "changed_at")
    ordering = ("name",)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Also those that never failed: a page of troubles alone does not say what there is."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": "Providers",
            "standings": standings(timezone.now()),
            "opts": self.opts,
        }
        return TemplateResponse(request, "notifications/providers.html", context)


@admin.register(Suppression)
class SuppressionAdmin(OfTenant):
    """The addresses to which nothing is sent, masked; searched for by the whole address."""

    list_display = ("to", "channel", "category", "reason", "detail", "created_at")
    list_filter = ("reason", "channel")
    search_fields = ("mark__exact",)
    search_help_text = "The whole address."
    ordering = ("-id",)
    fields = ("to", "channel", "category", "reason", "detail", "created_at")
    readonly_fields = ("to",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By what the address is recognised by, since nothing else of it can be read."""
        return (queryset.filter(mark__in=marks_of(search_term)) if search_term else queryset), False

    def to(self, suppression: Suppression) -> str:
        """The address, masked."""
        return masked(suppression.address)


@admin.register(Receiver)
class ReceiverAdmin(OfTenant):
    """What is kept of people: what they want, and not where they live."""

    list_display = ("key", "locale", "timezone", "quiet_from", "quiet_to", "updated_at")
    search_fields = ("key__exact",)
    ordering = ("key",)
    fields = ("key", "reached", "locale", "timezone", "quiet_from", "quiet_to", "preferences", "updated_at")
    readonly_fields = ("reached",)

    @admin.display(description="addresses")
    def reached(self, receiver: Receiver) -> str:
        """The addresses, masked."""
        return masked_receiver(receiver.addresses)


@admin.register(Erasure)
class ErasureAdmin(OfTenant):
    """Who was forgotten cannot be told any more; that somebody was, by whom and why, can."""

    list_display = ("id", "notifications", "cancelled", "actor", "reason", "created_at", "ended_at")
    ordering = ("-id",)
    fields = list_display


@admin.register(MessageTemplate)
class MessageTemplateAdmin(OfTenant):
    """The templates' versions, each with what it says of its example."""

    list_display = ("name", "version", "locale", "published_at", "author", "created_at")
    search_fields = ("name__exact",)
    fields = ("name", "version", "preview", "texts", "fields", "example", "published_at", "author", "created_at")
    readonly_fields = ("preview",)

    def preview(self, template: MessageTemplate) -> SafeString:
        """The example in every locale, as text."""
        return format_html_join(
            "", "<h4>{}</h4><pre>{}</pre>", [(name, _said(template, name)) for name in template.texts]
        )


def _prospect(notification: Notification) -> str:
    if "retry" not in operations.allowed(notification):
        if notification.digest_id is not None:
            return f"It is part of the digest {notification.digest_id}: nothing will be done; choose that."
        return f"It is {notification.status}: nothing will be done."
    if notification.status == "unknown":
        return "It may have arrived already, and would arrive twice."
    return "It is looked at again, and sent if its receiver can be reached."


def _said(template: MessageTemplate, locale: str) -> str:
    try:
        said = wording.said(template, template.example, locale)
    except Unrenderable as error:
        return str(error)
    return "\n\n".join(said[part] for part in ("subject", "text") if part in said)
