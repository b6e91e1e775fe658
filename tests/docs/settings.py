"""The page of all settings, made from the classes that define them.

`python -m tests.docs.settings` writes it.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.docs.pages import DOCS

ROOT = DOCS.parent
TABLES = (
    ("GATEWAY", "gateway/conf.py", "Gateway"),
    ("Issuer", "gateway/conf.py", "Issuer"),
    ("SAGAS", "sagas/conf.py", "Conf"),
    ("NOTIFICATIONS", "notifications/conf.py", "Conf"),
    ("Provider", "notifications/conf.py", "Provider"),
    ("Category", "notifications/conf.py", "Category"),
    ("Digest", "notifications/conf.py", "Digest"),
)
"""The headings of the page: a dict's name, or the class of an entry in one, with where it is defined."""
OPENING = """# Settings

What may stand in `GATEWAY`, `SAGAS` and `NOTIFICATIONS`, three dicts in Django's settings, and what holds when it does
not. Most installations need none of them by hand: `orchestrator/settings.py` fills in what the
[variables of the environment](operating.md#settings) say. A name that does not exist is refused when a process starts.

This page is made from the classes in the code: `python -m tests.docs.settings` writes it.
"""


@dataclass(frozen=True)
class Setting:
    name: str
    default: str
    says: str


def settings_of(path: str, name: str) -> Iterator[Setting]:
    """The fields of a dataclass with their defaults and with the string that stands below each of them."""
    (found,) = (
        node
        for node in ast.parse((ROOT / path).read_text()).body
        if isinstance(node, ast.ClassDef) and node.name == name
    )
    for node, below in zip(found.body, [*found.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            says = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else ""
            yield Setting(node.target.id, default_of(node.value), " ".join(str(says).split()))


def default_of(value: ast.expr | None) -> str:
    """How the page says a default: "3 seconds" rather than `timedelta(seconds=3)`."""
    if value is None:
        return "must be given"
    text = ast.unparse(value)
    if made := re.search(r"default_factory=(\w+)", text):
        return {"dict": "none", "Digest": "as below"}.get(made[1], "see [notifications](notifications.md)")
    if lasting := re.fullmatch(r"timedelta\((\w+)=([\d.]+)\)", text):
        return f"{lasting[2]} {lasting[1] if float(lasting[2]) != 1 else lasting[1].removesuffix('s')}"
    return "none" if text in ("None", "()", "''") else f"`{text}`"


def written() -> str:
    """The whole page."""
    parts = [OPENING]
    for title, path, name in TABLES:
        upper = title.isupper()
        parts += [f"\n## {title}\n\n", "| setting | default | what it is |\n|---|---|---|\n"]
        for setting in settings_of(path, name):
            shown = setting.name.upper() if upper else setting.name
            parts.append(f"| `{shown}` | {setting.default} | {escaped(setting.says)} |\n")
    return "".join(parts)


def escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    (DOCS / "settings.md").write_text(written())
