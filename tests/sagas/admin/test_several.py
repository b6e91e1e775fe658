"""Several sagas retried together, each with its own answer."""

import re

import pytest

from gateway.ids import uuid7
from sagas.models import Audit
from tests.sagas.admin.conftest import RETRY, held, text_of

pytestmark = pytest.mark.django_db


def test_several_are_retried_together_and_each_gets_its_own_answer(world, two, operator):
    first, second = held(world, two, business_key="a"), held(world, two, business_key="b")
    ended = world.run_through(world.start(two, business_key="c"))
    ids = [found.pk for found in (first, second, ended)]
    asked = operator.post(RETRY, {"id": ids})
    assert "2 of 3 are eligible" in text_of(asked)
    assert not Audit.objects.exists()
    answered = operator.post(RETRY, {"id": ids, "reason": "the bank is open", "do": "1"})
    assert "2 of 3 retries were accepted" in text_of(answered)
    assert re.search(r"two c\s+Refused\. The saga has ended", text_of(answered))
    assert set(Audit.objects.values_list("saga", flat=True)) == {first.pk, second.pk}


def test_a_reason_is_wanted(world, two, operator):
    found = held(world, two)
    assert "Say why" in text_of(operator.post(RETRY, {"id": found.pk, "reason": " ", "do": "1"}))
    assert not Audit.objects.exists()


@pytest.mark.parametrize("given", [[], ["nonsense"], ["\x00"]])
def test_a_retry_of_nothing_leads_back_to_the_list(operator, given):
    answer = operator.post(RETRY, {"id": [*given, str(uuid7())], "reason": "again", "do": "1"}, follow=True)
    assert "There is no such saga." in text_of(answer)
