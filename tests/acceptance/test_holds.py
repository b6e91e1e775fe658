"""A participant is held and released under real workers, each with a memory of its own."""

from tests.acceptance.scene import MINUTE, Scene
from tests.harness.waiting import wait_until

WHY = {"reason": "payments answers 500"}
PARTICIPANT = "/api/v1/participants/payments/"


def parked(scene: Scene) -> int:
    [row] = scene.rows("SELECT count(*) AS n FROM sagas_run WHERE hold_id IS NOT NULL")
    return int(row["n"])


def test_what_workers_come_upon_waits_and_goes_on_when_it_is_released(scene):
    with scene(environment={"APPS": "tests.acceptance.patient"}) as scene:
        scene.product.manage("saga", "hold", "payments", "--reason", "payments answers 500")
        scene.worker("prefork", 1)
        scene.worker("threads", 2)
        sagas = scene.order(6, definition="payment")
        wait_until(lambda: parked(scene) == 6, "all of them wait", 2 * MINUTE)
        assert sum(scene.heard("payments", saga) for saga in sagas) == 0
        assert "nothing will move" not in scene.api.get("/readyz").text
        said = scene.api.get(f"/api/v1/sagas/{sagas[0]}/").json()["next"]
        assert "payments is held by" in said

        scene.api.post(f"{PARTICIPANT}canary/", json=WHY).raise_for_status()

        def fared() -> list[bool]:
            return [canary["went_well"] for canary in scene.api.get(PARTICIPANT).json()["canaries"]]

        wait_until(lambda: fared() == [True], "the canary came through", 2 * MINUTE)
        assert parked(scene) == 5
        scene.api.post(f"{PARTICIPANT}release/", json={**WHY, "rate": 2}).raise_for_status()
        assert scene.all_end() == {"completed": 6}
        assert [scene.heard("payments", saga) for saga in sagas] == [1] * 6

        # Held anew under workers that are at work: they hear of it, and then nothing is called any more.
        scene.api.post(f"{PARTICIPANT}hold/", json=WHY).raise_for_status()
        wait_until(lambda: scene.order(definition="payment") and parked(scene) > 0, "they have heard of it", 2 * MINUTE)
        scene.api.post(f"{PARTICIPANT}release/", json=WHY).raise_for_status()
        assert scene.all_end().keys() == {"completed"}
