import pytest

pytestmark = pytest.mark.django_db


def test_an_unknown_field_is_named_with_the_nearest_known_one(service):
    answer = service.send("/api/orders/", {"custmer": "anna"})
    assert answer.status_code == 422
    errors = {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
    assert "did you mean 'customer'?" in errors["/custmer"]
    assert "/customer" in errors


def test_an_unknown_field_that_is_like_none_gets_the_list(service):
    answer = service.send("/api/orders/", {"customer": "anna", "zzz": 1})
    assert "customer, priority" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize("body", [[], b'"text"', None, 5, {"customer": 5}, {"customer": ""}, {"customer": "x" * 21}])
def test_a_body_of_another_shape_is_refused(service, body):
    answer = service.send("/api/orders/", b"null" if body is None else body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")


def test_an_unknown_query_parameter_is_refused(service):
    answer = service.get("/api/orders/?stat=open")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_query")
    assert "did you mean 'state'?" in answer.json()["detail"]
    assert service.get("/api/orders/?state=open").json() == {"state": "open"}


def test_a_query_parameter_given_twice_is_refused(service):
    assert service.get("/api/orders/?state=a&state=b").status_code == 400
