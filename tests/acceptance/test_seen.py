"""A whole installation, seen from outside only: its figures, its lines, its traces."""

import json
import re
import signal
import time
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from examples.shop import ledgers
from orchestrator.logs import FIELDS
from tests.acceptance.scene import MINUTE, Scene
from tests.docs.test_monitoring import ENDINGS, NAMES
from tests.harness.processes import Process, folder
from tests.harness.product import PROGRAMS
from tests.harness.waiting import wait_until

CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
CLAIMED = """
SELECT count(*) AS n FROM sagas_journal, jsonb_array_elements(moves) m
WHERE m->>'did' = 'claimed' AND m->>'step' = %s AND m->>'undo' = %s
"""

ENDED = {("order", "completed"): 6.0, ("order", "compensated"): 2.0, ("shipping", "completed"): 6.0}
Figures = dict[str, dict[tuple[str, ...], float]]


def figures(url: str) -> Figures:
    """What `/metrics` tells there, by name and the values of the labels in the order of their names."""
    time.sleep(0.5)  # nobody asks more often
    answer = httpx.get(f"{url}/metrics", timeout=30)
    assert answer.status_code == 200, answer.text
    found: Figures = {}
    for family in text_string_to_metric_families(answer.text):
        found[family.name] = {}
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def test_figures_and_lines_are_right_over_web_processes_and_workers_and_without_a_database(scene):
    with scene(environment={"LOG_FORMAT": "json"}) as scene:
        webs = [str(scene.api.base_url), scene.product.web(workers=2, threads=4).url]
        workers = [scene.worker("prefork", 2), scene.worker("threads", 2)]
        beat = scene.product.beat()
        good = scene.order(6)
        declined = scene.order(2, user_id="erin")
        assert scene.all_end() == {"completed": 6, "compensated": 2}
        for url in webs:
            wait_until(lambda url=url: are_right(figures(url), scene), "all counts are in", 2 * MINUTE)
        missing = NAMES - {re.sub(ENDINGS, "", name) for name in figures(webs[1])}
        assert not missing, "panels and rules ask for what nobody tells"
        the_lines_are_as_documented(scene.product.processes[1], "web")
        the_lines_are_as_documented(beat, "beat")
        told = [line for worker in workers for line in the_lines_are_as_documented(worker, "worker")]
        ended = {line["saga"]: line["state"] for line in told if line["event"] == "a saga ended"}
        assert ended.items() >= {**dict.fromkeys(good, "completed"), **dict.fromkeys(declined, "compensated")}.items()

        workers[1].signal(signal.SIGKILL)
        wait_until(lambda: figures(webs[0])["saga_workers"] == {(): 2.0}, "the dead one is missed", 2 * MINUTE)
        scene.postgres.kill()
        wait_until(lambda: figures(webs[0])["database_up"] == {(): 0.0}, "they say that it is away", 2 * MINUTE)
        assert figures(webs[0])["saga_workers"], "what was known last"
        answer = httpx.get(f"{webs[0]}/readyz", timeout=30)
        assert answer.status_code == 503
        checks = answer.json()["checks"]
        assert checks.pop("database") == "it does not answer"
        assert set(checks.values()) == {"not asked, since the database does not answer"}
        scene.postgres.start()
        wait_until(lambda: figures(webs[0]).get("saga_ended_total") == ENDED, "nothing counts twice", 2 * MINUTE)
        wait_until(scene.states, "the test's own connection is made anew")


def are_right(found: Figures, scene: Scene) -> bool:
    """Whether what was counted is what the journal says."""
    assert found["saga_ended_total"] == ENDED
    assert found["saga_started_total"] == {("order",): 8.0, ("shipping",): 6.0}
    assert found["saga_start_seconds_count"]["order",] == 8.0
    attempts = found["saga_attempts_total"].items()
    for step, doing, undo in (("charge", "action", "owed"), ("lock_stock", "compensation", "running")):
        claimed = scene.rows(CLAIMED, step, undo)[0]["n"]
        assert found["saga_attempt_seconds_count"]["order", doing, step] == claimed
        assert sum(by for labels, by in attempts if labels[1] == doing and labels[3] == step) >= claimed
    assert found["api_requests_total"]["POST", "api/v1/sagas/", "201"] == 8.0
    assert found["saga_workers"] == {(): 3.0}
    assert found["saga_worker_slots"]["sagas",] == 4.0
    return True


