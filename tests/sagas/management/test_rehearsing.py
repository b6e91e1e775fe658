"""`manage.py saga matrix`."""

import pytest

from sagas import saga, step
from sagas.models import Saga
from tests.sagas.management.test_saga_command import Ran

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_becomes_of_a_saga_is_tried_out_beside_the_live_database(world):
    table = saga("order", step(world.charge, compensation=world.refund), step(world.tell, reads_only=True))
    live = world.start(table)
    found = {(cell["row"], cell["failure"]): cell for cell in Ran("matrix", "order", "--json").json}
    assert (found["tell", "refused"]["state"], found["tell", "refused"]["undone"]) == ("compensated", ["charge"])
    assert found["charge", "cannot be undone"]["state"] == "stuck"
    assert "what goes wrong" in Ran("matrix", "order").out
    assert (list(Saga.objects.values_list("pk", "rev")), world.called) == ([(live.pk, 1)], [])
