"""What an error of the database means to who sits at the terminal, and what to do about it."""

from django.db import DatabaseError, InterfaceError, OperationalError

TABLES = ("no such table", "no such column", "UndefinedTable", "UndefinedColumn")


def sentence(error: BaseException) -> str | None:
    """One sentence for a database that is away or has not the tables of this code; None for every other error."""
    if not isinstance(error, DatabaseError | InterfaceError):
        return None
    said = " ".join(str(error).split()) or type(error).__name__
    if any(mark in f"{type(error.__cause__).__name__} {said}" for mark in TABLES):
        return f"The database lacks what this code needs ({said.partition(' LINE ')[0]}): run manage.py migrate."
    if isinstance(error, OperationalError | InterfaceError):
        return f"The database does not answer: {said.rstrip('.')}. See whether it runs, and where DATABASE_URL leads."
    return None
