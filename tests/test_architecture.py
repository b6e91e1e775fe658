"""Who may import whom, read from the source: packages in one direction, and bands inside `sagas`."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

PACKAGES = {  # what each may import of our own
    "gateway": set(),
    "notifications": {"gateway"},
    "sagas": {"gateway"},
    "examples": {"sagas"},
    "orchestrator": {"gateway", "notifications", "sagas"},
}

BANDS = {  # inside sagas: what imports only its own band and the bands above it here
    "words": "errors words",
    "record": "conf models migrations record",
    "engine": "engine operations tasks events",
    "doors": "api approvals admin templatetags health metrics checks diagrams management testing apps",
}
APART = {"participant", "client"}  # for participants and callers, which are projects without the coordinator
WORDS_MAY_IMPORT = {"sagas", "transitions", "pydantic", "pydantic_core", *sys.stdlib_module_names}

BAND_OF = {name: number for number, names in enumerate(BANDS.values()) for name in names.split()}
SOURCES = [path for package in PACKAGES for path in sorted((REPOSITORY / package).rglob("*.py"))]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_file_imports_only_what_it_may(path: Path):
    package, *_ = parts = path.relative_to(REPOSITORY).with_suffix("").parts
    imported = list(imports(path))
    ours = {module.split(".")[0] for module in imported} & PACKAGES.keys()
    assert ours <= {package, *PACKAGES[package]}
    if package == "sagas" and parts[1] != "__init__":
        below = [module.split(".")[1] for module in imported if module.startswith("sagas.") and module.count(".")]
        check_bands(parts[1], below, imported)


def check_bands(name: str, below: list[str], imported: list[str]) -> None:
    if name in APART:
        assert set(below) <= {name}, "it must be installable without the coordinator"
        return
    assert name in BAND_OF, f"say in BANDS to which band sagas/{name} belongs"
    later = {other for other in below if BAND_OF.get(other, len(BANDS)) > BAND_OF[name]}
    assert not later, f"sagas/{name} imports from a band after its own"
    if BAND_OF[name] == 0:
        assert {module.split(".")[0] for module in imported} <= WORDS_MAY_IMPORT


OURS = [path for path in SOURCES if path.relative_to(REPOSITORY).parts[0] != "examples"]  # participants are others


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_on_commit_is_called_in_dispatch_only(path: Path):
    names = {node.attr if isinstance(node, ast.Attribute) else node.id for node in tree(path) if named(node)}
    assert "on_commit" not in names or path.name == "dispatch.py"


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, as a dotted path; `from sagas import plan` is `sagas.words.plan`."""
    for node in tree(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def tree(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(), str(path)))


def named(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute | ast.Name)
