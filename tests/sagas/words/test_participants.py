"""Whom a function calls is read off its code."""

from functools import partial, wraps

from sagas import step
from sagas.words.participants import called_by

PAYMENTS = "payments"


def charge(ctx):
    return ctx.service("payments").post("/charges").json


def refund(ctx):
    return ctx.service(PAYMENTS).post("/refunds").json


def find(ctx):
    return _look(ctx)


def _look(ctx):
    return [ctx.service("bank").get(address).json for address in ("/a", "/b")]


def both(ctx):
    return ctx.service("stock").get("/").json, ctx.service("payments").get("/").json, find(ctx)


def itself(ctx):
    return itself(ctx)


def of_a_name(ctx, name="payments"):
    return ctx.service(name).get("/")


def test_a_service_is_found_where_it_is_written_out_or_a_constant():
    assert called_by(charge) == ("payments",)
    assert called_by(refund) == ("payments",)


def test_helpers_of_the_module_and_what_stands_within_count():
    assert called_by(find) == ("bank",)
    assert called_by(both) == ("stock", "payments", "bank")


def test_wrapped_functions_and_partials_are_looked_into():
    @wraps(charge)
    def wrapped(ctx):
        return charge(ctx)

    assert called_by(wrapped) == ("payments",)
    assert called_by(partial(charge)) == ("payments",)


def test_what_cannot_be_read_off_is_nothing():
    assert called_by(itself) == ()
    assert called_by(of_a_name) == ()
    assert called_by(len) == ()
    assert called_by(None) == ()


def test_a_step_knows_the_participants_of_all_its_functions():
    row = step(charge, compensation=find, probe=refund)
    assert row.participants == ("payments", "bank")
    assert row.calls(row.compensation) == ("bank",)


def test_what_a_step_says_itself_counts_before_its_code():
    row = step(of_a_name, compensation=charge, participant="bank")
    assert row.participants == ("bank",)
    assert row.calls(row.compensation) == ("bank",)
