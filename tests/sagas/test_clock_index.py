"""The looks at the clocks of all sagas use their index on both databases."""

import pytest
from django.utils import timezone

from sagas.models import Run
from sagas.models.run import RunQuerySet

pytestmark = pytest.mark.django_db


@pytest.mark.only_on("sqlite")  # what PostgreSQL does is seen over full tables
@pytest.mark.parametrize("look", [RunQuerySet.due, RunQuerySet.overdue, RunQuerySet.timed_out, RunQuerySet.late])
def test_sqlite_finds_what_is_due_by_the_clock_index(look) -> None:
    assert "USING INDEX run_clock (<expr>=? AND at<?)" in look(Run.objects.all(), timezone.now()).explain()
