"""Texts that try to get out of a chart, an address or a form stay texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.visitor import ABOVE, HOSTILE, calculate, open_details

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.browser.visitor import Visit

pytestmark = pytest.mark.browser


def harm(page: Page) -> Any:
    return page.evaluate("[window.__harm, document.querySelectorAll('img, main script, [onerror]').length]")


def test_hostile_texts_of_a_chart_stay_texts(visit: Visit) -> None:
    with visit() as someone:
        page = someone.open("/")
        page.fill("#patient", "hostile")
        someone.press("Open the chart")
        assert someone.topics() == ["indicated"]
        open_details(page)
        assert harm(page) == [None, 0]
        assert "onerror" in page.locator("main").inner_text()
        someone.keep("hostile-chart")
        someone.follow("Show on the nomogram")
        assert harm(page) == [None, 0]


@pytest.mark.parametrize(
    "slug", ["%3Cscript%3Ewindow.__harm=1%3C%2Fscript%3E", "'%22%3E%3Cimg src=x onerror=window.__harm=1%3E"]
)
def test_hostile_addresses_stay_texts(visit: Visit, slug: str) -> None:
    with visit() as someone:
        for path in (f"/ehr/{slug}", f"/nomogram/{slug}"):
            assert harm(someone.open(path)) == [None, 0]


def test_hostile_typing_stays_text(visit: Visit) -> None:
    with visit() as someone:
        page = someone.open(ABOVE)
        someone.order("iv-nac", text=HOSTILE)
        assert "onerror" in someone.drafts()[0]
        open_details(page)
        page.locator("details.override input").first.fill(HOSTILE)
        someone.press("Override this card")
        assert harm(page) == [None, 0]
        page = calculate(someone, level='"><img src=x onerror="window.__harm=1">')
        assert harm(page) == [None, 0]
        page = someone.open("/")
        page.fill("#patient", HOSTILE[:100])
        someone.press("Open the chart")
        assert harm(page) == [None, 0]


def test_a_script_that_gets_in_is_not_run(browser: Browser, site: str) -> None:
    """The policy itself: markup put into the page by force runs nothing. The page complains, so nobody watches it."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{site}{ABOVE}")
        page.evaluate("""() => {
            document.addEventListener('securitypolicyviolation', event => { window.__refused = true; });
            const made = document.createElement('div');
            made.innerHTML = '<b onclick="window.__harm=1">x</b>';
            document.body.append(made);
            made.firstChild.click();
        }""")
        page.wait_for_function("window.__refused")
        assert page.evaluate("window.__harm") is None
