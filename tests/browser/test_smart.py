"""The SMART app in a browser: launched from an EHR, asked, told the missing time, and writing it to the chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import expect

from tests.browser.visitor import DESKTOP, Visitor, visitor
from tests.web.smart_sites import ehr_and_app

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

MOBILE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}
LOOKS = [("desktop", DESKTOP), ("dark-mobile", MOBILE)]


def looked_at(someone: Visitor, name: str) -> None:
    """Keep a picture; nothing on the page bars anybody, and nothing scrolls sideways."""
    someone.keep(name)
    found = Axe().run(someone.page)
    assert found.violations_count == 0, found.generate_report()
    wide, shown = someone.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= shown


@pytest.mark.parametrize(
    ("look", "options"), [("desktop", DESKTOP), ("dark-mobile", MOBILE)], ids=["desktop", "mobile"]
)
def test_the_launched_chart_is_judged_and_the_time_told_is_written(
    browser: Browser, look: str, options: dict[str, Any]
) -> None:
    with ehr_and_app() as (ehr, base), visitor(browser, base, (f"{ehr.origin}/",), **options) as someone:
        someone.open(f"/smart/launch?iss={ehr.origin}/fhir&launch=x")
        assert someone.topics() == ["indicated"]
        looked_at(someone, f"smart-{look}")
        someone.page.fill("#earliest", "2026-01-15T03:00")
        someone.page.fill("#amount_g", "12")
        someone.press("Assess with this")
        expect(someone.page.get_by_text("Entered here, not in the chart", exact=True)).to_be_visible()
        someone.press("Write to the chart")
        looked_at(someone, f"smart-review-{look}")
        someone.press("Write it to the chart")
        expect(someone.page.get_by_text("Written to the chart as MedicationStatement/").first).to_be_visible()
        assert someone.topics() == ["not-indicated"]
        looked_at(someone, f"smart-written-{look}")
        stored = someone.page.context.cookies()
        tokens = set(ehr.server.tokens)
        assert not any(token in str(cookie) for cookie in stored for token in tokens)
        assert not any(token in someone.page.content() for token in tokens)
