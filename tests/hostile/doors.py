"""Every address that the site has, read from its own table of addresses, and for each a call that it accepts."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.urls import URLPattern, URLResolver, get_resolver

from tests.hostile.call import Call
from tests.hostile.scene import json_call, person_call

PARAMETERS = {
    "verb": "retry",
    "kind": "csv",
    "definition": "full",
    "name": "paid",
    "key": "k",
    "app_label": "sagas",
    "content_type_id": "1",
}
IDS = {"notifications": "{notification}", "callbacks": "{callback}", "approvals": "{approval}", "users": "1"}
REASON = {"reason": "because"}
BODIES: dict[str, dict[str, Any]] = {
    "sagas": {
        "definition": "typed",
        "input": {"number": 1, "email": "a@example.org", "lines": [1]},
        "business_key": "k",
        "on_duplicate": "return",
        "labels": {"a": "b"},
        "priority": 1,
        "start_at": "2020-01-01T00:00:00Z",
        "version": 1,
    },
    "signal": {"id": "one", "payload": {"n": 1}},
    "by_key": {"id": "one", "payload": {"n": 1}, "start_if_missing": {"input": {"a": 1}, "labels": {"a": "b"}}},
    "pause": {**REASON, "children": True},
    "resume": {**REASON, "children": True},
    "retry": {**REASON, "step": "reserve", "item": 0, "input": {"a": 1}},
    "skip": {**REASON, "step": "reserve", "item": 0, "result": {"a": 1}},
    "resolve": {**REASON, "step": "reserve", "item": 0, "result": {"a": 1}, "landed": True},
    "decide": {**REASON, "step": "agreed", "approved": True, "form": {"amount": 1, "terms": [1]}},
    "reschedule": {**REASON, "step": "paid", "item": 0, "at": "2030-01-01T00:00:00Z"},
    "waive": {**REASON, "step": "reserve", "item": 0},
    "clone": {**REASON, "input": {"a": 1}, "business_key": "k2", "confirm_effects": True},
    "notifications": {"receiver": {"email": "a@example.org"}, "content": {"subject": "s", "text": "t"}},
    "cancel_by_key": {**REASON, "correction": {"content": {"subject": "s", "text": "t"}}},
    "receiver": {
        "addresses": {"email": "a@example.org"},
        "locale": "de",
        "timezone": "Europe/Vienna",
        "quiet_hours": {"begins": "22:00", "ends": "07:00"},
        "preferences": {"news": {"email": False}},
    },
    "suppressions": {"channel": "email", "address": "a@example.org", "category": "news", "detail": "d"},
    "templates": {"locale": "en", "texts": {"en": {"text": "{{ a }}"}}, "fields": {"a": "text"}, "example": {"a": "b"}},
    "preview": {"data": {"a": "b"}, "locale": "de"},
    "erasures": {"receiver": {"id": "k", "email": "a@example.org"}, **REASON},
    "callback": {"n": 1},
}
PUT = {"receiver", "subscriber"}
"""Addresses where something is put."""
PLIGHTS = {"decide": "{asked}", "retry": "{stuck}", "skip": "{stuck}", "waive": "{back}", "clone": "{ended}"}
QUERIES = {
    "sagas": {"definition": "full", "state": "waiting", "needs_person": "true", "limit": "2", "cursor": "x"},
    "notifications": {"status": "sent", "limit": "2", "cursor": "x"},
}
FORMS: dict[str, dict[str, str]] = {
    "sagas_saga_verb": {
        "step": "0:reserve",
        "reason": "because",
        "input": "{}",
        "decisions": "0",
        "rev": "1",
        "do": "1",
    },
    "sagas_bulk_begin": {"id": "{stuck}", "verb": "retry", "rate": "60", "reason": "because", "seen": "", "do": "1"},
    "sagas_incident_say": {"group": "x", "how": "note", "note": "n", "hours": "1", "back": "/admin/"},
    "login": {"username": "anna", "password": "wrong", "next": "/admin/"},
    "approval": {"decision": "yes", "reason": "because", "field.amount": "1", "field.terms": "[1]"},
    "notifications_notification_changelist": {"action": "delete_selected", "_selected_action": "{notification}"},
    "notifications_notification_reveal": {"reason": "because"},
}
FILTERS: dict[str, dict[str, str]] = {
    "sagas_saga_changelist": {"show": "all", "state": "stuck", "definition": "full", "q": "k", "before": "x"},
    "notifications_notification_changelist": {"status__exact": "sent", "q": "x", "p": "1", "o": "1"},
    "sagas_saga_change": {"rows": "all", "after": "1", "before": "9", "detail": "1"},
    "sagas_saga_verb": {"step": "0:reserve"},
    "sagas_incident_group": {"definition": "full", "step": "reserve", "code": "abort"},
    "sagas_audit_changelist": {"verb": "retry", "actor": "x", "key": "k", "before": "1"},
    "sagas_bulk_begin": {"id": "{stuck}", "all": "1", "query": "show=all"},
    "autocomplete": {"app_label": "sagas", "model_name": "run", "field_name": "saga", "term": "x"},
}


@dataclass(frozen=True, kw_only=True)
class Address:
    """One address: its path with words in braces where ids stand, and the name that the code knows it by."""

    path: str
    name: str
    is_console: bool = False
    body: dict[str, Any] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)

    def calls(self) -> list[Call]:
        """The calls that are meant to be made here, and a write where none is meant."""
        query = urlencode(self.query, safe="{}")
        if self.is_console:
            form = urlencode(self.form, safe="{}").encode()
            return [person_call(self.path, query=query), person_call(self.path, "POST", body=form)]
        get = json_call(self.path, b"", "GET")
        methods = ("POST", "PUT") if self.name in PUT else ("POST",)
        body = json.dumps(self.body).encode()
        return [Call(**{**vars(get), "query": query}), *(json_call(self.path, body, method) for method in methods)]


def addresses() -> list[Address]:
    """All of them, Django's own pages about its users included."""
    return list(_addresses(get_resolver().url_patterns))


def _addresses(patterns: Iterable[URLPattern | URLResolver], before: str = "/") -> Iterator[Address]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _addresses(pattern.url_patterns, route)
        else:
            yield _address(route, pattern.name or ("callback" if "callbacks" in route else ""))


def _address(route: str, name: str) -> Address:
    is_console = route.startswith(("/admin", "/approvals"))
    plight = next((word for part, word in IDS.items() if part in route), PLIGHTS.get(name, "{waiting}"))
    path = re.sub(r"\(\?P<\w+>.*", "x/", route).replace("^", "").replace("$", "")
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: PARAMETERS.get(found[1], plight), path)
    return Address(
        path=path,
        name=name,
        is_console=is_console,
        body=BODIES.get(name, REASON) if not is_console else {},
        form=FORMS.get(name, {"action": "x"}) if is_console else {},
        query=(FILTERS if is_console else QUERIES).get(name, {}),
    )
