"""What comes from outside, held against a team's model: what fits, and what does not, as a caller is told."""

import logging
from traceback import format_tb
from typing import Any

from django.db import InterfaceError, OperationalError
from pydantic import BaseModel, TypeAdapter, ValidationError

from gateway.echoes import pointer
from sagas.errors import InvalidInput
from sagas.record.payload import pack, pack_model, text
from sagas.record.sealing import scrubbed, sealed, texts
from sagas.words.definition import Definition, type_of
from sagas.words.rows import Row
from sagas.words.sensitive import is_sensitive

MOST_FAULTS = 20
LONGEST_DETAIL = 500
"""So much is said of one fault."""

logger = logging.getLogger(__name__)


def accepted_by(table: Definition, given: Any) -> Any:
    """The input as it is stored: what the definition's model makes of it. Raises `InvalidInput`."""
    try:
        return pack_model(fitting(table.input, given)) if table.input else pack(given)
    except ValidationError as error:
        faults = faults_of_input(error, table.input)
        raise InvalidInput(f"The input does not fit saga {table.name!r}.", errors=faults) from None
    except ValueError as error:
        faults = [{"pointer": "", "detail": str(error)}]
        raise InvalidInput(f"The input cannot be stored: {error}", errors=faults) from None


def fitting(model: type[BaseModel], given: Any, where: str = "") -> BaseModel:
    """What the model makes of what came from outside.

    Raises `ValidationError`, and `InvalidInput` when a check of the model trips over it: the team that wrote the check
    finds the traceback in the log.
    """
    try:
        return model.model_validate(given)
    except (ValidationError, OperationalError, InterfaceError):
        raise
    except Exception as error:
        # What an error says may repeat what came; the places in the code do not.
        frames = f"\n{''.join(format_tb(error.__traceback__))}" if is_sensitive(model) else ""
        logger.warning("A check of %s tripped over what came.%s", model.__name__, frames, exc_info=not frames)
        sentence = f"A check of {model.__name__} tripped over it ({type(error).__name__}); send what its schema says."
        raise InvalidInput(sentence, errors=[{"pointer": where, "detail": sentence}]) from None


def kept(row: Row, packed: Any) -> Any:
    """What came from outside for a row, as it is stored: as it came, unless its type marks something as sensitive.

    Then it is what that type makes of it, or sealed as a whole where it does not fit.
    """
    kind = type_of(row)
    if packed is None or not is_sensitive(kind):
        return packed
    try:
        return pack(TypeAdapter(kind).validate_python(packed))
    except Exception:  # a team's own checks may raise anything
        return sealed(packed)


def faults_of_input(error: ValidationError, model: Any, below: str = "") -> list[dict[str, str]]:
    """What a model found wrong, an entry a fault, with pointers below that one; of very many the first.

    Where the model marks anything as sensitive, a fault does not repeat what it is about.
    """
    hide = is_sensitive(model)
    found = error.errors(include_url=False, include_context=False, include_input=hide)[:MOST_FAULTS]
    return [{"pointer": below + pointer(fault["loc"]), "detail": _detail(fault, hide)} for fault in found]


def _detail(fault: Any, hide: bool) -> str:
    said = scrubbed(fault["msg"], texts(fault["input"])) if hide else fault["msg"]
    return text(said, LONGEST_DETAIL)
