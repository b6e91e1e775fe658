"""The sagas that there are: their tables, what they take, and how many of them live."""

import base64
import hashlib
import re
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Count
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from gateway.description import Call
from sagas.api import examples
from sagas.api.answers import DefinitionDocument, DefinitionList
from sagas.api.door import SagaDoor
from sagas.diagrams import marks_of, mermaid, svg
from sagas.diagrams.labels import heading, kind_of, notes, undoing
from sagas.errors import NotFound
from sagas.words import registry
from sagas.words.definition import Definition, Place

SVG = "image/svg+xml"
DRAWING = {"type": "string", "description": "The picture."}


class DefinitionsDoor(SagaDoor):
    """All that the key is for."""

    calls: ClassVar = {"GET": Call("List definitions", DefinitionList, example={"results": [examples.DEFINITION]})}

    def get(self, request: Request) -> Response:
        """The highest version of each, by name; there are few of them, so it is one page."""
        known = {table.name: table for table in registry.everything() if self.caller.knows(table.name)}
        return Response({"results": [_line(table, request) for table in known.values()]})


class DefinitionDoor(SagaDoor):
    """One definition."""

    calls: ClassVar = {
        "GET": Call(
            "Look at a definition",
            DefinitionDocument,
            example={**examples.DEFINITION, **examples.TABLE},
        )
    }

    def get(self, request: Request, name: str) -> Response:
        """Its rows, the JSON Schema of its input, its diagram as mermaid, and how many live in which state."""
        table = self.definition(name)
        counted = self.sagas().live().filter(definition=name).values_list("state").annotate(n=Count("pk")).order_by()
        about = {
            "versions": [other.version for other in registry.everything() if other.name == name],
            "input_schema": table.input.model_json_schema() if table.input else None,
            "rows": [_row(table, place) for place in table.walk()],
            "mermaid": mermaid(table),
            "live": dict(counted),
        }
        return Response(_line(table, request) | about)

    def definition(self, name: str) -> Definition:
        """The highest version. Raises `NotFound` when there is none that the key is for."""
        versions = [table for table in registry.everything() if table.name == name and self.caller.knows(name)]
        if not versions:
            raise NotFound(f"There is no definition {name}.")
        return versions[-1]


class DefinitionPicture(DefinitionDoor):
    """A definition's table as a picture."""

    calls: ClassVar = {"GET": Call("Draw a definition", DRAWING, kind=SVG)}

    def get(self, request: Request, name: str) -> HttpResponse:  # type: ignore[override]
        """SVG that needs nothing but itself."""
        return _picture(svg(self.definition(name)))


class SagaPicture(SagaDoor):
    """A saga's table as a picture, coloured with how the saga stands."""

    calls: ClassVar = {"GET": Call("Draw a saga", DRAWING, kind=SVG)}

    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """SVG that needs nothing but itself; 404 where this process does not know the saga's table."""
        saga = self.saga(pk)
        table = registry.find(saga.definition, saga.version, saga.fingerprint)
        if table is None:
            raise NotFound(f"This process does not know the table of saga {pk}.")
        return _picture(svg(table, marks_of(saga)))


def _picture(drawn: str) -> HttpResponse:
    """A picture brings its own style, which browsers are told to expect by its hash."""
    found = re.search("<style>(.*?)</style>", drawn, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(found[1].encode() if found else b"").digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'"
    return HttpResponse(drawn, content_type=SVG, headers={"Content-Security-Policy": policy})


def _line(table: Definition, request: Request) -> dict[str, Any]:
    return {
        "name": table.name,
        "version": table.version,
        "fingerprint": table.fingerprint,
        "owner": table.owner or None,
        "runbook": table.runbook or None,
        "deadline_seconds": table.deadline.total_seconds() if table.deadline else None,
        "url": str(reverse("sagas:definition", args=[table.name], request=request)),
        "diagram": str(reverse("sagas:definition_picture", args=[table.name], request=request)),
    }


def _row(table: Definition, place: Place) -> dict[str, Any]:
    undo = undoing(table, place)
    return {
        "path": place.path,
        "kind": kind_of(place.row),
        "heading": heading(place.row),
        "groups": list(place.groups),
        "notes": list(notes(place.row)),
        "undone_by": (undo[0] or None) if undo else None,
    }
