from django.db import models
from django.db.models.functions import Now


class MessageTemplate(models.Model):
    """One version of a template: its texts by locale, and what its data look like. A published one never changes."""

    tenant = models.CharField(max_length=64)
    name = models.CharField(max_length=63)
    version = models.PositiveIntegerField()
    locale = models.CharField(max_length=35, help_text="The one for receivers of which none is known, or another.")
    texts = models.JSONField(help_text="By locale: subject, text, html.")
    fields = models.JSONField(default=dict, help_text='The data: {"order_id": "text", "note": "text?"}.')
    example = models.JSONField(default=dict, help_text="Data that fit, for the preview.")
    published_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    author = models.CharField(max_length=200)

    class Meta:
        ordering = ["name", "-version"]
        constraints = [
            models.UniqueConstraint(name="template_version_once", fields=["tenant", "name", "version"]),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"
