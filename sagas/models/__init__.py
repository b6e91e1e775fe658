"""The tables. A saga row, a run for each of its steps, a journal row for each transaction on it.

Every write to any row of a saga goes through its saga row, locked, and raises `rev`; heartbeats alone do not, they
touch only a run's `at`. Everything live has a clock: `work` is set exactly when `at` is.
"""

from sagas.models.alert import Alert, AlertMessage
from sagas.models.approval import Approval
from sagas.models.arrival import InboxEvent
from sagas.models.bulk import BulkItem, BulkOperation
from sagas.models.callback import Callback
from sagas.models.event import EventLane, OutboxEvent
from sagas.models.hold import Hold
from sagas.models.incident import Incident, IncidentGroup
from sagas.models.proposal import Proposal
from sagas.models.run import Run, Work
from sagas.models.saga import Cause, Going, Saga
from sagas.models.signal import Signal
from sagas.models.trail import Audit, Journal, Revision
from sagas.models.view import SavedView
from sagas.models.worker import Sweep, Worker

__all__ = [
    "Alert",
    "AlertMessage",
    "Approval",
    "Audit",
    "BulkItem",
    "BulkOperation",
    "Callback",
    "Cause",
    "EventLane",
    "Going",
    "Hold",
    "InboxEvent",
    "Incident",
    "IncidentGroup",
    "Journal",
    "OutboxEvent",
    "Proposal",
    "Revision",
    "Run",
    "Saga",
    "SavedView",
    "Signal",
    "Sweep",
    "Work",
    "Worker",
]
