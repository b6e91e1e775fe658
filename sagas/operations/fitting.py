"""What comes from outside, held against a team's model: what fits, and what does not, as a caller is told."""

import logging
from collections.abc import Iterable
from typing import Any

from django.db import InterfaceError, OperationalError
from pydantic import BaseModel, ValidationError

from sagas.errors import InvalidInput
from sagas.record.payload import pack, text
from sagas.words.definition import Definition

MOST_FAULTS = 20
LONGEST_PART, LONGEST_DETAIL = 60, 500
"""So much is repeated of what a caller wrote."""

logger = logging.getLogger(__name__)


def accepted_by(table: Definition, given: Any) -> Any:
    """The input as it is stored: what the definition's model makes of it. Raises `InvalidInput`."""
    try:
        return pack(fitting(table.input, given).model_dump(mode="json") if table.input else given)
    except ValidationError as error:
        faults = faults_of_input(error)
        raise InvalidInput(f"The input does not fit saga {table.name!r}.", errors=faults) from None
    except ValueError as error:
        faults = [{"pointer": "", "detail": str(error)}]
        raise InvalidInput(f"The input cannot be stored: {error}", errors=faults) from None


def fitting(model: type[BaseModel], given: Any, pointer: str = "") -> BaseModel:
    """What the model makes of what came from outside.

    Raises `ValidationError`, and `InvalidInput` when a check of the model trips over it: the team that wrote the check
    finds the traceback in the log.
    """
    try:
        return model.model_validate(given)
    except (ValidationError, OperationalError, InterfaceError):
        raise
    except Exception as error:
        logger.warning("A check of %s tripped over what came.", model.__name__, exc_info=True)
        sentence = f"A check of {model.__name__} tripped over it ({type(error).__name__}); send what its schema says."
        raise InvalidInput(sentence, errors=[{"pointer": pointer, "detail": sentence}]) from None


def faults_of_input(error: ValidationError, below: str = "") -> list[dict[str, str]]:
    """What a pydantic model found wrong, an entry a fault, with pointers below that one; of very many the first."""
    found = error.errors(include_url=False, include_context=False, include_input=False)[:MOST_FAULTS]
    return [{"pointer": _pointer(below, fault["loc"]), "detail": text(fault["msg"], LONGEST_DETAIL)} for fault in found]


def _pointer(below: str, location: Iterable[str | int]) -> str:
    return "/".join([below, *(str(part)[:LONGEST_PART] for part in location)])
