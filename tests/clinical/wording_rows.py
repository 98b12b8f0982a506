"""Charts that take the rules where no fixture patient takes them, for reading what they say there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cds_service.clinical.facts import (
    DataGap,
    Diagnosis,
    Exposure,
    GapKind,
    Intent,
    LabResult,
    NacSource,
    OrderedSubstance,
    Problem,
    Route,
    Severity,
)
from cds_service.clinical.overlays import OVERLAYS
from cds_service.clinical.profile_keys import rows
from cds_service.clinical.profiles import PROFILES, US_2023, ErRule, PoisonCentre, Profile
from cds_service.clinical.quantity import Analyte
from tests.clinical.facts_builders import (
    Fact,
    alert,
    alt,
    amount,
    assessed,
    ast,
    case_of,
    charcoal,
    finding,
    given,
    has,
    hours_ago,
    infused,
    inr,
    level,
    nac,
    order,
    overdose,
    result,
    took,
    unstated_overdose,
    weighs,
)

if TYPE_CHECKING:
    from datetime import datetime

    from cds_service.clinical.findings import Finding

NAC, IV, ORAL = OrderedSubstance.ACETYLCYSTEINE, Route.INTRAVENOUS, Route.ORAL
UK, ANZ, AGA = PROFILES["uk-2012"], PROFILES["anz-2019"], PROFILES["aga-2017"]
NORMAL = (alt(25, 0.1), ast(22, 0.1))
OPEN = (overdose(9), level(40))
COPD = has(Problem.COPD, 5 * 8766, severity=Severity.SEVERE)
EXTENDED = (took(None, 9, is_extended_release=True), overdose(9))
TREATED = (overdose(30), level(180, 26), weighs(70, 26))
BAGS = (infused(10_500, 24, 23), infused(3_500, 23, 19), infused(7_000, 19, 3))
ENDED = (*TREATED, *BAGS)
GOOD = (level(4, 4), inr(1.2, 4), alt(30, 4), ast(28, 4))


def exacerbation(years_ago: float) -> Diagnosis:
    return has(Problem.COPD_EXACERBATION, years_ago * 8766)


def accident(ago: float | None) -> Exposure:
    return overdose(ago, intent=Intent.ACCIDENTAL)


def _running(mg_l: float) -> tuple[Fact, ...]:
    return (overdose(9), level(mg_l), nac(NacSource.ADMINISTRATION, "in-progress"))


def ph(value: float) -> LabResult:
    return result(Analyte.ARTERIAL_PH, value)


def _outcome(found: Finding) -> str:
    """What follows from a finding: category, overlays, tests with their times, and by when to treat."""
    asks = (f"ask {ask.test}, {_clock(ask.not_before)} to {_clock(ask.not_after)}" for ask in found.asks)
    category = () if found.category is None else (found.category.value,)
    start = () if found.start_by is None else (f"start by {_clock(found.start_by)}",)
    parts = (*category, *sorted(found.overlays), *asks, *start)
    return f" ({'; '.join(parts)})" if parts else ""


def _clock(instant: datetime | None) -> str:
    return "any time" if instant is None else f"{instant:%d %b %H:%M}"


@dataclass(frozen=True, slots=True)
class Row:
    """A chart, and the number of the rule that is read on it."""

    number: str
    facts: tuple[Fact, ...]
    profile: Profile = US_2023

    def said(self) -> str:
        """Verdict, sentence, what is missing and what follows, as one line."""
        found = finding(assessed(*self.facts, profile=self.profile), self.number)
        missing = f" [missing: {'; '.join(found.missing)}]" if found.missing else ""
        return f"{self.number} {found.verdict}: {found.because}{missing}{_outcome(found)}"


RULE_ROWS: dict[str, Row] = {
    "E1-open-copd": Row("E1", (*OPEN, order(NAC, IV, Problem.COPD))),
    "E3-one-exacerbation": Row("E3", (COPD, exacerbation(0.5), order(NAC, ORAL))),
    "E3-severity-not-charted": Row("E3", (has(Problem.COPD), exacerbation(0.5), exacerbation(1.5), order(NAC, ORAL))),
    "E3-mild": Row(
        "E3", (has(Problem.COPD, severity=Severity.MILD), exacerbation(0.5), exacerbation(1.5), order(NAC, ORAL))
    ),
    "E3-eligible": Row("E3", (COPD, exacerbation(0.5), exacerbation(1.5), order(NAC, ORAL))),
    "E6-no-treatment": Row("E6", (order(OrderedSubstance.ACETAMINOPHEN, ORAL),)),
    "E5-b12-holds": Row("E5", (overdose(None), level(5), alt(20), order())),
    "G3-problems-not-read": Row(
        "G3", (*ENDED, *GOOD, DataGap(GapKind.NOT_FETCHED, "problems", "the problem list could not be read"))
    ),
    "G3-stopped-early": Row("G3", (*TREATED, *BAGS[:2], infused(7_000, 19, 3, "stopped"), *GOOD)),
    "G3-future-infusion": Row("G3", (*TREATED, *BAGS[:2], infused(7_000, -1, -9), *GOOD)),
    "G3-past-its-end": Row("G3", (*TREATED, *BAGS[:2], infused(7_000, 19, 3, "in-progress"), *GOOD)),
    "B5d-limit-beside-enzymes": Row("B5d", (*EXTENDED, level("<20", 1), alt(60, 0.1))),
    "B5-neither-off-the-nomogram": Row(
        "B5", (*EXTENDED, level(5, 1), *NORMAL), replace(US_2023, er_rule=ErRule.NON_NOMOGRAM)
    ),
    "B5-long-over": Row("B5", (took(12, 40, is_extended_release=True), overdose(40), level(5), *NORMAL), ANZ),
    "B7-unknown-amount": Row("B7", (*EXTENDED, level(5, 1), *NORMAL), ANZ),
    "B15-over-and-negative": Row("B15", (took(6, 40), took(6, 36), level(5), *NORMAL, overdose(40)), UK),
    "B15-hidden-and-early": Row("B15", (took(6, 23), took(6, 3), level("<10", 1), *NORMAL)),
    "B15-early-and-above": Row("B15", (took(6, 9), took(6, 4), level(40, 1), level(200, 3), *NORMAL)),
    "B15-no-level-for-uk": Row("B15", (took(6, 5), took(6, 2), overdose(5)), UK),
    "B15-no-enzymes-for-uk": Row("B15", (took(6, 9), took(6, 2), overdose(9), level(20)), UK),
    "B15-no-more-for-uk": Row("B15", (took(6, 9), took(6, 2), overdose(9), level(20), *NORMAL), UK),
    "B16-above-at-the-latest": Row("B16", (overdose((10, 6)), level(63.1, 1), *NORMAL)),
    "B16-another-above": Row("B16", (overdose(9), level(40, (8, 1)), level(200, 0.5), *NORMAL)),
    "B16-ask-4-h-after-the-latest": Row("B16", (overdose((5, 1.5)), level(10, 0.9), *NORMAL)),
    "B8-two-early-levels": Row("B8", (overdose(3), level(60, 2.5), level(50, 1))),
    "B15-small-accident": Row("B15", (accident(9), accident(7), amount(4), weighs(70)), UK),
    "B14-limit-with-raised-alt": Row("B14", (overdose(None), level("<20"), alt(60))),
    "B14-limit-after-24-h": Row("B14", (overdose(35), level("<20"), *NORMAL)),
    "B14-limit-after-repeated-doses": Row(
        "B14", (took(5, 60), took(5, 40), took(5, 10), overdose(None), level("<30"), *NORMAL)
    ),
    "A4-lactate-after-fluids": Row("A4", (overdose(60), result(Analyte.LACTATE, 3.2), alt(1200))),
    "A4-nothing-known-but-hepatotoxic": Row("A4", (overdose(60), alt(1200))),
    "A4-inr-without-creatinine": Row(
        "A4", (overdose(60), alt(1200), inr(7), has(Problem.ENCEPHALOPATHY), ph(7.4), result(Analyte.LACTATE, 2))
    ),
    "A4-creatinine-without-grade": Row(
        "A4",
        (
            overdose(60),
            alt(1200),
            inr(7),
            has(Problem.ENCEPHALOPATHY),
            result(Analyte.CREATININE, 4),
            ph(7.4),
            result(Analyte.LACTATE, 2),
        ),
    ),
    "A4-phosphate": Row("A4", (overdose(60), result(Analyte.PHOSPHATE, 3.8, 2), alt(90))),
    "A4-all-three": Row(
        "A4",
        (
            overdose(60),
            alt(90),
            inr(6.6),
            has(Problem.ENCEPHALOPATHY, grade=3),
            has(Problem.ENCEPHALOPATHY, 2, grade=4),
            result(Analyte.CREATININE, 3.5),
        ),
    ),
    "A1-encephalopathy-without-inr": Row("A1", (overdose(40), has(Problem.ENCEPHALOPATHY))),
    "D1-encephalopathy-without-inr-of-another-cause": Row(
        "D1", (has(Problem.ENCEPHALOPATHY), has(Problem.OTHER_LIVER_CAUSE), level("<10"), alt(900))
    ),
    "D2-encephalopathy-without-inr-of-no-cause": Row("D2", (has(Problem.ENCEPHALOPATHY), level("<10"), alt(900))),
    "D3-injury-without-failure": Row("D3", (alt(60), level("<10"), inr(1.0), alert())),
    "C2-unstated-and-a-level": Row("C2", (unstated_overdose(9), level(40, 1), *NORMAL)),
    "C2-unstated-early": Row("C2", (unstated_overdose(2), level(60, 0.5))),
    "C2-unstated-and-no-level": Row("C2", (unstated_overdose(2),)),
    "C4-a-level-decides": Row("C4", (accident(2), amount(2), alt(90))),
    "C4-accident-without-amount": Row("C4", (accident(2),)),
    "B3-unreadable-value": Row("B3", (overdose(9), level(40, 1), level(None, 0.5), *NORMAL)),
    "B3-undated-level": Row("B3", (overdose(9), level(40, 1), level(40, None), *NORMAL)),
    "B3-detection-limit-beside": Row("B3", (overdose(23), level(8, 4), level("<10", 0.5), *NORMAL)),
    "B3-detectable-late": Row("B3", (overdose(35), level(40, 25), level(12, 1), *NORMAL)),
    "B3-before-the-ingestion": Row("B3", (overdose(5), level(60, 6), level(40, 0.5), *NORMAL)),
    "B9-before-the-ingestion": Row("B9", (overdose(5), level(60, 6), level(40, 0.5), *NORMAL)),
    "B2b-not-proven-above": Row("B2b", (overdose(None), amount(30), level(5, 0.1), *NORMAL)),
    "B12-which-drug": Row("B12", (unstated_overdose(None), level(9), alt(60))),
    "B12-intravenous": Row(
        "B12", (replace(given(15, None), route=Route.INTRAVENOUS, recorded_at=hours_ago(1)), level(5), *NORMAL)
    ),
    "B13-small-accident-needs-no-level": Row("B13", (accident(None), amount(2), alt(20), weighs(70))),
    "B11-on-the-line-of-the-last": Row("B11", (overdose(50), overdose(20), level(9.375, 0), *NORMAL)),
    "B17-raised-at-24-h": Row("B17", (overdose((31, 21)), level(4.6), alt(60))),
    "B17-raised-at-24-h-for-aga": Row("B17", (overdose((30, 20)), level(2), alt(60)), AGA),
    "B17-limit-at-24-h": Row("B17", (overdose((31, 21)), level("<10"), *NORMAL)),
    "B16-perhaps-too-early-and-raised": Row("B16", (overdose((9, 4)), level(40, 1), alt(60))),
    "B16-perhaps-too-early-with-30-g": Row("B16", (overdose((9, 4)), level(40, 1), *NORMAL, amount(30))),
    "B8-early-with-30-g": Row("B8", (overdose(3), level(200, 1), amount(30))),
}


def rules_text() -> str:
    """What the rule of each row says, one line a row."""
    return "".join(f"- {name}: {row.said()}\n" for name, row in RULE_ROWS.items())


PLAIN: tuple[Fact, ...] = (overdose(9), level(20), *NORMAL)
OVERLAY_CHARTS: dict[str, tuple[Fact, ...]] = {
    "no level": (overdose(9), result(Analyte.BILIRUBIN, 15)),
    "bilirubin 10.1": (*PLAIN, result(Analyte.BILIRUBIN, 10.1)),
    "above 700, well": (overdose(9), level(701), alert(), ph(7.4), result(Analyte.LACTATE, 1)),
    "above 700, nothing known": (overdose(9), level(701)),
    "above 900 with acetylcysteine, well": (*_running(901), alert(), ph(7.4), result(Analyte.LACTATE, 1)),
    "900 with acetylcysteine": _running(900),
    "above 1000": (overdose(9), level(1001)),
    "no weight": (overdose(9), level(80)),
    "4.5 kg": (overdose(9), level(80), weighs(4.5)),
    "439 kg": (overdose(9), level(80), weighs(439)),
    "39 kg": (overdose(9), level(80), weighs(39)),
    "a weight of 91 days ago": (overdose(9), level(80), weighs(70, 91 * 24)),
    "a weight 20 % off the one before": (overdose(9), level(80), weighs(70), weighs(84.1, 1)),
    "a level from the future": (overdose(9), level(80), weighs(70), level(90, -2), overdose(-3)),
    "oral acetylcysteine and charcoal": (*PLAIN, order(NAC, ORAL), charcoal()),
    "oral acetaminophen and charcoal": (*PLAIN, order(OrderedSubstance.ACETAMINOPHEN, ORAL), charcoal()),
    "oral acetylcysteine 24 h ago and charcoal": (
        *PLAIN,
        nac(NacSource.ADMINISTRATION, "completed", 24, route=ORAL),
        charcoal(),
    ),
    "fluid restriction": (overdose(9), level(80), weighs(70), has(Problem.FLUID_RESTRICTION)),
    "asthma and a previous reaction": (*PLAIN, has(Problem.ASTHMA), has(Problem.NAC_REACTION)),
}


def overlays_text() -> str:
    """What each overlay and the chart's gaps say on a plain chart, then what they say otherwise on the others."""
    plain = _overlay_lines(PLAIN)
    blocks = ["## plain\n\n" + "".join(plain)]
    for name, facts in OVERLAY_CHARTS.items():
        if other := [line for line in _overlay_lines(facts) if line not in plain]:
            blocks.append(f"## {name}\n\n" + "".join(other))
    return "\n".join(blocks)


def _overlay_lines(facts: tuple[Fact, ...]) -> list[str]:
    found = assessed(*facts)
    said = [(row.id, row.judge(case_of(found.facts), found.dosing)) for row in OVERLAYS]
    missing = {name: f" [missing: {'; '.join(f.missing)}]" if f.missing else "" for name, f in said}
    gaps = [f"- gap, {gap.kind.value}, {gap.about}: {gap.text}\n" for gap in found.gaps]
    return [*(f"- {name} {f.verdict}: {f.because}{missing[name]}\n" for name, f in said), *gaps]


MADE_UP = replace(US_2023, line_inclusive=False, poison_centre=PoisonCentre("Regional", "555", verify_locally=True))


def profiles_text() -> str:
    """Every key of every shipped profile as `profiles show` prints it."""
    return "\n".join(
        f"## {name}\n\n" + "".join(f"- {key}: {value}\n" for key, value in rows(profile))
        for name, profile in {**PROFILES, "made up": MADE_UP}.items()
    )
