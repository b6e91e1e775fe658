"""The shapes of what callers send: typed, bounded, and with nothing unknown, so that no typo is silently dropped.

class StartIn(Shape):
    definition: Text = Field(max_length=63)
    priority: int = Field(0, ge=-10, le=10)

given = read(StartIn, request.data)
asked = read_query(ListQuery, request)
"""

from typing import Annotated, Any, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError
from rest_framework.request import Request

from gateway.echoes import echo, hint, pointer
from gateway.limits import LimitExceeded, check
from gateway.problems import Problem

MOST_ERRORS = 20


class Shape(BaseModel):
    """A body, or a part of one: exact JSON types, no unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Query(BaseModel):
    """The query parameters of a call; they come as text and are made what the fields say."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PageQuery(Query):
    """What every list takes; `gateway.pages.page` reads them itself."""

    cursor: str | None = None
    limit: str | None = None


AnyShape = TypeVar("AnyShape", bound=BaseModel)


def _storable(text: str) -> str:
    try:
        check(text)
    except LimitExceeded as error:
        raise ValueError(str(error)) from None
    return text


Text = Annotated[str, StringConstraints(min_length=1), AfterValidator(_storable)]
"""A text that is not empty and that every database can store; bound it with `Field(max_length=…)`."""


def read(shape: type[AnyShape], data: Any) -> AnyShape:
    """A request's body in its shape. Raises a 422 problem with one error for each fault."""
    return _read(shape, data, 422, "invalid_body", "The body does not have the right shape")


def read_query(shape: type[AnyShape], request: Request) -> AnyShape:
    """A request's query parameters in their shape. Raises a 400 problem with one error for each fault."""
    parameters = request.query_params
    if twice := [name for name, values in parameters.lists() if len(values) > 1]:
        raise Problem(f"The query parameter {echo(twice[0])} is given more than once.", code="invalid_query")
    return _read(shape, parameters.dict(), 400, "invalid_query", "The query parameters are not right")


def _read(shape: type[AnyShape], data: Any, status: int, code: str, summary: str) -> AnyShape:
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
    errors = [{"pointer": pointer(fault["loc"]), "detail": _sentence(shape, fault)} for fault in found[:MOST_ERRORS]]
    first = f"{errors[0]['pointer'] or 'it'}: {errors[0]['detail']}"
    raise Problem(f"{summary}: {first}", status=status, code=code, errors=errors)


def _sentence(shape: type[BaseModel], fault: Any) -> str:
    if fault["type"] == "missing":
        return "This field is missing."
    if fault["type"] != "extra_forbidden":
        return f"{fault['msg'].removeprefix('Value error, ').rstrip('.')}."
    *outer, name = fault["loc"]
    known = _fields(shape, outer)
    return f"There is no field {echo(name)} here" + (f"; {hint(name, known)}" if known else ".")


def _fields(shape: type[BaseModel], location: list[Any]) -> list[str]:
    for part in location:
        field = shape.model_fields.get(str(part))
        said = field.annotation if field else None
        inner = [one for one in (said, *get_args(said)) if isinstance(one, type) and issubclass(one, BaseModel)]
        if len(inner) != 1:  # `ContentIn | None` has one
            return []
        shape = inner[0]
    return sorted(shape.model_fields)
