from django.db.models import QuerySet

from sagas.models.run import Run, Work


class Approval(Run):
    """A row that waits for a person's yes or no, as the console's inbox has it."""

    class Meta:
        proxy = True
        default_permissions = ()  # who may decide is said by the approval's group

    @staticmethod
    def waiting() -> QuerySet[Run]:
        """Approvals that nobody has decided, with their sagas."""
        found = Run.objects.filter(kind=Run.Kind.APPROVAL, work=Work.WAITING, given__isnull=True)
        return found.select_related("saga")
