"""The pages as people use them in Chromium: by mouse and keyboard, with and without scripts."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import ABOVE, calculate

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.visitor import Visit

pytestmark = pytest.mark.browser
with_and_without_scripts = pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])


@with_and_without_scripts
def test_typed_numbers_become_a_card_a_dose_and_a_drawing(visit: Visit, scripts: bool) -> None:  # noqa: FBT001
    with visit(java_script_enabled=scripts) as someone:
        page = calculate(someone, level="182", hours_from="8", weight="70", alt="25")
        assert someone.topics() == ["indicated"]
        assert page.locator("article.card h2").inner_text().startswith("Acetaminophen 182 mg/L at 8.0 h is above")
        assert "10,500 mg" in page.locator(".detail table").inner_text()
        expect(page.locator("svg.nomogram .mark.disc")).to_have_count(1)
        assert page.locator(".levels tbody tr").inner_text().split("\t")[1:2] == ["182 mg/L"]
        someone.unfold("Every rule and what it said")
        expect(page.locator("table.rules tbody tr.met").first).to_be_visible()
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
        someone.follow(page.locator(f'a[href="{ABOVE}"]'))
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
        someone.unfold(page.locator("details.override summary"))
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
        expect(page.locator(".drafts input:checked")).to_have_count(2)
        someone.press(page.get_by_role("button", name="Remove").nth(2))
        assert len(someone.drafts()) == 2
        someone.press("Sign all")
        assert page.locator(".cards h2 small").inner_text() == "order-sign"


def test_request_answer_rules_and_times_can_be_read(visit: Visit) -> None:
    with visit() as someone:
        page = someone.open(ABOVE)
        for summary in ("Request", "Answer", "Every rule, its verdict and why", "Time spent", "Nomogram"):
            someone.unfold(page.locator("summary", has_text=re.compile(rf"^{summary}$")))
        request, answer = (json.loads(text) for text in page.locator("pre").all_inner_texts())
        assert (request["hook"], request["context"]["patientId"]) == ("patient-view", "b1-above-line-8h")
        assert [card["indicator"] for card in answer["cards"]] == ["critical"]
        met = page.locator("table.rules tr.met th").all_inner_texts()
        assert [each.split()[0] for each in met] == ["B1-level-on-or-above-treatment-line"]
        expect(page.get_by_role("rowheader", name="fhir.levels")).to_be_visible()
        expect(page.locator("svg.nomogram")).to_be_visible()
        someone.keep("everything-open")


def test_the_case_is_watched_through_time_with_the_arrow_keys(visit: Visit) -> None:
    """Ingestion 30 h ago, arrival at 28 h: from "no level yet" to "criteria met", the focus staying on the slider."""
    with visit() as someone:
        page = someone.open("/ehr/g1-criteria-met")
        assert someone.topics() == ["criteria-met"]
        page.focus("#minutes")
        someone.send_by_key("Home")
        expect(page.locator(".cards")).to_contain_text("No card")
        seen = []
        for _ in range(14):
            shown = page.locator("#now").inner_text()
            someone.send_by_key("ArrowRight")
            expect(page.locator("#now")).not_to_have_text(shown)
            seen += [topic for topic in someone.topics() if topic not in seen]
        assert seen == ["data-needed", "indicated"]
        assert page.evaluate("document.activeElement.id") == "minutes"
        assert page.locator("p.unseen").inner_text().startswith("Acetaminophen 180 mg/L at 4.0 h is above")
        someone.keep("watched-through-time")


def test_without_scripts_the_slider_has_a_button(visit: Visit) -> None:
    with visit(java_script_enabled=False) as someone:
        page = someone.open("/ehr/g1-criteria-met")
        page.focus("#minutes")
        for key in ("Home", *["ArrowRight"] * 12):
            page.keyboard.press(key)
        someone.press("Go to that time")
        assert someone.topics() == ["indicated"]


def test_the_link_on_a_card_opens_the_nomogram(visit: Visit) -> None:
    with visit() as someone:
        page = someone.open(ABOVE)
        someone.follow("Show on the nomogram")
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
        someone.send_by_key("Enter")
        tab_to(page, f'a[href="{ABOVE}"]')
        someone.send_by_key("Enter")
        tab_to(page, "#order")
        page.keyboard.type("IV NAC, one")
        tab_to(page, "#dose")
        page.keyboard.type("105000")
        tab_to(page, "#duration_h")
        page.keyboard.type("1")
        tab_to(page, "button[value=order]")
        someone.send_by_key("Enter")
        tab_to(page, 'article[data-topic="dose-check"] .actions > button')
        someone.send_by_key("Enter")
        assert "dose-check" not in someone.topics()
        tab_to(page, "details.override summary")
        someone.unfold_by_key()
        tab_to(page, "details.override select")
        tab_to(page, "details.override input")
        page.keyboard.type("by keyboard")
        tab_to(page, "details.override button")
        someone.send_by_key("Enter")
        assert someone.topics() == []
        assert "Overridden" in page.locator(".told").first.inner_text()


def test_pressing_enter_in_a_field_does_what_stands_beside_it(visit: Visit) -> None:
    """Enter in the order form adds the order, and does not remove a draft or sign."""
    with visit() as someone:
        page = someone.open(ABOVE)
        someone.order("three-bag")
        page.select_option("#order", "inr")
        page.fill("#dose", "1")
        someone.send_by_key("Enter")
        assert len(someone.drafts()) >= 3
        assert page.locator(".cards h2 small").inner_text() == "order-select"
