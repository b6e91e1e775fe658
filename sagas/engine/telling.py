"""Telling people: through a function that the project names, never by an import of ours."""

import logging
from typing import Any

from django.utils.module_loading import import_string

from sagas.conf import conf
from sagas.models import Run
from sagas.words import boundaries, registry

logger = logging.getLogger(__name__)


def tell(what: str, document: dict[str, Any]) -> None:
    """Call the function that `SAGAS["TELL"]` names; its failure is logged and stops nothing."""
    if not conf().tell:
        return
    boundaries.passed("telling")
    try:
        import_string(conf().tell)(what, document)
    except Exception:
        logger.exception("People could not be told: %s failed.", conf().tell)
    boundaries.passed("told")


def remind(run: Run) -> None:
    """Tell that an approval waits: at first when it opens, then as often as its row says.

    The function that tells sends each person a link of their own, by `approval_url(saga, step, person)` of
    `sagas.engine.links`.
    """
    saga = run.saga
    table = registry.find(saga.definition, saga.version, saga.fingerprint)
    row = table.places[run.path].row if table is not None else None
    document = {
        "saga": str(saga.pk),
        "definition": saga.definition,
        "business_key": saga.business_key,
        "step": run.path,
        "group": getattr(row, "group", ""),
        "since": run.since.isoformat() if run.since else None,
        "until": run.ends_at.isoformat() if run.ends_at else None,
        "times": run.asks,
    }
    tell("reminder" if run.asks else "approval", document)
