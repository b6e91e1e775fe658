"""Who is next among what is due: the higher priority, then the definitions in turn, then who has been due for longest.

The broker does the same with its lanes; this is for those who look into the database: the look at the door, and the
sweep that rings again.
"""

from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber, Sign

from sagas.models import Run
from sagas.models.run import RunQuerySet


def in_turn(due: RunQuerySet, most: int) -> QuerySet[Run]:
    """So many of these due runs at most, the next one first.

    It reads all that are due to find them, so ask for many and seldom.
    """
    level = Sign("priority")
    place = Window(RowNumber(), partition_by=[level, F("saga__definition")], order_by=["at", "pk"])
    return due.annotate(level=level, place=place).order_by("-level", "place", "at", "pk")[:most]
