"""Definitions and their tables."""

from typing import Any

from pydantic import Field

from gateway.answers import All, Answer


class DefinitionLine(Answer):
    """A definition, in its highest version."""

    name: str
    version: int
    fingerprint: str
    owner: str | None
    runbook: str | None
    deadline_seconds: float | None
    url: str
    diagram: str


class DefinitionList(All[DefinitionLine]):
    """All definitions."""


class RowDocument(Answer):
    """One row of a table."""

    path: str
    kind: str
    heading: str
    groups: list[str] = Field(description="The groups around it, from the outside in.")
    notes: list[str]
    undone_by: str | None


class DefinitionDocument(DefinitionLine):
    """A definition in full."""

    versions: list[int]
    input_schema: dict[str, Any] | None
    rows: list[RowDocument]
    mermaid: str
    live: dict[str, int] = Field(description="How many of the caller's live in which state.")
