"""How one laboratory reports: its units, its codes, and what goes wrong between analyser and chart.

Pure. A laboratory keeps its habits for a patient: mass or moles, a code of its own instead of LOINC, a unit nobody
else knows, and results that are issued as preliminary and corrected later.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cds_service.population.synth import resources as fhir

if TYPE_CHECKING:
    from cds_service.fhir.reading import JsonObject
    from cds_service.population.synth.draws import Draws
    from cds_service.population.synth.resources import ChartWriter, Coding

_MICROMOL_PER_MG = 6.6154
_SHOWN_FROM_MG_L = 10.0
_ENZYME_LIMIT = 40.0

_UNITS: tuple[tuple[tuple[Coding, float, str, str | None], float], ...] = (
    ((fhir.LEVEL, 1.0, "mg/L", "mg/L"), 55),
    ((fhir.LEVEL, 1.0, "ug/mL", "ug/mL"), 20),
    ((fhir.LEVEL, 0.1, "mg/dL", "mg/dL"), 8),
    ((fhir.LEVEL_MOLES, _MICROMOL_PER_MG, "umol/L", "umol/L"), 10),
    ((fhir.LEVEL_LOCAL, 1.0, "mg/L", "mg/L"), 4),
    ((fhir.LEVEL, 1.0, "mcg%", None), 3),
)


@dataclass(frozen=True, slots=True)
class Laboratory:
    """The habits of one laboratory: code, factor from mg/L, and how its unit is written."""

    draws: Draws
    code: Coding
    factor: float
    unit: str
    ucum: str | None

    @classmethod
    def drawn(cls, draws: Draws) -> Laboratory:
        """One laboratory among many."""
        return cls(draws, *draws.weighted(_UNITS))

    def level(self, chart: ChartWriter, mg_l: float, drawn: datetime) -> None:
        """An acetaminophen level; below 10 mg/L it is told as "<10", in the laboratory's unit."""
        shown = max(mg_l, _SHOWN_FROM_MG_L) * self.factor
        value = fhir.quantity(round(shown, 1), self.unit, self.ucum)
        if mg_l < _SHOWN_FROM_MG_L:
            value["comparator"] = "<"
        result = chart.result(self.code, value, drawn)
        if self.draws.happens(0.05):
            chart.resources.append(_preliminary(result, drawn, chart))

    def enzymes(self, chart: ChartWriter, alt: float, inr: float, drawn: datetime) -> None:
        """ALT, AST, and what every blood sample brings along; INR once it is raised."""
        for code, share in ((fhir.ALT, 1.0), (fhir.AST, 0.9)):
            chart.result(code, fhir.quantity(round(alt * share), "U/L", "U/L"), drawn, upper=_ENZYME_LIMIT)
        if inr > 1.0:
            chart.result(fhir.INR, fhir.quantity(round(inr, 1), "{INR}", "{INR}"), drawn)
        chart.result(fhir.HEMOGLOBIN, fhir.quantity(round(self.draws.between(11, 16), 1), "g/dL", "g/dL"), drawn)
        chart.result(fhir.SODIUM, fhir.quantity(round(self.draws.between(134, 146)), "mmol/L", "mmol/L"), drawn)


def _preliminary(final: JsonObject, drawn: datetime, chart: ChartWriter) -> JsonObject:
    """The first version of a result, ten times too low, which the final one corrected two hours later."""
    first = deepcopy(final)
    first["status"] = "preliminary"
    first["valueQuantity"]["value"] = round(final["valueQuantity"]["value"] / 10, 2)
    first["meta"] = {"versionId": "1", "lastUpdated": chart.time(drawn + timedelta(hours=0.7))}
    final["status"] = "corrected"
    final["meta"] = {"versionId": "2", "lastUpdated": chart.time(drawn + timedelta(hours=2.7))}
    return first
