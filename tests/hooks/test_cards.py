"""The wording of the cards: summary, indicator, topic, detail, extension, over hand-built assessments."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cds_service.clinical.evidence import REVIEW_CAVEATS
from cds_service.clinical.facts import DataGap, Diagnosis, DrugOrder, GapKind, PatientFacts, Problem
from cds_service.clinical.findings import Ask, Category, Finding, Overlay, Test, Verdict
from cds_service.clinical.ingestion import Ingestion, Pattern
from cds_service.clinical.quantity import Bounded, Comparator, Span, hours_text
from cds_service.clinical.regimens import DosingRefusal, dosing_plan
from cds_service.clinical.ruleset import RULE_SET_VERSION
from cds_service.hooks.cards import TOPIC_SYSTEM, cards_for
from cds_service.hooks.extension import NAME
from cds_service.hooks.markdown import escaped, one_line
from cds_service.hooks.orders import Draft, OrderContext
from tests.hooks.assessments import (
    ACETAMINOPHEN,
    AMOXICILLIN,
    INGESTED,
    IV_NAC,
    NAC_WITHOUT_ROUTE,
    NOW,
    ORAL_NAC,
    UNIDENTIFIED,
    assessment,
    caution,
    facts,
    judged,
    of_rule,
    outside,
    point,
)

EASTERN = ZoneInfo("America/New_York")
GFM = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable(["table", "strikethrough"])
BASE_URL = "https://nac.example.org"
HOSTILE = (
    "<img src=x onerror=alert(1)> | [x](javascript:a) ![y](http://e) `code` **b** &lt; ~~s~~\n\n# head\n- item <b>"
)


def cards(an_assessment: Any, orders: OrderContext | None = None) -> list[dict[str, Any]]:
    made = cards_for(an_assessment, order_context=orders, base_url=BASE_URL, zone=EASTERN)
    return [each.card for each in made]


def card(an_assessment: Any) -> dict[str, Any]:
    (only,) = cards(an_assessment)
    return only


def ordered(*orders: DrugOrder, hook: str = "order-select") -> OrderContext:
    drafts = tuple(
        Draft(order.reference, {"resourceType": "MedicationRequest"}, None, is_selected=True, drug=order)
        for order in orders
    )
    return OrderContext(hook, drafts)


def topics(found: list[dict[str, Any]]) -> list[str]:
    return [each["source"]["topic"]["code"] for each in found]


B3 = of_rule("B3-below-line", "below", Category.NOT_INDICATED, point=point(60), facts=facts(60), dosing=None)
B4 = of_rule("B4-raised", "below, ALT 90 U/L", Category.CONSIDER, point=point(60), facts=facts(60))
B8 = of_rule(
    "B8-sample-before-4-h",
    "acetaminophen 120 mg/L at 2.0 h was drawn before 4 h and cannot be interpreted",
    Category.REPEAT_LEVEL,
    point=None,
    asks=(Ask(Test.ACETAMINOPHEN, NOW + timedelta(hours=2)), Ask(Test.TRANSAMINASES)),
)
C2 = of_rule(
    "C2-level-expected",
    "no level yet, 2.0 h after the first dose",
    Category.DATA_NEEDED,
    point=None,
    asks=(Ask(Test.ACETAMINOPHEN, NOW + timedelta(hours=2)),),
    start_by=NOW + timedelta(hours=6),
)
B9 = of_rule(
    "B9-time-unknown",
    "acetaminophen 25 mg/L is at or above 10 mg/L (US practice 2023 treats either alone; AGA 2017 asks for both)",
    Category.INDICATED,
    point=None,
    ingestion=Ingestion(Pattern.UNKNOWN_TIME),
    crosses_at=NOW - timedelta(hours=14),
)
G2 = of_rule("G2-not-met", "intravenous acetylcysteine is running", Category.CONTINUE, point=None, dosing=None)
OPEN = assessment(category=Category.DATA_NEEDED, primary=None, judged=(), point=None, dosing=None)
PRELIMINARY = assessment(
    facts=replace(facts(), results=tuple(result._replace(status="preliminary") for result in facts().results))
)


@pytest.mark.parametrize(
    ("an_assessment", "summary"),
    [
        (
            assessment(point=point(100), facts=facts(100)),
            "Acetaminophen 100 mg/L at 8.0 h is above the treatment line (75): consider starting IV NAC now",
        ),
        (
            assessment(point=point(75), facts=facts(75)),
            "Acetaminophen 75 mg/L at 8.0 h is on the treatment line (75): consider starting IV NAC now",
        ),
        (
            assessment(),
            "Acetaminophen 182 mg/L at 8.0 h is above the treatment line (75): consider starting IV NAC now",
        ),
        (
            PRELIMINARY,
            (
                "Acetaminophen 182 mg/L (preliminary) at 8.0 h is above the treatment line (75): "
                "consider starting IV NAC now"
            ),
        ),
        (B3, "Acetaminophen 60 mg/L at 8.0 h is below the treatment line (75): IV NAC is not indicated now"),
        (
            replace(B3, point=point(74.96), facts=facts(74.96)),
            "Acetaminophen 74.96 mg/L at 8.0 h is below the treatment line (75): IV NAC is not indicated now",
        ),
        (
            B4,
            (
                "Acetaminophen 60 mg/L at 8.0 h is below the treatment line (75), with AST/ALT above the upper limit: "
                "IV NAC can be considered"
            ),
        ),
        (
            B8,
            (
                "Acetaminophen 120 mg/L at 2.0 h was drawn before 4 h and cannot be interpreted: "
                "check acetaminophen level at 14:00 EST; AST/ALT now"
            ),
        ),
        (
            C2,
            (
                "No level yet, 2.0 h after the first dose: check acetaminophen level at 14:00 EST; "
                "start IV NAC by 18:00 EST if no result"
            ),
        ),
        (B9, "Ingestion time unknown, acetaminophen 25 mg/L is at or above 10 mg/L: consider starting IV NAC now"),
        (
            G2,
            "IV NAC is running: continue; recheck level, AST/ALT and INR before the last bag ends",
        ),
        (
            assessment(overlays=frozenset({Overlay.HIGH_RISK})),
            (
                "Acetaminophen 182 mg/L at 8.0 h is above the treatment line (75): consider starting IV NAC now; "
                "high risk, call a toxicologist"
            ),
        ),
        (
            of_rule(
                "B1-x",
                "a level cannot be read against the line",
                Category.DATA_NEEDED,
                point=None,
                finding=Finding(Verdict.UNKNOWN, "a level cannot be read", missing=("an interpretable level",)),
            ),
            "A level cannot be read: still needed: an interpretable level",
        ),
        (
            replace(C2, asks=(Ask(Test.TRANSAMINASES), Ask(Test.ACETAMINOPHEN, NOW + timedelta(hours=2), C2.start_by))),
            (
                "No level yet, 2.0 h after the first dose: check acetaminophen level between 14:00 and 18:00 EST; "
                "start IV NAC by 18:00 EST if no result"
            ),
        ),
        (OPEN, "The chart cannot settle whether IV NAC is indicated: more data are needed to decide on IV NAC"),
        (
            assessment(point=point(Bounded(300, Comparator.GREATER)), facts=facts(301)),
            "Acetaminophen >300 mg/L at up to 8.0 h is above the treatment line (75): consider starting IV NAC now",
        ),
    ],
)
def test_the_summary_says_finding_line_and_ask(an_assessment: Any, summary: str) -> None:
    assert card(an_assessment)["summary"] == summary


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (8.0, "8.0 h"),
        (3.98, "3.98 h"),
        (3.9999, "just under 4 h"),
        (24.0001, "just over 24 h"),
        (23.97, "23.97 h"),
        (4.0 + 1e-9, "4.0 h"),
        (7.94, "7.9 h"),
    ],
)
def test_rounding_never_carries_hours_over_a_turning_point(hours: float, text: str) -> None:
    assert hours_text(hours) == text


@pytest.mark.parametrize(
    ("category", "indicator"),
    [
        (Category.INDICATED, "critical"),
        (Category.CONSIDER, "warning"),
        (Category.DATA_NEEDED, "warning"),
        (Category.REPEAT_LEVEL, "warning"),
        (Category.CONTINUE, "warning"),
        (Category.NOT_INDICATED, "info"),
        (Category.CRITERIA_MET, "info"),
        (Category.CAUTION, "warning"),
    ],
)
def test_topic_and_indicator_follow_the_category(category: Category, indicator: str) -> None:
    found = card(assessment(category=category))
    assert found["indicator"] == indicator
    topic = found["source"]["topic"]
    assert (topic["system"], topic["code"]) == (TOPIC_SYSTEM, category.value)
    assert topic["display"]
    assert all(reason["display"] for reason in found["overrideReasons"])


def test_a_clock_time_on_another_day_shows_the_date() -> None:
    late = replace(B8, asks=(Ask(Test.ACETAMINOPHEN, datetime(2026, 1, 16, 6, 30, tzinfo=UTC)),))
    assert card(late)["summary"].endswith("check acetaminophen level at 01:30 EST on 16 Jan")


def test_a_window_for_the_second_level_names_its_zone_once() -> None:
    window = Ask(Test.ACETAMINOPHEN, NOW + timedelta(hours=3), NOW + timedelta(hours=5))
    found = card(replace(B8, asks=(window,)))
    assert "between 15:00 and 17:00 EST" in found["summary"]


def test_tests_wanted_at_the_same_time_are_named_together() -> None:
    asks = tuple(Ask(test) for test in (Test.INR, Test.TRANSAMINASES, Test.ACETAMINOPHEN))
    assert card(replace(B8, asks=asks))["summary"].endswith("check acetaminophen level, AST/ALT, INR now")
    running = card(replace(G2, asks=asks))
    assert "Check acetaminophen level, AST/ALT, INR before the last bag ends" in running["detail"]
    assert running["suggestions"][0]["label"] == "Order INR before the last bag ends"


def test_a_start_by_time_that_has_passed_reads_now() -> None:
    assert "start IV NAC now" in card(replace(C2, start_by=NOW))["summary"]


LONG_WORDS = st.text(min_size=1, max_size=400)


@given(because=LONG_WORDS, level=st.floats(0.1, 2000), hours=st.floats(4, 24), category=st.sampled_from(Category))
def test_the_summary_always_fits(because: str, level: float, hours: float, category: Category) -> None:
    plotted = of_rule("B1-x", because, category, point=point(level, hours), facts=facts(level))
    worded = of_rule("A9-x", because, category, point=None, asks=C2.asks, start_by=C2.start_by)
    for each in (plotted, worded):
        (only,) = cards(each)
        assert 0 < len(only["summary"]) <= 139
        assert "\n" not in only["summary"]


def test_the_detail_reads_in_order() -> None:
    gap = DataGap(GapKind.NOT_FETCHED, "allergies", "Allergies could not be read: the server answered 403")
    consulted = assessment(
        gaps=(gap,),
        overlays=frozenset({Overlay.HIGH_RISK, Overlay.CONSULT, Overlay.PSYCHOSOCIAL, Overlay.TRANSPLANT}),
        overlay_reasons={Overlay.HIGH_RISK: ("182 mg/L is above the 300 line",), Overlay.CONSULT: ("high risk",)},
    )
    detail = card(consulted)["detail"]
    titles = [
        "**What was found**",
        "**Why**",
        "**What is missing**",
        "**What would change this**",
        "**High risk**",
        "**Transplant centre**",
        "**Psychosocial assessment**",
        "**Dose (three-bag)**",
        "**Evidence**",
        "**Who to call**",
    ]
    assert sorted(titles, key=detail.index) == titles
    assert "Call now: US Poison Help 1-800-222-1222" in detail
    assert "supports, and does not replace, clinical judgement. Profile us-2023" in detail
    assert "Allergies could not be read: the server answered 403" in detail


def test_a_reason_is_said_once() -> None:
    because = assessment().judged[0].finding.because
    reasons = {Overlay.TRANSPLANT: (because, "arterial pH 7.20"), Overlay.CONSULT: (because, "arterial pH 7.20")}
    detail = card(assessment(overlays=frozenset(reasons), overlay_reasons=reasons))["detail"]
    assert detail.count(because[1:]) == 1
    assert detail.count("Arterial pH 7.20") == 1


def test_the_dose_table_shows_the_hand_checked_numbers_for_70_kg() -> None:
    detail = card(assessment())["detail"]
    assert "| 1 | 10,500 mg | 52.5 mL | 200 mL | 252.5 mL | 1 h | 252.5 mL/h | 150 mg/kg/h |" in detail
    assert "| 2 | 3,500 mg | 17.5 mL | 500 mL | 517.5 mL | 4 h | 129.4 mL/h | 12.5 mg/kg/h |" in detail
    assert "| 3 | 7,000 mg | 35 mL | 1,000 mL | 1,035 mL | 16 h | 64.7 mL/h | 6.25 mg/kg/h |" in detail


def test_a_capped_dose_says_so() -> None:
    plan = dosing_plan(assessment().profile.regimen, 105.0, max_weight_kg=100.0)
    detail = card(assessment(dosing=plan))["detail"]
    assert "15,000 mg" in detail
    assert "For 105 kg; from 100 kg the dose is fixed at that of 100 kg." in detail


def test_no_weight_shows_no_mg() -> None:
    found = card(assessment(dosing=DosingRefusal("no dated body weight is charted: weigh the patient")))
    assert "No mg shown: no dated body weight is charted: weigh the patient" in found["detail"]
    assert " mg |" not in found["detail"]
    assert "dosing" not in found["extension"][NAME]


def test_second_hand_evidence_asks_to_be_verified() -> None:
    primary = judged("B1-x", Finding(Verdict.MET, "x"), category=Category.INDICATED, evidence=(REVIEW_CAVEATS,))
    found = card(assessment(primary=primary, judged=(primary,)))
    assert "(verify locally)" in found["detail"]
    assert found["source"]["url"] == BASE_URL


def test_an_unknown_time_shows_when_the_level_would_be_on_the_line() -> None:
    assert "on the treatment line if ingested at or before 22:00 EST on 14 Jan" in card(B9)["detail"]


def test_late_treatment_and_pregnancy_do_not_hold_anyone_back() -> None:
    pregnant = replace(facts(), diagnoses=(Diagnosis(Problem.PREGNANCY, "Condition/p", "Pregnant"),))
    detail = card(replace(B9, facts=pregnant))["detail"]
    assert "Treatment that starts late still helps." in detail
    assert "Pregnancy changes neither the threshold nor the dose." in detail
    assert "too late" not in detail


def test_an_uncertain_ingestion_time_is_shown_as_an_interval() -> None:
    first = Span(INGESTED - timedelta(hours=1), INGESTED)
    uncertain = assessment(ingestion=replace(assessment().ingestion, first=first, last=first))
    found = card(uncertain)
    assert "at up to 8.0 h" in found["summary"]
    assert "taken between 02:00 and 03:00 EST" in found["detail"]


# --- chart strings are inert ------------------------------------------------------------------------


def token_types(markdown: str) -> set[str]:
    return {inner.type for token in GFM.parse(markdown) for inner in (token, *(token.children or ()))}


def hostile_assessment() -> Any:
    given_input = assessment().inputs[0]._replace(value=HOSTILE, label=HOSTILE, reference=HOSTILE, status=HOSTILE)
    primary = judged("B9-x", Finding(Verdict.MET, HOSTILE, missing=(HOSTILE,)), category=Category.INDICATED)
    return assessment(
        primary=primary,
        judged=(primary,),
        inputs=(given_input,),
        gaps=(DataGap(GapKind.UNREADABLE, "ALT", HOSTILE, HOSTILE),),
        overlays=frozenset(Overlay),
        overlay_reasons=dict.fromkeys(Overlay, (HOSTILE,)),
        ingestion=replace(assessment().ingestion, delaying=(HOSTILE,)),
    )


def test_hostile_chart_strings_stay_text() -> None:
    found = card(hostile_assessment())
    forbidden = {"html_inline", "html_block", "link_open", "image", "code_inline", "heading_open", "s_open", "fence"}
    assert not token_types(found["detail"]) & forbidden
    assert "\n" not in found["summary"]
    assert found["detail"].count("\n| ") == 5


def test_a_table_survives_a_hostile_cell() -> None:
    tokens = GFM.parse(f"| a | b |\n| --- | --- |\n| {escaped(HOSTILE)} | x |")
    assert sum(token.type == "td_open" for token in tokens) == 2


@given(st.text(max_size=200))
def test_any_text_renders_as_itself(text: str) -> None:
    tokens = GFM.parse(f"- {escaped(text)}")
    inline = [token for token in tokens if token.type == "inline"]
    children = [child for token in inline for child in token.children or ()]
    assert {child.type for child in children} <= {"text", "text_special"}
    assert len(inline) <= 1
    assert "".join(child.content for child in children) == one_line(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("level <10 mg/L", "level <10 mg/L"),
        ("12.5 mg/L", "12.5 mg/L"),
        ("1. first", "1\\. first"),
        ("> 300", "\\> 300"),
        ("see http://e.example and www.e.example", "see http:\\//e.example and www\\.e.example"),
        ("a\u202eb\u200bc\x00d", "abcd"),
        ("two\nlines\tand tab", "two lines and tab"),
    ],
)
def test_plain_clinical_text_stays_readable(text: str, shown: str) -> None:
    assert escaped(text) == shown


# --- the extension ----------------------------------------------------------------------------------


def test_the_extension_has_the_agreed_shape() -> None:
    gap = DataGap(GapKind.UNKNOWN_UNIT, "ALT", "ALT has the unknown unit 'furlong'", "Observation/alt")
    unknown = judged("B13-x", Finding(Verdict.UNKNOWN, "not known", missing=("AST and ALT",)))
    base = assessment()
    extension = card(replace(base, gaps=(gap,), judged=(*base.judged, unknown), overlays=frozenset({Overlay.CONSULT})))
    body = extension["extension"][NAME]
    assert body == {
        "category": "indicated",
        "rules": [
            {
                "id": "B1-level-on-or-above-treatment-line",
                "verdict": "MET",
                "because": "acetaminophen 182 mg/L at 8.0 h against a treatment line of 75 mg/L",
            },
            {"id": "B3-below-line", "verdict": "NOT_MET", "because": "no level is proven to be below the line"},
            {"id": "B13-x", "verdict": "UNKNOWN", "because": "not known", "missing": ["AST and ALT"]},
        ],
        "overlays": ["consult"],
        "profile": "us-2023",
        "inputs": [
            {
                "reference": "Observation/level",
                "value": "182",
                "unit": "mg/L",
                "at": "2026-01-15T16:00:00Z",
                "status": "final",
            }
        ],
        "data_gaps": [
            {
                "kind": "unknown-unit",
                "about": "ALT",
                "text": "ALT has the unknown unit 'furlong'",
                "reference": "Observation/alt",
            }
        ],
        "nomogram": {"hours": 8.0, "level_mg_l": 182, "line_mg_l": 75.0, "high_risk_line_mg_l": 150.0},
        "dosing": [
            {"regimen": "three-bag", "bag": 1, "dose_mg": 10500, "drug_ml": 52.5, "diluent_ml": 200, "total_ml": 252.5,
             "duration_h": 1, "rate_ml_h": 252.5, "rate_mg_kg_h": 150},
            {"regimen": "three-bag", "bag": 2, "dose_mg": 3500, "drug_ml": 17.5, "diluent_ml": 500, "total_ml": 517.5,
             "duration_h": 4, "rate_ml_h": 129.375, "rate_mg_kg_h": 12.5},
            {"regimen": "three-bag", "bag": 3, "dose_mg": 7000, "drug_ml": 35, "diluent_ml": 1000, "total_ml": 1035,
             "duration_h": 16, "rate_ml_h": 64.6875, "rate_mg_kg_h": 6.25},
        ],
        "version": RULE_SET_VERSION,
    }  # fmt: skip


def test_a_rule_judged_on_two_orders_is_listed_once_by_its_most_telling_verdict() -> None:
    rows = [judged("E1-x", Finding(verdict, "x"), category=Category.CAUTION) for verdict in Verdict]
    body = card(assessment(judged=(assessment().judged[0], rows[1], rows[2], rows[0])))["extension"][NAME]
    assert [rule["verdict"] for rule in body["rules"] if rule["id"] == "E1-x"] == ["MET"]


def empty_members(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [
            member for each in value.values() for member in (each, *empty_members(each)) if member in (None, [], {}, "")
        ]
    return [found for each in value for found in empty_members(each)] if isinstance(value, list) else []


@pytest.mark.parametrize("an_assessment", [assessment(), B3, B4, B8, C2, B9, G2, OPEN])
def test_no_member_is_empty(an_assessment: Any) -> None:
    found = card(an_assessment)
    assert not empty_members(found)
    assert ("selectionBehavior" in found) == ("suggestions" in found)


# --- which cards when -------------------------------------------------------------------------------

NOT_INDICATED_E5 = replace(B3, cautions=(caution("E5-not-indicated", IV_NAC),))
COPD = outside(cautions=(caution("E1-airway", IV_NAC, oral=True),))


@pytest.mark.parametrize(
    ("an_assessment", "orders", "expected"),
    [
        (outside(), None, []),
        (assessment(), ordered(IV_NAC), ["indicated"]),
        (B4, ordered(IV_NAC), ["consider"]),
        (B8, ordered(IV_NAC), ["repeat-level"]),
        (C2, ordered(IV_NAC), ["data-needed"]),
        (B3, ordered(IV_NAC), ["not-indicated"]),
        (G2, ordered(IV_NAC), ["continue"]),
        (NOT_INDICATED_E5, ordered(IV_NAC), ["caution"]),
        (COPD, ordered(IV_NAC), ["caution"]),
        (outside(), ordered(IV_NAC), ["data-needed"]),
        (outside(), ordered(NAC_WITHOUT_ROUTE), ["data-needed"]),
        (assessment(), ordered(NAC_WITHOUT_ROUTE), ["indicated"]),
        (assessment(), ordered(ORAL_NAC), ["indicated"]),
        (B4, ordered(ORAL_NAC), ["consider"]),
        (B3, ordered(ORAL_NAC), []),
        (outside(), ordered(ORAL_NAC), []),
        (assessment(cautions=(caution("E6-apap", ACETAMINOPHEN),)), ordered(ACETAMINOPHEN), ["indicated", "caution"]),
        (replace(B4, cautions=(caution("E6-apap", ACETAMINOPHEN),)), ordered(ACETAMINOPHEN), ["caution"]),
        (B3, ordered(ACETAMINOPHEN), []),
        (outside(), ordered(UNIDENTIFIED), ["data-needed"]),
        (assessment(), ordered(UNIDENTIFIED), ["indicated", "data-needed"]),
        (assessment(), ordered(AMOXICILLIN), ["indicated"]),
        (B4, ordered(AMOXICILLIN), []),
        (assessment(), ordered(), ["indicated"]),
        (B8, ordered(), []),
        (C2, ordered(AMOXICILLIN, IV_NAC), ["data-needed"]),
    ],
)
def test_which_cards_an_order_brings(an_assessment: Any, orders: OrderContext | None, expected: list[str]) -> None:
    assert topics(cards(an_assessment, orders)) == expected


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (IV_NAC, "IV NAC is indicated; check the dose of the selected order"),
        (ORAL_NAC, "IV NAC is indicated; the selected order is not intravenous"),
        (NAC_WITHOUT_ROUTE, "IV NAC is indicated; the selected order states no route"),
    ],
)
def test_the_primary_card_says_what_the_selected_order_is(order: DrugOrder, words: str) -> None:
    (found,) = cards(assessment(), ordered(order))
    assert found["summary"].endswith(words)


def test_the_bags_of_one_regimen_are_cautioned_about_once() -> None:
    bags = [replace(IV_NAC, reference=f"MedicationRequest/bag{number}") for number in (1, 2, 3)]
    orders = ordered(*bags, hook="order-sign")
    (found,) = cards(outside(cautions=tuple(caution("E1-airway", bag) for bag in bags)), orders)
    (suggestion,) = found["suggestions"]
    assert [action["resourceId"] for action in suggestion["actions"]] == [bag.reference for bag in bags]


def test_a_critical_caution_stands_before_a_warning_and_three_cards_are_the_most() -> None:
    cautions = tuple(caution(f"E{number}-x", IV_NAC, is_critical=number == 4) for number in (1, 2, 4, 5))
    found = cards(replace(B4, cautions=cautions), ordered(IV_NAC))
    assert len(found) == 3
    assert [each["indicator"] for each in found] == ["critical", "warning", "warning"]
    assert found[0]["summary"].startswith("IV NAC is not recommended to prevent contrast nephropathy")


def test_a_caution_names_the_order_and_the_rule() -> None:
    (found,) = cards(COPD, ordered(IV_NAC))
    assert "- Selected order: acetylcysteine injection (MedicationRequest/nac)" in found["detail"]
    assert "Rule E1: The statement of the rule." in found["detail"]
    assert "Oral acetylcysteine 600 mg twice daily is an option for this patient" in found["detail"]
    assert found["summary"].endswith("consider oral acetylcysteine 600 mg twice daily instead")


def test_the_caution_that_nac_is_not_indicated_shows_level_and_line() -> None:
    (found,) = cards(NOT_INDICATED_E5, ordered(IV_NAC))
    assert found["summary"] == (
        "IV NAC ordered, but acetaminophen 60 mg/L at 8.0 h is below the treatment line (75): review the order"
    )


def test_an_order_without_a_name_is_still_spoken_about() -> None:
    (found,) = cards(outside(facts=PatientFacts(facts().patient)), ordered(UNIDENTIFIED))
    assert "Could not identify the ordered drug" in found["summary"]
    assert "drug not named (MedicationRequest/unknown)" in found["detail"]


def test_uuids_differ_and_come_from_the_caller() -> None:
    numbers = iter(range(100))
    (made,) = cards_for(
        assessment(), order_context=None, base_url=BASE_URL, zone=EASTERN, new_uuid=lambda: f"id-{next(numbers)}"
    )
    assert {made.card["uuid"], made.card["suggestions"][0]["uuid"]} == {"id-0", "id-1"}


CHARCOAL = replace(AMOXICILLIN, name="activated charcoal", is_charcoal=True)


@pytest.mark.parametrize(
    ("order", "overlays", "shown"),
    [
        pytest.param(CHARCOAL, {Overlay.CHARCOAL}, ["repeat-level"], id="charcoal"),
        pytest.param(ORAL_NAC, {Overlay.CHARCOAL}, ["repeat-level"], id="oral-acetylcysteine"),
        pytest.param(AMOXICILLIN, {Overlay.CHARCOAL}, [], id="another-order"),
        pytest.param(CHARCOAL, set[Overlay](), [], id="charcoal-alone"),
    ],
)
def test_an_order_that_makes_charcoal_meet_oral_acetylcysteine_is_answered(
    order: DrugOrder, overlays: set[Overlay], shown: list[str]
) -> None:
    found = cards(replace(B8, overlays=frozenset(overlays)), ordered(order))
    assert topics(found) == shown
    assert all("**Oral acetylcysteine and charcoal**" in each["detail"] for each in found)
