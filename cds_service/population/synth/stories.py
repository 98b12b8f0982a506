"""What may have happened to a synthetic patient, and the chart a hospital would have kept of it.

Pure. Ten stories; the doses decide the levels, the levels decide what the clinicians of the story do, and what they do
decides the enzymes. Some clinicians treat without need and some miss what they should treat, so that a report over
these patients has something to find. The rules of the service are not used here: only the published line is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.nomogram import line_at
from cds_service.population.synth import resources as fhir
from cds_service.population.synth.kinetics import Dose, alt_u_l, inr_of, level_mg_l, peak_alt

if TYPE_CHECKING:
    from cds_service.population.synth.draws import Draws
    from cds_service.population.synth.laboratory import Laboratory
    from cds_service.population.synth.resources import ChartWriter

_LINE_MG_L = 150.0
_FIRST_H, _LAST_H = 4.0, 24.0
_NEEDLESS, _MISSED = 0.05, 0.08
_INFUSION_H = 21.0
_MG_PER_KG = 300.0
# The three bags of the US label from 41 kg: mg/kg, mL of diluent, hours.
_BAGS = ((150.0, "200 mL", 1), (50.0, "500 mL", 4), (100.0, "1 L", 16))
_SLIP = 0.04


@dataclass(frozen=True, slots=True)
class Telling:
    """One patient about to be charted: draws, chart, laboratory, weight in kg and the hour of arrival."""

    draws: Draws
    chart: ChartWriter
    laboratory: Laboratory
    weight_kg: float
    arrived_at: datetime

    def after(self, hours: float) -> datetime:
        """So many hours after arrival."""
        return self.arrived_at + timedelta(hours=hours)


Story = Callable[[Telling], None]


def acute(told: Telling) -> None:
    """One ingestion at a known time."""
    _single_ingestion(told, fhir.APAP_TABLET, is_extended=False)


def extended_release(told: Telling) -> None:
    """One ingestion of extended-release tablets at a known time."""
    _single_ingestion(told, fhir.APAP_EXTENDED, is_extended=True)


def _single_ingestion(told: Telling, drug: fhir.Coding, *, is_extended: bool) -> None:
    since_h = told.draws.between(1, 15)
    grams = told.draws.between(4, 38)
    taken_at = told.after(-since_h)
    told.chart.condition(fhir.SELF_POISONING, told.after(0.3), told.chart.time(taken_at))
    told.chart.statement(drug, {"effectiveDateTime": told.chart.time(taken_at)}, _tablets(grams), told.after(0.4))
    _course(told, (Dose(0.0, _tablets(grams), is_extended),), since_h)


def _tablets(grams: float) -> float:
    """Whole tablets of 500 mg."""
    return round(grams * 2) * 500.0


def staggered(told: Telling) -> None:
    """Several doses within a day."""
    span_h = told.draws.between(6, 18)
    since_h = span_h + told.draws.between(1, 5)
    count = told.draws.whole(2, 4)
    doses = tuple(Dose(span_h * number / (count - 1), _tablets(told.draws.between(3, 9))) for number in range(count))
    told.chart.condition(fhir.SELF_POISONING, told.after(0.3))
    for dose in doses:
        taken = {"effectiveDateTime": told.chart.time(told.after(dose.at_h - since_h))}
        told.chart.statement(fhir.APAP_TABLET, taken, dose.mg, told.after(0.4))
    _course(told, doses, since_h)


def unknown_time(told: Telling) -> None:
    """An overdose, and nobody knows when."""
    told.chart.condition(fhir.SELF_POISONING, told.after(0.3))
    _course(told, (Dose(0.0, _tablets(told.draws.between(4, 30))),), told.draws.between(3, 20))


def repeated(told: Telling) -> None:
    """More than the daily limit for days, for pain."""
    days = told.draws.whole(2, 4)
    each_mg = _tablets(told.draws.between(2, 3.5))
    doses = tuple(Dose(8.0 * number, each_mg) for number in range(3 * days))
    since_h = doses[-1].at_h + told.draws.between(2, 7)
    told.chart.condition(fhir.ACCIDENTAL_POISONING, told.after(0.5))
    period = {
        "start": told.chart.time(told.after(-since_h)),
        "end": told.chart.time(told.after(doses[-1].at_h - since_h)),
    }
    told.chart.statement(fhir.APAP_TABLET, {"effectivePeriod": period}, each_mg, told.after(0.4))
    _course(told, doses, since_h, is_injured=told.draws.happens(0.5))


def liver_failure(told: Telling) -> None:
    """Found two to three days after an overdose, with a failing liver."""
    since_h = told.draws.between(44, 76)
    told.chart.condition(fhir.SELF_POISONING, told.after(0.3), told.chart.time(told.after(-since_h)))
    told.chart.condition(fhir.LIVER_FAILURE, told.after(2))
    _course(told, (Dose(0.0, _tablets(told.draws.between(25, 45))),), since_h, is_injured=True)


def therapeutic(told: Telling) -> None:
    """Acetaminophen as the leaflet has it; now and then a level is drawn all the same."""
    since_h, days = told.draws.between(1, 7), told.draws.whole(1, 5)
    doses = tuple(Dose(8.0 * number, 1000.0) for number in range(3 * days))
    start = told.after(-since_h - doses[-1].at_h)
    period = {"start": told.chart.time(start), "end": told.chart.time(told.after(-since_h))}
    told.chart.statement(fhir.APAP_TABLET, {"effectivePeriod": period}, 1000.0, told.after(0.3))
    _enzymes(told, 22.0, 0.5)
    if told.draws.happens(0.3):
        level = level_mg_l(doses, told.weight_kg, doses[-1].at_h + since_h + 0.5)
        told.laboratory.level(told.chart, level, told.after(0.5))


def copd_with_nac(told: Telling) -> None:
    """Intravenous acetylcysteine for the lungs."""
    _respiratory(told, fhir.COPD, "COPD exacerbation, mucolytic")


def cystic_fibrosis_with_nac(told: Telling) -> None:
    """Intravenous acetylcysteine for cystic fibrosis."""
    _respiratory(told, fhir.CYSTIC_FIBROSIS, "cystic fibrosis, mucolytic")


def _respiratory(told: Telling, problem: fhir.Coding, reason: str) -> None:
    told.chart.condition(problem, told.after(-24 * told.draws.whole(30, 900)))
    _enzymes(told, 22.0, 0.5)
    told.chart.nac(told.after(told.draws.between(2, 20)), 4.0, 600.0, reason)


def unrelated(told: Telling) -> None:
    """Something else altogether."""
    told.chart.condition(fhir.HYPERTENSION, told.after(-24 * told.draws.whole(30, 900)))
    if told.draws.happens(0.6):
        _enzymes(told, 22.0 if told.draws.happens(0.9) else told.draws.between(60, 300), 0.5)


def _course(told: Telling, doses: tuple[Dose, ...], since_h: float, *, is_injured: bool = False) -> None:
    """Levels, treatment and enzymes after these doses; `since_h`: hours from the first dose to arrival."""
    first_draw_h = max(0.4, _FIRST_H - since_h) if told.draws.happens(0.8) else 0.4
    level = level_mg_l(doses, told.weight_kg, since_h + first_draw_h)
    nac_h = _treated_at(told, level, since_h + first_draw_h, first_draw_h, is_injured=is_injured)
    nac_after_h = None if nac_h is None else since_h + nac_h
    peak = peak_alt(doses, told.weight_kg, nac_after_h)
    if is_injured:
        peak = max(peak, told.draws.between(300, 9000))
    told.laboratory.level(told.chart, level, told.after(first_draw_h))
    second_h = first_draw_h + told.draws.between(4, 8)
    if since_h + first_draw_h < _FIRST_H or told.draws.happens(0.5):
        told.laboratory.level(told.chart, level_mg_l(doses, told.weight_kg, since_h + second_h), told.after(second_h))
    for hours in (first_draw_h, *(24.0 * day for day in range(1, 4))):
        _enzymes(told, alt_u_l(peak, since_h + hours), hours)
    if nac_h is not None:
        dosed_kg = min(told.weight_kg, 100.0)
        told.chart.nac(told.after(nac_h), _INFUSION_H, round(_MG_PER_KG * dosed_kg), bags=_bags(told, dosed_kg))


def _bags(told: Telling, dosed_kg: float) -> list[str]:
    """The three bags as ordered; now and then a zero too many in the first."""
    slip = 10 if told.draws.happens(_SLIP) else 1
    factors = (slip, 1, 1)
    return [
        f"{round(mg_kg * dosed_kg * factor)} mg in {diluent} D5W over {hours} h"
        for (mg_kg, diluent, hours), factor in zip(_BAGS, factors, strict=True)
    ]


def _treated_at(told: Telling, level: float, drawn_h: float, draw_h: float, *, is_injured: bool) -> float | None:
    """When the clinicians start acetylcysteine (hours after arrival), if they do."""
    is_on_nomogram = _FIRST_H <= drawn_h <= _LAST_H
    calls_for_it = is_injured or (level >= line_at(_LINE_MG_L, drawn_h) if is_on_nomogram else level >= 10.0)  # noqa: PLR2004 -- a detectable level
    chance = 1 - _MISSED if calls_for_it else _NEEDLESS
    return draw_h + told.draws.between(0.8, 4.0) if told.draws.happens(chance) else None


def _enzymes(told: Telling, alt: float, hours: float) -> None:
    """ALT, AST and, where the liver is injured, INR, drawn so many hours after arrival."""
    told.laboratory.enzymes(told.chart, alt * told.draws.between(0.9, 1.1), inr_of(alt), told.after(hours))


STORIES: tuple[tuple[Story, float], ...] = (
    (unrelated, 30),
    (therapeutic, 20),
    (acute, 22),
    (staggered, 7),
    (repeated, 7),
    (extended_release, 4),
    (unknown_time, 4),
    (liver_failure, 2),
    (copd_with_nac, 3),
    (cystic_fibrosis_with_nac, 1),
)
"""Each story with its share of the patients, in percent."""
