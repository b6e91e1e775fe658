"""The console's pages: what was sent, what was not, and why. Nothing is edited here."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from notifications.masking import masked_receiver
from notifications.models import Attempt, Notification


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


class AttemptInline(ReadOnly, admin.TabularInline):
    """The attempts below their notification."""

    model = Attempt
    fields = ("number", "channel", "result", "code", "error", "provider_id", "started_at", "ended_at")
    readonly_fields = fields
    extra = 0


@admin.register(Notification)
class NotificationAdmin(ReadOnly, admin.ModelAdmin):
    """The list by status, the newest first; the page of one notification with all that was tried."""

    list_display = ("id", "status", "to", "channel", "tries", "error", "created_at")
    list_filter = ("status", "channel")
    search_fields = ("id__exact",)
    search_help_text = "The id of a notification."
    ordering = ("-id",)
    show_full_result_count = False
    list_per_page = 50
    inlines = (AttemptInline,)
    fieldsets = (
        (None, {"fields": ("id", "status", "error", "receiver", "content")}),
        ("Delivery", {"fields": ("channel", "tries", "due_at", "lease_until", "provider_id")}),
        ("Origin", {"fields": ("tenant", "caller", "traceparent", "created_at", "updated_at", "ended_at")}),
    )

    @admin.display(description="to")
    def to(self, notification: Notification) -> str:
        """The receiver, masked: a list is seen by many."""
        return masked_receiver(notification.receiver)
