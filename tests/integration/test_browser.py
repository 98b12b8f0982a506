"""The pages as people use them: in Chromium, by mouse and keyboard, with and without scripts, light, dark and small."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

from tests import builders
from tests.builders import Amount
from tests.integration.browser import CLOCK, chromium, running_site, visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from playwright.sync_api import Browser, Page

    from tests.integration.browser import Visitor

    Visit = Callable[..., AbstractContextManager[Visitor]]

pytestmark = pytest.mark.browser

ABOVE = "/ehr/b1-above-line-8h"
HOSTILE = '<img src=x onerror="window.__harm=1"><script>window.__harm=1</script>\'"[x](javascript:window.__harm=1)`'
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
MOBILE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}
ZOOMED = {"viewport": {"width": 640, "height": 450}, "device_scale_factor": 2}  # 1280 wide at 200 %
NARROWEST = {"viewport": {"width": 320, "height": 640}}
with_and_without_scripts = pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])


def hostile_chart() -> list[dict[str, Any]]:
    """A patient above the treatment line whose every text tries to get out."""
    sampled = CLOCK - timedelta(hours=1)
    drug = {"text": HOSTILE, "coding": [{"system": builders.RXNORM, "code": "198440", "display": HOSTILE}]}
    units = Amount(120, "mg/L", "mg/L")
    level = builders.observation("x-level", "hostile", builders.APAP_LEVEL, value=units, at=sampled)
    statement = {
        "resourceType": "MedicationStatement",
        "id": "x-drug",
        "status": "completed",
        "medicationCodeableConcept": drug,
        "subject": {"reference": "Patient/hostile"},
        "effectiveDateTime": (sampled - timedelta(hours=8)).isoformat(),
        "dosage": [{"text": HOSTILE}],
    }
    allergy = {
        "resourceType": "AllergyIntolerance",
        "id": "x-allergy",
        "patient": {"reference": "Patient/hostile"},
        "code": {"text": f"acetylcysteine {HOSTILE}"},
        "reaction": [{"manifestation": [{"text": HOSTILE}]}],
    }
    return [
        builders.patient("hostile", name=HOSTILE, birth_date="1990-05-14", gender="other"),
        level | {"code": level["code"] | {"text": HOSTILE}, "note": [{"text": HOSTILE}]},
        builders.observation("x-alt", "hostile", builders.ALT, value=HOSTILE, at=sampled),
        builders.condition("x-poisoning", "hostile", *builders.SELF_POISONING, text=HOSTILE,
                           onset=sampled - timedelta(hours=8), recorded=sampled),
        statement,
        allergy,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with running_site(hostile_chart()) as base:
        yield base


@pytest.fixture
def visit(browser: Browser, site: str) -> Visit:
    """A page at the site that has done nothing it must never do when it is left."""

    def opened(**options: Any) -> AbstractContextManager[Visitor]:
        return visitor(browser, site, **(DESKTOP | options))

    return opened


def calculate(someone: Visitor, **fields: str) -> Page:
    page = someone.open("/nomogram")
    for name, text in fields.items():
        page.fill(f"#{name}", text)
    someone.press("Assess")
    return page


@with_and_without_scripts
def test_typed_numbers_become_a_card_a_dose_and_a_drawing(visit: Visit, scripts: bool) -> None:  # noqa: FBT001
    with visit(java_script_enabled=scripts) as someone:
        page = calculate(someone, level="182", hours_from="8", weight="70", alt="25")
        assert someone.topics() == ["indicated"]
        assert page.locator("article.card h2").inner_text().startswith("Acetaminophen 182 mg/L at 8.0 h is above")
        assert "10,500 mg" in page.locator(".detail table").inner_text()
        assert page.locator("svg.nomogram .mark.disc").count() == 1
        assert page.locator(".levels tbody tr").inner_text().split("\t")[1:2] == ["182 mg/L"]
        page.get_by_text("Every rule and what it said").click()
        assert page.locator("table.rules tbody tr.met").first.is_visible()
        assert page.input_value("#level") == "182"
        someone.keep(f"calculator-{'scripts' if scripts else 'plain'}")


@with_and_without_scripts
def test_a_wrong_number_is_named_at_its_field(visit: Visit, scripts: bool) -> None:  # noqa: FBT001
    with visit(java_script_enabled=scripts) as someone:
        page = calculate(someone, level="lots", hours_from="8")
        assert page.get_by_role("alert").inner_text() == "Not calculated: 1 entry needs another look."
        field = page.get_by_label("Level", exact=True)
        assert field.get_attribute("aria-invalid") == "true"
        described = page.locator(f"#{field.get_attribute('aria-describedby')}")
        assert described.inner_text().startswith("Must be a number, with < or > in front")


@with_and_without_scripts
def test_a_tenfold_dose_is_caught_and_corrected(visit: Visit, scripts: bool) -> None:  # noqa: FBT001
    with visit(java_script_enabled=scripts) as someone:
        page = someone.open("/")
        page.click(f'a[href="{ABOVE}"]')
        assert someone.topics() == ["indicated"]
        someone.order("iv-nac", dose="105000", duration_h="1")
        check = page.locator('article[data-topic="dose-check"]')
        assert "ten times the dose for 70 kg" in check.locator("h3").inner_text()
        assert "105000 mg" in someone.drafts()[0]
        someone.keep(f"dose-check-{'scripts' if scripts else 'plain'}")
        someone.press("Correct to")
        assert "105000 mg" not in someone.drafts()[0]
        assert "10,500 mg" in someone.drafts()[0]
        assert "dose-check" not in someone.topics()
        assert page.locator(".told").first.inner_text().startswith("Accepted: Correct to")


@with_and_without_scripts
def test_a_card_is_overridden_with_a_reason(visit: Visit, scripts: bool) -> None:  # noqa: FBT001
    with visit(java_script_enabled=scripts) as someone:
        page = someone.open(ABOVE)
        page.locator("details.override summary").click()
        page.locator("details.override select").select_option("expert-contradicts")
        page.locator("details.override input").fill("toxicologist consulted")
        someone.press("Override this card")
        assert someone.topics() == []
        assert page.locator(".told").inner_text() == "Overridden; the reason is stored."


@with_and_without_scripts
def test_drafts_are_ticked_removed_and_signed(visit: Visit, scripts: bool) -> None:  # noqa: FBT001
    with visit(java_script_enabled=scripts) as someone:
        page = someone.open(ABOVE)
        someone.press("Draft IV NAC, three-bag for 70 kg")
        assert len(someone.drafts()) == 3
        page.locator(".drafts input").nth(2).uncheck()
        someone.press("Select ticked")
        assert page.locator(".drafts input:checked").count() == 2
        page.get_by_role("button", name="Remove").nth(2).click()
        someone.settle()
        assert len(someone.drafts()) == 2
        someone.press("Sign all")
        assert page.locator(".cards h2 small").inner_text() == "order-sign"


def test_request_answer_rules_and_times_can_be_read(visit: Visit) -> None:
    with visit() as someone:
        page = someone.open(ABOVE)
        for summary in ("Request", "Answer", "Every rule, its verdict and why", "Time spent", "Nomogram"):
            page.locator("summary", has_text=re.compile(rf"^{summary}$")).click()
        request, answer = (json.loads(text) for text in page.locator("pre").all_inner_texts())
        assert (request["hook"], request["context"]["patientId"]) == ("patient-view", "b1-above-line-8h")
        assert [card["indicator"] for card in answer["cards"]] == ["critical"]
        met = page.locator("table.rules tr.met th").all_inner_texts()
        assert [each.split()[0] for each in met] == ["B1-level-on-or-above-treatment-line"]
        assert page.get_by_role("rowheader", name="fhir.levels").is_visible()
        assert page.locator("svg.nomogram").is_visible()
        someone.keep("everything-open")


def test_the_case_is_watched_through_time_with_the_arrow_keys(visit: Visit) -> None:
    """Ingestion 30 h ago, arrival at 28 h: from "no level yet" to "criteria met", the focus staying on the slider."""
    with visit() as someone:
        page = someone.open("/ehr/g1-criteria-met")
        assert someone.topics() == ["criteria-met"]
        page.focus("#minutes")
        page.keyboard.press("Home")
        page.wait_for_selector('.cards:has-text("No card")')
        seen = []
        for _ in range(14):
            shown = page.locator("#now").inner_text()
            page.keyboard.press("ArrowRight")
            page.wait_for_function("shown => document.querySelector('#now').innerText !== shown", arg=shown)
            someone.settle()
            seen += [topic for topic in someone.topics() if topic not in seen]
        assert seen == ["data-needed", "indicated"]
        assert page.evaluate("document.activeElement.id") == "minutes"
        assert page.locator("p.unseen").inner_text().startswith("Acetaminophen 180 mg/L at 4.0 h is above")
        someone.keep("watched-through-time")


def test_without_scripts_the_slider_has_a_button(visit: Visit) -> None:
    with visit(java_script_enabled=False) as someone:
        page = someone.open("/ehr/g1-criteria-met")
        page.focus("#minutes")
        page.keyboard.press("Home")
        for _ in range(12):
            page.keyboard.press("ArrowRight")
        someone.press("Go to that time")
        assert someone.topics() == ["indicated"]


def test_the_link_on_a_card_opens_the_nomogram(visit: Visit) -> None:
    with visit() as someone:
        page = someone.open(ABOVE)
        page.get_by_role("link", name="Show on the nomogram").click()
        assert page.get_by_role("heading", level=1).inner_text() == "Nomogram"
        assert page.locator("svg.nomogram .mark-label").text_content() == "1: 120 mg/L"
        assert "b1-above-line-8h" not in page.content()
        someone.keep("nomogram")


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is there, which must be seen; fails when the keyboard cannot reach it."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", f"no visible focus on {selector}"
            return
    pytest.fail(f"the keyboard does not reach {selector}")


def test_everything_can_be_done_with_the_keyboard_alone(visit: Visit) -> None:
    with visit() as someone:
        page = someone.open("/")
        tab_to(page, "a.skip")
        page.keyboard.press("Enter")
        tab_to(page, f'a[href="{ABOVE}"]')
        page.keyboard.press("Enter")
        page.wait_for_selector("#ehr")
        tab_to(page, "#order")
        page.keyboard.type("IV NAC, one")
        tab_to(page, "#dose")
        page.keyboard.type("105000")
        tab_to(page, "#duration_h")
        page.keyboard.type("1")
        tab_to(page, "button[value=order]")
        page.keyboard.press("Enter")
        page.wait_for_selector('article[data-topic="dose-check"]')
        tab_to(page, 'article[data-topic="dose-check"] .actions > button')
        page.keyboard.press("Enter")
        page.wait_for_selector('article[data-topic="dose-check"]', state="detached")
        tab_to(page, "details.override summary")
        page.keyboard.press("Enter")
        tab_to(page, "details.override select")
        tab_to(page, "details.override input")
        page.keyboard.type("by keyboard")
        tab_to(page, "details.override button")
        page.keyboard.press("Enter")
        page.wait_for_selector("article.card", state="detached")
        assert "Overridden" in page.locator(".told").first.inner_text()


def test_pressing_enter_in_a_field_does_what_stands_beside_it(visit: Visit) -> None:
    """Enter in the order form adds the order, and does not remove a draft or sign."""
    with visit() as someone:
        page = someone.open(ABOVE)
        someone.order("three-bag")
        page.select_option("#order", "inr")
        page.fill("#dose", "1")
        page.keyboard.press("Enter")
        someone.settle()
        assert len(someone.drafts()) >= 3
        assert page.locator(".cards h2 small").inner_text() == "order-select"


def opened_details(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")


def state_home(someone: Visitor) -> None:
    opened_details(someone.open("/"))


def state_chart(someone: Visitor) -> None:
    opened_details(someone.open("/ehr/g2-third-bag-runs"))


def state_dose_check(someone: Visitor) -> None:
    someone.open(ABOVE)
    someone.order("iv-nac", dose="105000", duration_h="1")
    opened_details(someone.page)


def state_silent(someone: Visitor) -> None:
    someone.open("/ehr/unrelated-patient")


def state_result(someone: Visitor) -> None:
    opened_details(calculate(someone, level="<10", hours_from="19", hours_to="23", weight="70"))


def state_unknown_time(someone: Visitor) -> None:
    calculate(someone, level="10", alt="25")


def state_repeated(someone: Visitor) -> None:
    calculate(someone, level="40", hours_from="48", last_hours="4", alt="25")


def state_problems(someone: Visitor) -> None:
    calculate(someone, level="lots", hours_to="4", age="old")


def state_nomogram(someone: Visitor) -> None:
    someone.open(ABOVE).get_by_role("link", name="Show on the nomogram").click()


def state_stale(someone: Visitor) -> None:
    someone.open("/nomogram/stale")


def state_how(someone: Visitor) -> None:
    someone.open("/how")


def state_dashboard(someone: Visitor) -> None:
    someone.open("/dashboard")


def state_no_patient(someone: Visitor) -> None:
    someone.open("/ehr/nobody")


STATES = [
    state_home, state_chart, state_dose_check, state_silent, state_result, state_unknown_time, state_repeated,
    state_problems, state_nomogram, state_stale, state_how, state_dashboard, state_no_patient,
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
        assert someone.page.locator("svg.nomogram").is_visible()


def harm(page: Page) -> Any:
    return page.evaluate("[window.__harm, document.querySelectorAll('img, main script, [onerror]').length]")


def test_hostile_texts_of_a_chart_stay_texts(visit: Visit) -> None:
    with visit() as someone:
        page = someone.open("/")
        page.fill("#patient", "hostile")
        someone.press("Open the chart")
        assert someone.topics() == ["indicated"]
        opened_details(page)
        assert harm(page) == [None, 0]
        assert "onerror" in page.locator("main").inner_text()
        someone.keep("hostile-chart")
        page.get_by_role("link", name="Show on the nomogram").first.click()
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
        opened_details(page)
        page.locator("details.override input").first.fill(HOSTILE)
        page.get_by_role("button", name="Override this card").first.click()
        someone.settle()
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


def test_the_nomogram_prints_on_one_page(visit: Visit) -> None:
    with visit() as someone:
        state_nomogram(someone)
        printed = someone.page.pdf(prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
