from django.db import models
from django.db.models.functions import Now

from notifications.sealed import SealedJSON


class Receiver(models.Model):
    """A person as a service knows it: where it can be reached, when, and with what."""

    tenant = models.CharField(max_length=64)
    key = models.CharField(max_length=200, help_text="The service's own id of the person.")
    addresses = SealedJSON(default=dict, blank=True, help_text="By kind, such as email and phone.")
    locale = models.CharField(max_length=35, blank=True, default="")
    timezone = models.CharField(max_length=63, blank=True, default="")
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_to = models.TimeField(null=True, blank=True)
    preferences = models.JSONField(default=dict, blank=True, help_text='{"news": {"email": false}}; "*" is every.')
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(name="receiver_once", fields=["tenant", "key"]),
        ]

    def __str__(self) -> str:
        return self.key

    def wants(self, category: str, channel: str) -> bool:
        """Whether it wants this kind of message there; what is said of the category outweighs what is said of all."""
        for kind in (category, "*"):
            said = self.preferences.get(kind, {})
            for where in (channel, "*"):
                if where in said:
                    return bool(said[where])
        return True
