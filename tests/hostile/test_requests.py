"""Every request there is, hostile: never a 5xx, never a traceback, and after each a normal saga completes."""

import os
from collections.abc import Iterable

import pytest

from tests.hostile import corpus
from tests.hostile.call import Call
from tests.hostile.scene import Scene
from tests.hostile.seeds import a_seed, replaying
from tests.sagas.world import World

pytestmark = pytest.mark.django_db

SAMPLE = int(os.environ.get("FUZZ_SAMPLE", "40"))
"""So many calls of each kind, with CHANCE=new others in each run; 0 for all of them, which take some minutes."""

FRESH = 25
"""After so many calls the sagas that they are about are begun anew: some calls end them."""


def suffered(scene: Scene, calls: Iterable[Call]) -> list[str]:
    """What was wrong with any of the calls."""
    found = []
    for number, call in enumerate(calls):
        if number % FRESH == FRESH - 1:
            scene.renew()
        if wrong := scene.suffer(call):
            found.append(f"{call.line()[:1500]}\n  " + "\n  ".join(wrong))
    return found + scene.calm_down()


@pytest.mark.parametrize("kind", sorted(corpus.KINDS))
def test_what_has_broken_others_breaks_nothing_here(world: World, kind: str) -> None:
    with replaying(a_seed()) as chance:
        calls = list(corpus.KINDS[kind]())
        some = chance.sample(calls, min(SAMPLE, len(calls))) if SAMPLE else calls
        assert not (wrong := suffered(Scene(world), some)), "\n\n".join(wrong[:20])


def test_what_broke_something_once_does_not_do_so_again(world: World) -> None:
    assert not (wrong := suffered(Scene(world), corpus.found())), "\n\n".join(wrong[:20])
