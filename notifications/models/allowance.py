from django.db import models


class Allowance(models.Model):
    """What one address was sent within the last hour, of one category or through one channel: the times, and no more.

    The row is also the lock under which two workers agree on who sends the last one that is within the limit.
    """

    key = models.CharField(primary_key=True, max_length=64, help_text="A hash of tenant, category, channel, address.")
    times = models.JSONField(default=list, help_text="Seconds since 1970, the oldest first.")
    over_at = models.DateTimeField(help_text="From then on it says nothing any more.")

    class Meta:
        indexes = [
            # The sweep: what says nothing any more?
            models.Index(name="allowance_over", fields=["over_at"]),
        ]

    def __str__(self) -> str:
        return self.key
