import pytest
from django.test import Client

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.django_db
def test_a_problem_says_what_where_and_which_members_it_has(service):
    answer = service.send("/api/orders/?x=1", {"customer": "nobody"}, traceparent=f"00-{TRACE}-b7ad6b7169203331-01")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "Nobody is no customer.",
        "instance": "/api/orders/",
        "code": "nobody",
        "trace_id": TRACE,
        "allowed": ["somebody"],
    }


@pytest.mark.django_db
@pytest.mark.parametrize("accepted", ["application/json", "text/html"])
@pytest.mark.parametrize("debug", [False, True])
def test_an_unknown_address_of_the_api_is_a_problem_for_everybody(settings, accepted, debug):
    settings.DEBUG = debug
    answer = Client().get("/api/nowhere/", headers={"Accept": accepted})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_browser_gets_a_page_for_an_unknown_address_elsewhere():
    assert Client().get("/nowhere/", headers={"Accept": "text/html"}).headers["Content-Type"].startswith("text/html")


def test_a_program_gets_a_problem_for_an_unknown_address_elsewhere():
    assert Client().get("/nowhere/").json()["code"] == "not_found"


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["delete", "put", "options"])
def test_a_wrong_method_is_a_405_that_names_the_right_ones(service, method):
    answer = getattr(service, method)("/api/echo/")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD, POST"


def test_a_plain_view_also_answers_a_wrong_method_with_a_problem():
    answer = Client().post("/livez")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD"


def test_a_foreign_host_is_a_problem():
    answer = Client().get("/api/echo/", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


@pytest.mark.django_db
def test_a_database_that_is_out_is_a_503_with_retry_after(service):
    answer = service.get("/api/breaks/database/")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert answer.headers["Retry-After"] == "2"


def test_a_plain_view_that_finds_the_database_out_is_a_503_for_programs():
    answer = Client().get("/plain/")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")


@pytest.mark.django_db
def test_a_lock_that_is_held_too_long_is_a_409_to_be_tried_again(service):
    answer = service.get("/api/breaks/locked/")
    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (409, "busy", "1")


@pytest.mark.django_db
def test_a_bug_is_a_500_that_tells_nothing_and_is_logged(service, caplog):
    service.raise_request_exception = False
    answer = service.get("/api/breaks/bug/")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_server_error")
    assert "42" not in answer.content.decode()
    assert any(record.exc_info and "42" in str(record.exc_info[1]) for record in caplog.records)


@pytest.mark.django_db
def test_too_many_requests_say_when_to_come_again(service):
    answer = service.get("/api/breaks/throttled/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
