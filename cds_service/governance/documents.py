"""The pack as files: one Markdown document a subject, rendered from templates, and the same data as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from cds_service.clinical.rules_md import rules_markdown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cds_service.governance.pack import JsonObject

TITLES: Mapping[str, str] = {
    "source-attributes": "Source attributes",
    "intended-use": "Intended use",
    "basis": "Basis of each recommendation",
    "hazards": "Hazard log",
    "rule-set": "Rule set and profile in force",
    "changes": "Change history",
    "monitoring": "Monitoring plan",
    "sign-off": "Sign-off",
}
"""The documents in the order of reading: name and title."""

RULES = "rules"


def documents(pack: JsonObject) -> dict[str, str]:
    """Every document of the pack by name, as Markdown: those of `TITLES`, then the rule document."""
    environment = _environment()
    rendered = {
        name: environment.get_template(f"{name}.md").render(pack, title=title) for name, title in TITLES.items()
    }
    return rendered | {RULES: rules_markdown()}


def write_documents(pack: JsonObject, folder: Path) -> tuple[Path, ...]:
    """The documents and `governance.json` in `folder`, which is made if it is not there. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {f"{name}.md": text for name, text in documents(pack).items()} | {"governance.json": as_json(pack)}
    return tuple(_written(folder / name, text) for name, text in texts.items())


def as_json(pack: JsonObject) -> str:
    """The pack for machines: sorted keys, so that two packs can be compared line by line."""
    return json.dumps(pack, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def _environment() -> Environment:
    """Plain Markdown comes out, never HTML; a page that shows it does its own escaping."""
    environment = Environment(
        loader=PackageLoader("cds_service.governance"),
        autoescape=False,  # noqa: S701 - see above
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
    return environment


def _cell(value: object) -> str:
    """A text within a table: on one line, and no stroke that would end the cell."""
    return " ".join(str(value).split()).replace("|", "\\|")
