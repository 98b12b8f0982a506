"""The report of an evaluation in a browser: light, dark and narrow, with no bar to anybody and nothing fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

from cds_service.population.report import report_html
from cds_service.population.synth.writing import Population, write_ndjson
from cds_service.population.tables import figures_of, write_tables
from tests.browser.visitor import DESKTOP, SCREENSHOTS
from tests.population.populations import ANCHOR, judged

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

LOOKS: list[tuple[str, dict[str, Any]]] = [
    ("light", DESKTOP),
    ("dark", DESKTOP | {"color_scheme": "dark"}),
    ("narrow", {"viewport": {"width": 390, "height": 844}}),
]
HEADINGS = (
    "Alert burden",
    "New cards per rule and month",
    "What signing orders would have brought",
    "First recommendation and start of acetylcysteine",
    "Needless",
    "Missed",
    "Data gaps",
    "Codes and units no table knows",
    "Examples by id",
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_ndjson(Population(150, 5, ANCHOR), folder / "in")
    run, intake = judged(folder / "in", folder)
    write_tables(run)
    told = {"profile": "us-2023", "rule_set_sha256": "0" * 64}
    (folder / "report.html").write_text(report_html(figures_of(folder), told, intake.as_json()), encoding="utf-8")
    return folder / "report.html"


@pytest.mark.parametrize(("look", "options"), LOOKS, ids=[look for look, _ in LOOKS])
def test_the_report_reads_well(browser: Browser, report: Path, look: str, options: dict[str, Any]) -> None:
    said: list[str] = []
    asked: list[str] = []
    with browser.new_context(bypass_csp=True, **options) as context:  # axe itself is a script, and the page allows none
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report.as_uri())
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"population-{look}.png", full_page=True)
        found = Axe().run(page)
        wide, shown = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        headings = page.locator("h2, h3").all_inner_texts()
        example = page.locator("details").last.locator("tbody th").first.text_content() or ""
    assert found.violations_count == 0, found.generate_report()
    assert wide <= shown
    assert said == []
    assert asked == [report.as_uri()]
    assert all(any(heading.startswith(wanted) for heading in headings) for wanted in HEADINGS)
    assert example.startswith("synth-")
