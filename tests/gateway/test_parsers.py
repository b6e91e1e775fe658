from io import BytesIO

import pytest

from gateway.limits import DEEPEST, LARGEST
from gateway.parsers import JSONParser
from gateway.problems import Problem

pytestmark = pytest.mark.django_db

HOSTILE = {
    "5,000 lists": b"[" * 5000 + b"]" * 5000,
    "5,000 objects": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "too many levels": b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1),
    "levels that never close": b"[" * 100_000,
    "quotes that never close": b"[" * 40 + b'"\\' * 100_000,
    "NUL": b'{"a": "\\u0000"}',
    "NUL in a name": b'{"\\u0000": 1}',
    "a raw NUL": b'{"a": "\x00"}',
    "a lone surrogate": b'{"a": "\\ud800"}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "a number beyond floats": b'{"a": 1e999}',
    "a number of 5,000 digits": b"9" * 5000,
    "a name twice": b'{"a": 1, "a": 2}',
    "not UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "not JSON": b"{a: 1}",
    "two values": b"1 2",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_body_is_refused_with_a_sentence(service, body):
    answer = service.send("/api/echo/", body)
    assert answer.status_code == 400
    assert answer.json()["code"] in ("malformed_json", "unacceptable_json")
    assert answer.json()["detail"].endswith(".")


def test_a_body_over_256_kib_is_refused_by_what_it_announces(service):
    answer = service.post("/api/echo/", b"1", content_type="application/json", CONTENT_LENGTH=str(LARGEST + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_body_over_256_kib_is_refused_by_what_it_is():
    with pytest.raises(Problem) as refused:
        JSONParser().parse(BytesIO(b'"' + b"x" * LARGEST + b'"'))
    assert (refused.value.status_code, refused.value.code) == (413, "too_large")


@pytest.mark.parametrize(
    "body", [b'"' + b"x" * (LARGEST - 2) + b'"', b"[" * DEEPEST + b"]" * DEEPEST, b'"' + b"[" * 100 + b'"', b'"\\"[["']
)
def test_a_body_just_within_the_limits_is_read(service, body):
    assert service.send("/api/echo/", body).status_code == 200


def test_brackets_inside_a_text_are_no_levels(service):
    body = {"a": ['{"[' * 20, "\\", '"[['] * 20}
    assert service.send("/api/echo/", body).json() == body


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "application/xml", "nonsense"])
def test_another_content_type_is_a_415(service, kind):
    answer = service.post("/api/echo/", b"a=1", content_type=kind)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_chunked_body_is_a_411_instead_of_an_empty_one(service):
    answer = service.generic("POST", "/api/echo/", b"", headers={"Transfer-Encoding": "chunked"})
    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")
