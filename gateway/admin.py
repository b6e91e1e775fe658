"""The console's page that says which tenant a person belongs to."""

from django.contrib import admin

from gateway import confirming  # noqa: F401 - it listens to logins
from gateway.logins import LoginForm
from gateway.models import Membership


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):
    """Who belongs where; for administrators."""

    list_display = ("user", "tenant", "definitions")
    search_fields = ("user__username", "tenant")
    autocomplete_fields = ("user",)


admin.site.login_form = LoginForm
