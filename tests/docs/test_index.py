"""Every page is found from the one that lists them, and every variable of the settings from the page on operating."""

import re

from tests.docs.pages import DOCS, first_cells, page, quoted, section

SETTINGS = (DOCS.parent / "orchestrator" / "settings.py").read_text()
OF_THE_PROCFILE = {"WEB_WORKERS", "WORKER_POOL", "WORKER_CONCURRENCY", "WORKER_NICE"}
OF_OPENTELEMETRY = {"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SERVICE_NAME"}


def test_every_page_is_listed_by_who_reads_it() -> None:
    listed = {path for path in re.findall(r"\]\(([\w/.-]+\.md)\)", page("README.md")) if not path.startswith("..")}
    assert listed == {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md") if path.parent.name != "decisions"} - {
        "README.md"
    }


def test_the_readme_leads_to_that_list() -> None:
    assert "(docs/README.md)" in (DOCS.parent / "README.md").read_text()


def test_every_variable_is_explained_once_and_no_other_is() -> None:
    read = set(re.findall(r'\benv\.\w+\(\s*"([A-Z_]+)"', SETTINGS)) | {"NOTIFICATION_KEEP_DAYS"}
    read |= {f"NOTIFICATION_{name}_DAYS" for name in ("KEEP_CONTENTS", "KEEP_ATTEMPTS")}
    told = [name for name in quoted(first_cells(section(page("operating.md"), "Settings"))) if name.isupper()]
    assert sorted(set(told)) == sorted(told)
    assert set(told) == read | OF_THE_PROCFILE | OF_OPENTELEMETRY
