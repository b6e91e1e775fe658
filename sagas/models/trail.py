from django.db import models


class Journal(models.Model):
    """One row for each transaction on a saga, with all its moves; a second writer at one `rev` cannot commit."""

    # As of runs: the same statement has just written the saga.
    saga = models.ForeignKey(
        "sagas.Saga", on_delete=models.CASCADE, related_name="journal", db_index=False, db_constraint=False
    )
    rev = models.BigIntegerField()
    actor = models.CharField(max_length=150)
    moves = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["saga_id", "rev"]
        constraints = [models.UniqueConstraint(name="journal_one_writer", fields=["saga", "rev"])]

    def __str__(self) -> str:
        return f"{self.saga_id} rev {self.rev}"


class Audit(models.Model):
    """What a person or a service decided; rows are only ever added.

    Of what is not about one saga, such as the hold of a participant, `saga` is null and `path` says what it is about.
    """

    saga = models.ForeignKey("sagas.Saga", null=True, blank=True, on_delete=models.CASCADE, related_name="audit")
    tenant = models.CharField(max_length=64)
    verb = models.CharField(max_length=20)
    path = models.CharField(max_length=80, blank=True, default="")
    item = models.PositiveIntegerField(default=0)
    details = models.JSONField(default=dict, blank=True)
    actor = models.CharField(max_length=150)
    reason = models.TextField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [
            # The audit log, newest first; of one verb, and of one person, who may be rare among the others.
            models.Index(name="audit_list", fields=["tenant", "-id"]),
            models.Index(name="audit_of_verb", fields=["tenant", "verb", "-id"]),
            models.Index(name="audit_of_actor", fields=["tenant", "actor", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.verb} by {self.actor}"


class Revision(models.Model):
    """An input that was replaced by an operator's edit: earlier steps keep the one that they ran with."""

    saga = models.ForeignKey("sagas.Saga", on_delete=models.CASCADE, related_name="revisions", db_index=False)
    rev = models.PositiveIntegerField()
    input = models.JSONField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(name="revision_once", fields=["saga", "rev"])]

    def __str__(self) -> str:
        return f"input {self.rev} of {self.saga_id}"
