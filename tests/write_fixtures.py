"""Write `fhir_fixtures/<slug>/{bundle.json, expected.json}` and their index, README.md, from the case tables.

`python -m tests.write_fixtures` writes them and removes folders no table names any more;
`--check` writes nothing and exits with 1, naming every file that is stale.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.fixture_cases import ALL_CASES
from tests.written_files import WrittenFolder

ROOT = Path(__file__).resolve().parent.parent / "fhir_fixtures"
INDEX = Path("README.md")

_INDEX_HEAD = """# Fixture patients

Synthetic patients, each named for what it provokes; `make fixtures` writes them from the tables in
`tests/fixture_cases`. What is expected was derived by hand from the guidelines, never by running the service. Times are
relative to each case's anchor and move with it when the cases are loaded.

| Rule | Cases that meet it | Cases on the other side |
| --- | --- | --- |
"""
_NAMED_AT_MOST = 4


def wanted_files() -> dict[Path, str]:
    """Every fixture file, relative to the fixture folder, with the text it must have."""
    files = {INDEX: index_markdown()}
    for case in ALL_CASES:
        for name, content in (("bundle.json", case.bundle()), ("expected.json", case.expected())):
            files[Path(case.slug) / name] = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    return files


def index_markdown() -> str:
    """Which cases show each rule, met and not met, and then every case with its title."""
    rules = sorted({rule for case in ALL_CASES for rule in (*case.rules, *case.not_rules)}, key=_rule_order)
    rows = [f"| {rule} | {_cases_with(rule, met=True)} | {_cases_with(rule, met=False)} |\n" for rule in rules]
    titles = [f"| `{case.slug}` | {case.title} |\n" for case in sorted(ALL_CASES, key=lambda case: case.slug)]
    return "".join([_INDEX_HEAD, *rows, "\n| Case | What it shows |\n| --- | --- |\n", *titles])


def _rule_order(rule: str) -> tuple[str, int, str]:
    digits = "".join(sign for sign in rule if sign.isdigit())
    return (rule[0], int(digits), rule)


def _cases_with(rule: str, *, met: bool) -> str:
    """The first cases that show a rule, those named after it first."""
    slugs = [case.slug for case in ALL_CASES if rule in (case.rules if met else case.not_rules)]
    slugs.sort(key=lambda slug: (not slug.startswith(f"{rule.lower()}-"), slug))
    more = f" and {len(slugs) - _NAMED_AT_MOST} more" if len(slugs) > _NAMED_AT_MOST else ""
    return ", ".join(f"`{slug}`" for slug in slugs[:_NAMED_AT_MOST]) + more


FIXTURES = WrittenFolder("tests.write_fixtures", ROOT, ("*/*.json", INDEX.name), wanted_files)


if __name__ == "__main__":
    raise SystemExit(FIXTURES.main(sys.argv[1:]))
