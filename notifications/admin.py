"""The console's pages: what was sent, what was not, and why. Nothing is edited here."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from notifications.masking import masked, masked_receiver
from notifications.models import Attempt, Delivery, Event, Notification, ProviderHealth


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


class DeliveryInline(ReadOnly, admin.TabularInline):
    """The channels that were tried."""

    model = Delivery
    fields = ("channel", "to", "status", "provider_id", "captured", "created_at", "ended_at")
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
class NotificationAdmin(ReadOnly, OnlyItsFilters):
    """The list by status, the newest first; the page of one notification with its timeline."""

    list_display = ("id", "status", "to", "channel", "category", "tries", "error", "created_at")
    list_filter = ("status", "channel", "category")
    search_fields = ("id__exact",)
    search_help_text = "The id of a notification."
    ordering = ("-id",)
    show_full_result_count = False
    list_per_page = 50
    inlines = (DeliveryInline, AttemptInline, EventInline)
    fieldsets = (
        (None, {"fields": ("id", "status", "error", "receiver", "content")}),
        ("Delivery", {"fields": ("channel", "category", "rank", "tries", "due_at", "expires_at", "lease_until")}),
        ("Origin", {"fields": ("tenant", "caller", "metadata", "traceparent", "created_at", "updated_at", "ended_at")}),
    )

    @admin.display(description="to")
    def to(self, notification: Notification) -> str:
        """The receiver, masked: a list is seen by many."""
        return masked_receiver(notification.receiver)


@admin.register(ProviderHealth)
class ProviderHealthAdmin(ReadOnly, OnlyItsFilters):
    """The providers that failed lately, and until when each is left alone."""

    list_display = ("name", "failures", "open_until", "error", "changed_at")
    ordering = ("name",)
