"""What all documents share."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

AnyRow = TypeVar("AnyRow")


class Answer(BaseModel):
    """A document, or a part of one; it holds what is named and no more."""

    model_config = ConfigDict(extra="forbid")


class Page(Answer, Generic[AnyRow]):
    """Some rows of a list, and the address of those after them; null at the end."""

    results: list[AnyRow]
    next: str | None
