"""An exception that nobody expected says where in the team's file it came from."""

from functools import partial, wraps

import pytest

from sagas import saga, step
from sagas.engine.places import place_of
from sagas.models import Run

FILE = "engine/test_places.py"


def unlucky(ctx):
    return 1 / 0


def patient(ctx):
    return unlucky(ctx)


def wrapped(function):
    @wraps(function)
    def inner(*arguments):
        return function(*arguments)

    return inner


class Careless:
    def __call__(self, ctx):
        return 1 / 0


def place_in(function):
    with pytest.raises(Exception) as raised:
        function(None)
    return place_of(raised.value, function)


LINE = unlucky.__code__.co_firstlineno + 1


@pytest.mark.parametrize("function", [unlucky, patient, wrapped(unlucky), wrapped(patient)])
def test_the_line_is_the_last_one_of_the_functions_file(function):
    assert place_in(function) == f" at {FILE}, line {LINE}"


@pytest.mark.parametrize("function", [partial(unlucky), Careless(), int])
def test_where_that_cannot_be_told_nothing_is(function):
    assert place_in(function) == ""


@pytest.mark.django_db
def test_a_step_that_is_tried_again_says_where_it_went_wrong(world):
    careless = saga("careless", step(unlucky, compensation=patient))
    world.knows(careless)
    found = world.start(careless)
    world.deliver_one(Run.objects.get(saga=found))
    assert Run.objects.get(saga=found).error == f"ZeroDivisionError at {FILE}, line {LINE}: division by zero"
