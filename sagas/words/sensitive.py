"""What not everybody may read: fields of a team's models that are stored sealed, and shown masked.

    class Order(BaseModel):
        card: Sensitive[str]
        buyer: Sensitive[Person]

The steps work with the plain value. Everywhere else stands a mask. It does for the input of a saga, the schema of a
signal, the form of an approval, and the model that a step returns, at any depth.
"""

from collections.abc import Mapping
from functools import lru_cache
from inspect import unwrap
from typing import Annotated, Any, TypeVar, get_type_hints

from pydantic import BaseModel, GetJsonSchemaHandler, SerializationInfo, SerializerFunctionWrapHandler, TypeAdapter
from pydantic.functional_serializers import WrapSerializer
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

T = TypeVar("T")

MARK = "$sealed"
"""A sealed value is stored as {"$sealed": "…"}; no other value may have that name."""
MASK = "••••••"
SEAL = "seal"
"""Under this name the serializing context has the function that seals a plain JSON value."""


def _seal(value: Any, plain: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
    seal = info.context.get(SEAL) if isinstance(info.context, dict) else None
    if seal is None or value is None:
        return plain(value)
    return seal(value.get_secret_value() if hasattr(value, "get_secret_value") else plain(value))


class _Described:
    """Says so in the JSON Schema, where clients and forms look."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | {"writeOnly": True, "x-sensitive": True}


Sensitive = Annotated[T, WrapSerializer(_seal, when_used="json"), _Described()]
"""A field that is stored sealed and shown masked, of whatever type, pydantic's `SecretStr` included."""


def is_sensitive(kind: Any) -> bool:
    """Is anything in a model, or in another type that pydantic knows, marked so?"""
    try:
        return kind is not None and _holds_a_mark(kind)
    except Exception:  # a type that pydantic cannot tell anything of marks nothing
        return False


def hides_a_secret(model: type[BaseModel]) -> bool:
    """Has it one of pydantic's own secrets without the mark? Those become asterisks when they are made JSON."""
    try:
        waiting: list[Any] = [model.model_json_schema()]
    except Exception:  # a model whose schema cannot be told
        return False
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            if node.get("format") == "password" and not node.get("x-sensitive"):
                return True
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return False


def returned_by(function: Any) -> Any:
    """The type that a function says it returns, None if it says nothing that can be read."""
    try:
        return get_type_hints(unwrap(function), include_extras=True).get("return")
    except Exception:  # an annotation that leads nowhere, or nothing that has any
        return None


@lru_cache(maxsize=1000)
def _holds_a_mark(kind: Any) -> bool:
    model = isinstance(kind, type) and issubclass(kind, BaseModel)
    waiting: list[Any] = [kind.__pydantic_core_schema__ if model else TypeAdapter(kind).core_schema]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if node is _seal:
            return True
        if isinstance(node, Mapping | list | tuple) and id(node) not in seen:
            seen.add(id(node))
            waiting.extend(node.values() if isinstance(node, Mapping) else node)
    return False
