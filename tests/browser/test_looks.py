"""Every page in every look: accessible, light and dark, small and zoomed, and on paper."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import expect

from tests.browser.visitor import ABOVE, calculate, open_details

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.visitor import Visit, Visitor

pytestmark = pytest.mark.browser
MOBILE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}
ZOOMED = {"viewport": {"width": 640, "height": 450}, "device_scale_factor": 2}  # 1280 wide at 200 %
NARROWEST = {"viewport": {"width": 320, "height": 640}}


def state_home(someone: Visitor) -> None:
    open_details(someone.open("/"))


def state_chart(someone: Visitor) -> None:
    open_details(someone.open("/ehr/g2-third-bag-runs"))


def state_dose_check(someone: Visitor) -> None:
    someone.open(ABOVE)
    someone.order("iv-nac", dose="105000", duration_h="1")
    open_details(someone.page)


def state_silent(someone: Visitor) -> None:
    someone.open("/ehr/unrelated-patient")


def state_result(someone: Visitor) -> None:
    open_details(calculate(someone, level="<10", hours_from="19", hours_to="23", weight="70"))


def state_unknown_time(someone: Visitor) -> None:
    calculate(someone, level="10", alt="25")


def state_repeated(someone: Visitor) -> None:
    calculate(someone, level="40", hours_from="48", last_hours="4", alt="25")


def state_problems(someone: Visitor) -> None:
    calculate(someone, level="lots", hours_to="4", age="old")


def state_nomogram(someone: Visitor) -> None:
    someone.open(ABOVE)
    someone.follow("Show on the nomogram")


def state_stale(someone: Visitor) -> None:
    someone.open("/nomogram/stale")


def state_how(someone: Visitor) -> None:
    someone.open("/how")


def state_api(someone: Visitor) -> None:
    open_details(someone.open("/docs"))


def state_dashboard(someone: Visitor) -> None:
    someone.open("/dashboard")


def state_governance(someone: Visitor) -> None:
    someone.open("/governance")


def state_no_patient(someone: Visitor) -> None:
    someone.open("/ehr/nobody")


STATES = [
    state_home, state_chart, state_dose_check, state_silent, state_result, state_unknown_time, state_repeated,
    state_problems, state_nomogram, state_stale, state_how, state_api, state_dashboard, state_governance,
    state_no_patient,
]  # fmt: skip
every_state = pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__.removeprefix("state_"))


@every_state
@pytest.mark.parametrize(
    ("look", "options"),
    [("light", {"color_scheme": "light"}), ("dark-mobile", MOBILE | {"color_scheme": "dark"})],
    ids=["light", "dark-mobile"],
)
def test_every_page_is_accessible(
    visit: Visit, state: Callable[[Visitor], None], look: str, options: dict[str, Any]
) -> None:
    with visit(**options) as someone:
        state(someone)
        someone.keep(f"{state.__name__.removeprefix('state_')}-{look}")
        found = Axe().run(someone.page)
        assert found.violations_count == 0, found.generate_report()


def test_the_accessibility_check_can_fail(visit: Visit) -> None:
    with visit() as someone:
        page = someone.open("/nomogram")
        page.evaluate("document.querySelector('label').remove()")
        assert Axe().run(page).violations_count >= 1


@every_state
@pytest.mark.parametrize("options", [MOBILE, ZOOMED, NARROWEST], ids=["mobile", "zoomed", "narrowest"])
def test_no_page_scrolls_sideways(visit: Visit, state: Callable[[Visitor], None], options: dict[str, Any]) -> None:
    with visit(**options) as someone:
        state(someone)
        wide, shown = someone.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= shown


def test_the_zoomed_pages_are_kept_for_looking_at(visit: Visit) -> None:
    with visit(**ZOOMED) as someone:
        state_dose_check(someone)
        someone.keep("dose-check-zoomed")
        state_nomogram(someone)
        someone.keep("nomogram-zoomed")
        expect(someone.page.locator("svg.nomogram")).to_be_visible()


@pytest.mark.parametrize("slug", ["b1-above-line-8h", "c2-no-level-2h", "g1-criteria-met"])
def test_the_nomogram_prints_on_one_page(visit: Visit, slug: str) -> None:
    with visit() as someone:
        someone.open(f"/ehr/{slug}")
        someone.follow("Show on the nomogram")
        printed = someone.page.pdf(prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
