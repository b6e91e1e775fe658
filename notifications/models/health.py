from django.db import models
from django.db.models.functions import Now


class ProviderHealth(models.Model):
    """What is known of a provider by all processes: its failures in a row, until when it is left alone, its rate.

    The settings name the providers; a row is made with the first failure, or the first message of one with a rate.
    """

    name = models.CharField(primary_key=True, max_length=63)
    failures = models.PositiveIntegerField(default=0)
    open_until = models.DateTimeField(null=True, blank=True, help_text="Left alone until then; then one message tries.")
    free_at = models.DateTimeField(null=True, blank=True, help_text="When the next message is within its rate.")
    line_at = models.DateTimeField(null=True, blank=True, help_text="When the end of the line before it has its turn.")
    error = models.TextField(blank=True, default="")
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "provider health"

    def __str__(self) -> str:
        return self.name
