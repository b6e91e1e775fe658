"""What the shapes of answers have in common, for the API's description; tests hold the documents to them."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

AnyRow = TypeVar("AnyRow")


class Answer(BaseModel):
    """A document, or a part of one; it holds what is named and no more."""

    model_config = ConfigDict(extra="forbid")


class All(Answer, Generic[AnyRow]):
    """All rows of a list."""

    results: list[AnyRow]


class Page(All[AnyRow], Generic[AnyRow]):
    """Some rows of a list, and the address of those after them; null at the end."""

    next: str | None
