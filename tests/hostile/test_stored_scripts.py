"""What callers, participants and people wrote is text on every page, whatever it looks like."""

import pytest
from django.contrib.auth import get_user_model

from sagas import Abort, operations
from tests.hostile.call import answered
from tests.hostile.doors import addresses
from tests.hostile.judge import MARK
from tests.hostile.scene import Scene
from tests.sagas.world import World

pytestmark = pytest.mark.django_db

SCRIPT = f'"><img src=x onerror=alert(1)>{MARK}()</script>'


def test_no_page_makes_tags_of_what_was_written(world: World) -> None:
    scene, pages = Scene(world), list[str]()
    get_user_model().objects.update(first_name=SCRIPT, last_name=SCRIPT)
    about = {"business_key": SCRIPT, "labels": {SCRIPT[:63]: SCRIPT}}
    asked = world.start(scene.full, {SCRIPT: SCRIPT}, **about)
    world.work(asked)
    operations.signal(asked.pk, "paid", {SCRIPT: SCRIPT}, actor=SCRIPT, id=SCRIPT)
    world.work(asked)
    world.script("reserve", Abort(SCRIPT, code=SCRIPT))
    stuck = world.start(scene.full, SCRIPT, business_key=f"{SCRIPT}2")
    world.work(stuck)
    operations.pause(stuck.pk, actor=SCRIPT, reason=SCRIPT)
    for saga in (asked, stuck):
        names = {**scene.names, **dict.fromkeys(("waiting", "asked", "stuck", "back", "ended"), str(saga.pk))}
        for address in addresses():
            if address.is_console:
                answer = answered(address.calls()[0].meant(names))
                if answer.headers.get("Content-Type", "").startswith("text/html"):
                    pages.append(answer.body.decode())
                    assert MARK not in pages[-1], f"{address.path} makes a tag of what was written"
                    assert "<img src=x" not in pages[-1], f"{address.path} makes a tag of what was written"
    assert sum("&lt;script&gt;stored" in page for page in pages) > 2