def the_lines_are_as_documented(process: Process, kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in process.output().splitlines() if line.startswith("{")]
    ours = [line for line in lines if line["logger"].partition(".")[0] in ("sagas", "gateway", "orchestrator")]
    assert {line["process"] for line in lines} <= {kind}
    assert {name for line in ours for name in line} <= FIELDS
    return lines


def test_an_order_with_a_wait_and_a_compensation_is_one_connected_trace(scene):
    file = folder("spans") / "spans.jsonl"
    with scene(environment={"APPS": "tests.acceptance.traced", "OTEL_SERVICE_NAME": "coordinator"}) as scene:
        collector = scene.product.start(
            "collector", [str(PROGRAMS / "python"), "-m", "tests.harness.collector", str(file)]
        )
        collector.wait_until_it_says("collects on ")
        port = re.search(r"collects on (\d+)\.", collector.output())[1]
        traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_BSP_SCHEDULE_DELAY": "200"}
        web = scene.product.web(threads=4, environment=traced)
        for _ in range(2):
            scene.worker("prefork", 1, environment=traced)
        answer = httpx.post(
            f"{web.url}/api/v1/sagas/",
            json={"definition": "parcel", "input": {"order_id": "a-secret-order"}},
            headers={**scene.api.headers, "traceparent": f"00-{CALLER}-{PARENT}-01"},
            timeout=30,
        )
        scene.started.append(answer.json()["id"])
        assert scene.all_end() == {"compensated": 1}

        def trace() -> list[dict[str, Any]]:
            found = [json.loads(line) for line in file.read_text().splitlines()]
            return [span for span in found if span["trace"] == CALLER]

        def complete() -> bool:
            names = [span["name"] for span in trace()]
            return {"POST api/v1/sagas/", "parcel/ship", "parcel/reserve compensation"} <= set(names)

        wait_until(complete, "the whole trace has arrived", 2 * MINUTE)
        wait_until(lambda: all_parents_are_there(trace()), "it is connected", 2 * MINUTE)
        spans = sorted(trace(), key=lambda span: span["began"])
        by_name = {span["name"]: span for span in spans}
        assert [span["name"] for span in spans if span["parent"] == PARENT] == ["POST api/v1/sagas/"]
        assert above("parcel/reserve", spans) == ["parcel", "parcel start", "POST api/v1/sagas/"]
        assert above("parcel/reserve compensation", spans)[-2:] == ["parcel start", "POST api/v1/sagas/"]
        calls = [above(span["name"], spans, span)[0] for span in spans if span["kind"] == "SPAN_KIND_CLIENT"]
        assert calls == ["parcel/reserve", "parcel/reserve compensation"]
        assert by_name["parcel/ship"]["began"] - by_name["parcel/reserve"]["began"] > 2
        ship = by_name["parcel/ship"]
        assert ship["failed"]
        assert (ship["attributes"]["saga.outcome"], ship["attributes"]["saga.code"]) == ("refused", "nobody_ships")
        assert "a-secret-order" not in json.dumps(spans), "no payload, and no words of an exception"
        assert {span["service"] for span in spans} == {"coordinator"}
        assert scene.applied("stock", scene.started[0]) == ["action", "compensation"]
        assert ledgers.saga_of(ship["attributes"]["saga.id"] + ":x") == scene.started[0]


def all_parents_are_there(spans: list[dict[str, Any]]) -> bool:
    ids = {span["id"] for span in spans}
    return all(span["parent"] in ids or span["parent"] == PARENT for span in spans)


def above(name: str, spans: list[dict[str, Any]], span: dict[str, Any] | None = None) -> list[str]:
    """The names of what a span is part of, from the nearest up to the first."""
    by_id = {each["id"]: each for each in spans}
    span = span or next(each for each in spans if each["name"] == name)
    found = []
    while (parent := by_id.get(span["parent"])) is not None:
        found.append(parent["name"])
        span = parent
    return found
