"""Templates: versions are added, looked at, and published; nothing that was published is changed."""

from typing import Annotated, Any, ClassVar

from django.db import IntegrityError
from django.http import Http404
from pydantic import AfterValidator, Field
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.description import Call
from gateway.door import Door
from gateway.problems import Problem
from gateway.shapes import Shape, Text, read
from notifications import wording
from notifications.api import examples
from notifications.api.answers import TemplateDocument, TemplateList, TemplatePreview
from notifications.api.receivers import zone
from notifications.api.shapes import Line, Name, TemplatePath
from notifications.models import MessageTemplate
from notifications.reader import Reader
from notifications.templating import LONGEST_SOURCE, Unrenderable

Source = Annotated[Text, Field(max_length=LONGEST_SOURCE)]
MOST_VERSIONS = 100


class TextsIn(Shape):
    """What is said in one locale."""

    subject: Source | None = None
    text: Source
    html: Source | None = None


class TemplateIn(Shape):
    """A version of a template."""

    locale: Name
    texts: dict[Name, TextsIn] = Field(min_length=1, max_length=50)
    fields: dict[Name, str] = Field(default={}, max_length=100)
    example: dict[str, Any] = {}


class PreviewIn(Shape):
    """Data to look at a template with; without any, its example."""

    data: dict[str, Any] | None = None
    locale: str = Field("", max_length=35)
    timezone: Annotated[Line, AfterValidator(zone)] | None = None


class Templates(Door):
    """`GET` a template's versions, the newest first; `POST` the next one."""

    needs: ClassVar = {"GET": "notifications.view_messagetemplate", "POST": "notifications.add_messagetemplate"}
    calls: ClassVar = {
        "GET": Call("List the versions of a template", TemplateList, example={"results": [examples.TEMPLATE]}),
        "POST": Call(
            "Keep the next version of a template",
            TemplateDocument,
            status=201,
            body=TemplateIn,
            problems=(409,),
            sends=examples.DRAFT,
            example=examples.TEMPLATE,
        ),
    }

    def get(self, request: Request, name: str) -> Response:
        """Every version, at most a hundred."""
        rows = MessageTemplate.objects.filter(tenant=self.caller.tenant, name=name)[:MOST_VERSIONS]
        if not rows:
            raise Http404
        return Response({"results": [_document(row) for row in rows]})

    def post(self, request: Request, name: str) -> Response:
        """Keep a draft, once it renders with its example."""
        given = read(TemplateIn, request.data).model_dump(exclude_none=True)
        name = read(TemplatePath, {"template": name}).template
        try:
            draft = wording.save(self.caller.tenant, name, self.caller.name, **given)
        except Unrenderable as error:
            raise _unrenderable(error) from None
        except IntegrityError:
            raise Problem("Somebody saved another version just now; send it again.", status=409, code="busy") from None
        return Response(_document(draft), 201)


class Publish(Door):
    """`POST` makes a version what is said."""

    needs: ClassVar = {"POST": "notifications.change_messagetemplate"}
    calls: ClassVar = {
        "POST": Call(
            "Make a version what is said",
            TemplateDocument,
            example={**examples.TEMPLATE, "published_at": examples.LATER},
        )
    }

    def post(self, request: Request, name: str, version: int) -> Response:
        """The version, with the time since when it is published."""
        found = _found(self, name, version)
        wording.publish(found)
        return Response(_document(found))


class Preview(Door):
    """`POST {data, locale, timezone}` shows what would be said."""

    needs: ClassVar = {"POST": "notifications.view_messagetemplate"}
    calls: ClassVar = {
        "POST": Call(
            "See what a template says",
            TemplatePreview,
            body=PreviewIn,
            sends={"data": {"name": "Jane", "number": 17}, "locale": "en"},
            example=examples.PREVIEW,
        )
    }

    def post(self, request: Request, name: str, version: int) -> Response:
        """Subject, text and HTML, in which locale, and why in that one; nothing is sent."""
        given = read(PreviewIn, request.data if request.data is not None else {})
        found = _found(self, name, version)
        reader = Reader(locales=(given.locale,) if given.locale else (), zone=given.timezone or "")
        choice = wording.chosen(found, reader.locales)
        data = found.example if given.data is None else given.data
        try:
            said = wording.said(found, data, choice.locale, reader.clock)
        except Unrenderable as error:
            raise _unrenderable(error) from None
        return Response({"locale": choice.locale, "why": choice.why, "timezone": reader.clock, **said})


def _found(door: Door, name: str, version: int) -> MessageTemplate:
    row = MessageTemplate.objects.filter(tenant=door.caller.tenant, name=name, version=version).first()
    if row is None:
        raise Http404
    return row


def _unrenderable(error: Unrenderable) -> Problem:
    return Problem(str(error), status=422, code="unrenderable")


def _document(row: MessageTemplate) -> dict[str, Any]:
    return {
        "name": row.name,
        "version": row.version,
        "locale": row.locale,
        "texts": row.texts,
        "fields": row.fields,
        "example": row.example,
        "author": row.author,
        "created_at": row.created_at,
        "published_at": row.published_at,
    }
