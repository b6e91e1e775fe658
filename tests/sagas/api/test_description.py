"""The API's description is whole and true: every call, every status, and examples that fit their own shapes."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from gateway.door import Door
from sagas.errors import Abort
from tests.sagas.api.conftest import SAGAS

SCHEMA = json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True), default=str))
CALLS = [(method, path, call) for path, methods in SCHEMA["paths"].items() for method, call in methods.items()]
NAMES = [f"{method} {path}" for method, path, _ in CALLS]


def doors(patterns: Any) -> Any:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from doors(pattern.url_patterns)
        elif isinstance(pattern, URLPattern) and issubclass(getattr(pattern.callback, "view_class", object), Door):
            yield pattern.callback.view_class


OURS = sorted({door for door in doors(get_resolver().url_patterns) if door.__module__.startswith("sagas.")}, key=str)


def faults(schema: Any, value: Any) -> list[str]:
    whole = {**schema, "components": SCHEMA["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(value)]


@pytest.mark.parametrize("door", OURS, ids=lambda door: door.__name__)
def test_a_door_describes_every_method_that_it_has(door):
    has = {method.upper() for method in door.http_method_names if hasattr(door, method) and method != "head"}
    assert set(door.calls) == has


@pytest.mark.parametrize(("method", "path", "call"), CALLS, ids=NAMES)
def test_every_call_has_an_example_that_fits_for_each_status(method, path, call):
    for answer in call["responses"].values():
        for content in answer.get("content", {}).values():
            if content["schema"].get("type") == "string":
                continue  # a picture
            assert content["examples"], "an example for each status"
            for example in content["examples"].values():
                assert faults(content["schema"], example["value"]) == []


@pytest.mark.parametrize(("method", "path", "call"), CALLS, ids=NAMES)
def test_every_body_has_an_example_that_fits(method, path, call):
    for content in call.get("requestBody", {}).get("content", {}).values():
        assert content["examples"]
        for example in content["examples"].values():
            assert faults(content["schema"], example["value"]) == []


@pytest.mark.parametrize(("method", "path", "call"), CALLS, ids=NAMES)
def test_every_call_names_the_problems_that_all_of_them_have(method, path, call):
    open_to_all = "callbacks" in path or "providers/{name}" in path
    common = {"400", "429", "500", "503"} | (set() if open_to_all else {"401", "403"})
    assert common <= set(call["responses"])
    assert ("404" in call["responses"]) == ("{" in path)
    assert call["summary"]


def test_no_two_calls_have_one_name():
    names = [call["operationId"] for _, _, call in CALLS]
    assert len(names) == len(set(names))


@pytest.mark.django_db
def test_what_is_answered_has_the_shape_that_is_described(api, world, two):
    world.script("ship", Abort("no"))
    world.script("refund", Abort("never"))
    api.start(business_key="order-1", labels={"a": "b"})
    world.work()
    saga = api.start(input=[1]).json()
    api.post(f"{saga['links']['signals']}paid/", {"payload": 1})
    api.post("/api/v1/operations/", {"verb": "pause", "reason": "why not", "filter": {}})
    asked = 0
    for path, methods in SCHEMA["paths"].items():
        content = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if "application/json" not in content or not path.startswith(
            ("/api/v1/sagas", "/api/v1/i", "/api/v1/o", "/api/v1/d")
        ):
            continue
        bulk = path.startswith("/api/v1/operations/{id}")
        pk = api.get("/api/v1/operations/").json()["results"][0]["id"] if bulk else saga["id"]
        answer = api.get(path.format(id=pk, name="two"))
        assert (answer.status_code, faults(content["application/json"]["schema"], answer.json())) == (200, [])
        asked += 1
    assert asked >= 12


@pytest.mark.parametrize("path", ["/api/v1/schema/", "/api/v1/docs/"])
def test_the_description_and_its_page_are_there(path, db):
    assert Client().get(path).status_code == 200


def test_the_page_loads_nothing_from_outside_and_needs_no_inline_script(db):
    page = Client().get("/api/v1/docs/").content.decode()
    assert "//" not in page.replace("<!DOCTYPE html>", "")
    assert "<script>" not in page
    assert "<style" not in page
    script = Client().get("/api/v1/docs/?script=")
    assert script.headers["Content-Type"].startswith("application/javascript")


def test_the_description_is_openapi_31():
    assert SCHEMA["openapi"].startswith("3.1")
    assert SAGAS in SCHEMA["paths"]
