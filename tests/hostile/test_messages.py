"""What comes from the broker, hostile: a message is a hint, and a bad one moves nothing and stops nobody."""

from random import Random
from typing import Any

import pytest
from celery import current_app

import notifications.tasks  # noqa: F401
import sagas.tasks  # noqa: F401 - both make their tasks known
from sagas.engine import workers
from sagas.models import Journal
from tests.hostile.scene import Scene
from tests.hostile.seeds import a_seed, replaying
from tests.sagas.world import World

pytestmark = pytest.mark.django_db

OURS = ("sagas.tasks.", "notifications.tasks.")
ARGUMENTS: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 1.5, 1e308, 2**31, 2**63, 2**64, 10**400, float("nan"), "", "1", "x" * 100_000),
    *(
        "\x00",
        "\ud800",
        [],
        [1],
        [[[]]],
        {},
        {"a": 1},
        {"pk": 1},
        "00000000-0000-0000-0000-000000000000",
        "sagas",
        b"x",
    ),
)
ODD = (
    *(([], {}), ([None], {}), ([1, 1], {"more": 1}), ([], {"named": [1, 1]}), ([], {"pk": "x"}), ([], {"queue": 1})),
    *(([1] * 10_000, {}), ([], {"\x00": 1}), ([[1, 1]], {}), ([{"run": 1, "fence": 1}], {}), ([], {"self": 1})),
)


@pytest.fixture(autouse=True)
def a_worker_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_here", workers.Here())


def tasks() -> list[str]:
    """The tasks that a message may name."""
    return sorted(name for name in current_app.tasks if name.startswith(OURS))


def suffered(scene: Scene, name: str, args: list[Any], kwargs: dict[str, Any]) -> list[str]:
    """Run the task as a worker does; what was wrong after that."""
    before = Journal.objects.count()
    current_app.tasks[name].apply(args=args, kwargs=kwargs, throw=False)
    wrong = [] if Journal.objects.count() == before or "sweep" in name else ["it moved a saga"]
    return [f"{name}{str(args)[:200]}{str(kwargs)[:200]}: {fault}" for fault in wrong + scene.trouble()]


@pytest.mark.parametrize("name", tasks())
def test_a_message_of_wrong_arguments_moves_nothing(world: World, name: str) -> None:
    scene, found = Scene(world), []
    many = [([given], {}) for given in ARGUMENTS] + [([given, 1], {}) for given in ARGUMENTS] + [*ODD]
    for args, kwargs in many:
        found += suffered(scene, name, list(args), dict(kwargs))
    assert not found + scene.calm_down(), "\n".join(found)


@pytest.mark.parametrize("name", tasks())
def test_a_message_of_random_arguments_moves_nothing(world: World, name: str) -> None:
    with replaying(a_seed()) as chance:
        scene, found = Scene(world), []
        for _ in range(10):
            found += suffered(scene, name, *_random(chance))
        assert not found + scene.calm_down(), "\n".join(found)


def _random(chance: Random) -> tuple[list[Any], dict[str, Any]]:
    args = [chance.choice(ARGUMENTS) for _ in range(chance.randrange(13))]
    named = {chance.choice(["a", "run", "fence", "pk", "queue", "args"]): chance.choice(ARGUMENTS) for _ in range(2)}
    return args, named if chance.random() < 0.5 else {}
