from django.db import models
from django.db.models.functions import Now


class ProviderHealth(models.Model):
    """What is known of a provider by all processes: its failures in a row, and until when it is left alone.

    The settings name the providers; a row is made with the first failure.
    """

    name = models.CharField(primary_key=True, max_length=63)
    failures = models.PositiveIntegerField(default=0)
    open_until = models.DateTimeField(null=True, blank=True, help_text="Left alone until then; then one message tries.")
    error = models.TextField(blank=True, default="")
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "provider health"

    def __str__(self) -> str:
        return self.name
