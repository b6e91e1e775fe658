"""Where sealed values of sagas lie; `manage.py reseal` goes through these columns."""

from gateway.resealing import Column
from sagas.events import keeping
from sagas.models import Audit, BulkOperation, InboxEvent, Revision, Run, Saga, Signal
from sagas.record.sealing import resealed

COLUMNS = (
    (Saga, "input"),
    (Revision, "input"),
    (Run, "given"),
    (Run, "result"),
    (Run, "late"),
    (Run, "progress"),
    (Signal, "payload"),
    (Audit, "details"),
    (BulkOperation, "arguments"),
    (InboxEvent, "carried"),
)


def columns() -> list[Column]:
    """All of them."""
    return [*(Column(model, name, resealed) for model, name in COLUMNS), Column(InboxEvent, "body", keeping.resealed)]
