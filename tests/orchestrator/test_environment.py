"""JSON in the environment: read, or refused with a sentence that shows how it is written."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from orchestrator.environment import json_of

EXAMPLE = {"sms": 10}


@pytest.mark.parametrize(("given", "found"), [(None, {}), ("", {}), ('{"email": 5}', {"email": 5})], ids=str)
def test_an_object_is_read_and_nothing_is_an_empty_one(monkeypatch, given, found):
    monkeypatch.delenv("LIMITS", raising=False)
    if given is not None:
        monkeypatch.setenv("LIMITS", given)
    assert json_of("LIMITS", EXAMPLE) == found


@pytest.mark.parametrize(
    ("given", "why"), [("{sms: 10}", "LIMITS is not JSON: .*line 1"), ("[10]", "LIMITS is no JSON object.")]
)
def test_anything_else_is_refused_with_an_example(monkeypatch, given, why):
    monkeypatch.setenv("LIMITS", given)
    with pytest.raises(ImproperlyConfigured, match=why + r'.* Write it as \{"sms": 10\}\.'):
        json_of("LIMITS", EXAMPLE)
