"""What the coordinator's errors are to a caller."""

from gateway.problems import Problem
from sagas.errors import DefinitionUnknown, InvalidInput, NotAllowed, NotFound, SagaError


def problem_of(error: SagaError) -> Problem | None:
    """The problem that a caller is told; None for an error that must not reach a door."""
    match error:
        case NotFound():
            return Problem(str(error), status=404, code=error.code)
        case NotAllowed(code="stale_page", allowed=allowed):
            return Problem(str(error), status=412, code=error.code, allowed=allowed)
        case NotAllowed(allowed=allowed):
            return Problem(str(error), status=409, code=error.code, allowed=allowed)
        case InvalidInput(errors=errors):
            return Problem(str(error), status=422, code=error.code, errors=errors)
        case DefinitionUnknown():
            return Problem(str(error), status=422, code=error.code)
    return None
