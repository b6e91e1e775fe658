"""The console of the person on call, on stock Django admin. Nothing is edited here; verbs are called."""

from sagas.admin.alerts import AlertAdmin
from sagas.admin.approvals import ApprovalAdmin
from sagas.admin.audit import AuditAdmin
from sagas.admin.bulk import BulkAdmin
from sagas.admin.incidents import IncidentAdmin
from sagas.admin.keys import KeyAdmin
from sagas.admin.participants import HoldAdmin
from sagas.admin.posting import EventAdmin
from sagas.admin.proposals import ProposalAdmin
from sagas.admin.saga import SagaAdmin
from sagas.admin.workers import WorkerAdmin

__all__ = [
    "AlertAdmin",
    "ApprovalAdmin",
    "AuditAdmin",
    "BulkAdmin",
    "EventAdmin",
    "HoldAdmin",
    "IncidentAdmin",
    "KeyAdmin",
    "ProposalAdmin",
    "SagaAdmin",
    "WorkerAdmin",
]
