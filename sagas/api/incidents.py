"""What needs a person, by its cause: groups of open incidents, and who looks after them."""

from typing import Any, ClassVar
from urllib.parse import urlencode

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from gateway.description import Call
from gateway.shapes import read, read_query
from sagas.api import examples
from sagas.api.answers import GroupDocument, GroupList
from sagas.api.door import SagaDoor
from sagas.api.shapes import AssignIn, GroupQuery, MuteIn, NoteIn
from sagas.operations import grouping
from sagas.operations.grouping import Group
from sagas.record import clock


class GroupDoor(SagaDoor):
    """What the doors of groups share."""

    def about(self) -> dict[str, Any]:
        """Who acts, and which groups they may know of."""
        return {"actor": self.caller.name, "tenant": self.caller.tenant, "definitions": self.caller.definitions}

    def shown(self, group: Group, request: Request) -> dict[str, Any]:
        """A group as callers see it."""
        which = {"definition": group.definition, "step": group.path, "reason_code": group.reason_code}
        query = urlencode({name: value for name, value in which.items() if value} | {"needs_person": "true"})
        return {
            "id": group.id,
            "definition": group.definition,
            "step": group.path or None,
            "reason_code": group.reason_code,
            "count": group.count,
            "sagas": group.sagas,
            "first_at": group.first_at,
            "last_at": group.last_at,
            "owner": group.owner or None,
            "note": group.note or None,
            "muted_until": group.muted_until,
            "url": f"{reverse('sagas:sagas', request=request)}?{query}",
        }


class GroupsDoor(GroupDoor):
    """All groups that need a person."""

    calls: ClassVar = {
        "GET": Call("List groups of incidents", GroupList, query=GroupQuery, example={"results": [examples.GROUP]})
    }

    def get(self, request: Request) -> Response:
        """The groups, the latest first, at most 200; muted ones only when they are asked for."""
        asked = read_query(GroupQuery, request)
        which = {name: value for name, value in (("definition", asked.definition),) if value is not None}
        found = grouping.groups(self.caller.tenant, self.caller.definitions, **which)
        if not asked.muted:
            now = clock.now()
            found = [group for group in found if group.muted_until is None or group.muted_until <= now]
        return Response({"results": [self.shown(group, request) for group in found]})


class AssignDoor(GroupDoor):
    """Who looks after a group."""

    needs: ClassVar = {"POST": "sagas.change_saga"}
    calls: ClassVar = {
        "POST": Call("Assign a group", GroupDocument, body=AssignIn, sends={"owner": "anna"}, example=examples.GROUP)
    }

    def post(self, request: Request, group: str) -> Response:
        """The group with its new owner; an empty one is nobody."""
        given = read(AssignIn, request.data)
        return Response(self.shown(grouping.assign(group, given.owner, **self.about()), request))


class NoteDoor(GroupDoor):
    """What people know about a group."""

    needs: ClassVar = {"POST": "sagas.change_saga"}
    calls: ClassVar = {
        "POST": Call(
            "Leave a note on a group",
            GroupDocument,
            body=NoteIn,
            sends={"note": "payments is on it"},
            example=examples.GROUP,
        )
    }

    def post(self, request: Request, group: str) -> Response:
        """The group with the note, which takes the place of the last one."""
        given = read(NoteIn, request.data)
        return Response(self.shown(grouping.note(group, given.note, **self.about()), request))


class MuteDoor(GroupDoor):
    """A group that nobody wants to hear of for a while."""

    needs: ClassVar = {"POST": "sagas.change_saga"}
    calls: ClassVar = {
        "POST": Call(
            "Mute a group",
            GroupDocument,
            body=MuteIn,
            sends={"until": "2026-03-02T08:00:00Z"},
            example=examples.GROUP,
        )
    }

    def post(self, request: Request, group: str) -> Response:
        """The group, muted until then; `null` ends that."""
        given = read(MuteIn, request.data)
        return Response(self.shown(grouping.mute(group, given.until, **self.about()), request))
