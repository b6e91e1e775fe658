"""What a saga is about, in a line that its definition provides."""

import logging

from sagas.models import Saga
from sagas.record.payload import text, unpack
from sagas.record.sealing import scrubbed
from sagas.record.sight import FULL, Sight
from sagas.words import registry

LONGEST = 300

logger = logging.getLogger(__name__)


def summary_of(saga: Saga, sight: Sight = FULL) -> str:
    """The line; empty where the definition provides none, or where its function fails, which the log tells.

    It is made of the input, so there is none for who does not see that.
    """
    if not sight.is_full:
        return ""
    table = registry.find(saga.definition, saga.version, saga.fingerprint)
    if table is None or table.summary is None:
        return ""
    try:
        known: set[str] = set()
        given = unpack(saga.input, known)
        said = str(table.summary(table.input.model_validate(given) if table.input else given))
        return text(scrubbed(said, known), LONGEST)
    except Exception:
        logger.warning("The summary of %s failed.", table.name, exc_info=not table.is_sensitive)
        return ""
