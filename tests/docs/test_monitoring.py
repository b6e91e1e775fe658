"""Dashboard and alert rules ask for figures that there are, and the runbook has an entry for every alert.

That a running system tells all of them is shown in `tests/acceptance/test_seen.py`.
"""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from tests.docs.pages import DOCS, first_cells, page, quoted, section

RULES = yaml.safe_load(page("monitoring/alerts.yml"))["groups"][0]["rules"]
PANELS = [panel for panel in json.loads(page("monitoring/dashboard.json"))["panels"] if panel["type"] != "row"]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [target["expr"] for panel in PANELS for target in panel["targets"]]
ENDINGS = "_(total|bucket|sum|count)$"
OF_THE_LANGUAGE = {"and", "or", "on", "by", "unless", "ignoring", "without", "le"}


def names(expression: str) -> set[str]:
    """The metrics that an expression asks for: words that are no function, no label and no keyword."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"", "", expression)
    bare = re.sub(r"\b(by|on|without|ignoring) \([^)]*\)", "", bare)
    return {word for word in re.findall(r"\b[a-z]\w+\b(?!\s*\()", bare) if word not in OF_THE_LANGUAGE}


NAMES = {re.sub(ENDINGS, "", name) for expression in EXPRESSIONS for name in names(expression)}
"""Every metric that a panel or a rule asks for, by its family's name."""


def test_the_names_in_an_expression_are_found() -> None:
    expression = (
        'sum by (queue, le) (rate(a_total{x=~"b.*"}[5m])) / max(c_seconds) > 4 * 3600 and on (queue) d_now == 0'
    )
    assert names(expression) == {"a_total", "c_seconds", "d_now"}


def test_every_figure_is_explained_and_asked_for() -> None:
    told = {re.sub(ENDINGS, "", name) for name in quoted(first_cells(section(page("monitoring.md"), "Figures")))}
    assert told == NAMES


def test_every_alert_has_its_entry_in_the_runbook_and_no_other_has() -> None:
    assert quoted(first_cells(section(page("runbook.md"), "Alerts"))) == [rule["alert"] for rule in RULES]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_rule_says_how_bad_it_is_and_what_it_is(rule: dict) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"].endswith(".")


def test_labels_that_rules_name_are_those_of_their_figures() -> None:
    for rule in RULES:
        given = {label for found in re.findall(r"by \(([^)]*)\)", rule["expr"]) for label in found.split(", ")}
        named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        assert named <= given, rule["alert"]


def test_no_two_panels_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(page("monitoring/dashboard.json"))["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool, of Debian's package prometheus, is not here")
def test_prometheus_itself_understands_the_rules() -> None:
    checked = subprocess.run(
        ["promtool", "check", "rules", str(DOCS / "monitoring/alerts.yml")], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
