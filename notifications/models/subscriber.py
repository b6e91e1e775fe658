from django.db import models


class Subscriber(models.Model):
    """A receiver that is told what is sent to a topic."""

    tenant = models.CharField(max_length=64)
    topic = models.CharField(max_length=63)
    receiver = models.CharField(max_length=200, help_text="The service's own id of the person.")

    class Meta:
        constraints = [
            # Also finds all subscriptions of a receiver, when it is forgotten.
            models.UniqueConstraint(name="subscriber_once", fields=["tenant", "receiver", "topic"]),
        ]
        indexes = [
            # The fan-out and the API's pages: a topic's subscribers, in chunks.
            models.Index(name="subscriber_of_topic", fields=["tenant", "topic", "id"]),
        ]

    def __str__(self) -> str:
        return f"{self.receiver} of {self.topic}"
