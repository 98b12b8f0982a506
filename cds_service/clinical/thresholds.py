"""Every number the rules compare with: value, unit, inclusivity, source and date of review.

Knows numbers that do not differ between sites; what a site may choose is in `profiles.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cds_service.clinical.evidence import (
    AGA_2017,
    CFF_2013,
    CHEST_CTS_2015,
    EXTRIP_2014,
    FDA_LABEL,
    KINGS_COLLEGE,
    REVIEW_CAVEATS,
    SERVICE_ASSUMPTION,
    US_CONSENSUS_2023,
    Evidence,
)
from cds_service.clinical.quantity import Bounded, is_above, is_at_least

REVIEWED = date(2026, 11, 23)


class Side(StrEnum):
    """Which values reach the threshold."""

    AT_LEAST = ">="
    ABOVE = ">"
    BELOW = "<"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit: `reached_by` is three-valued, since a report such as "<10" may not settle it."""

    name: str
    value: float
    unit: str
    side: Side
    source: Evidence
    locator: str
    reviewed: date = REVIEWED

    def reached_by(self, reported: Bounded) -> bool | None:
        """Whether the reported value lies on the threshold's side."""
        if self.side is Side.ABOVE:
            return reported.above(self.value)
        return reported.at_least(self.value) if self.side is Side.AT_LEAST else reported.below(self.value)

    def reached_by_number(self, value: float) -> bool:
        """Whether an exactly known number (hours, grams, years) lies on the threshold's side."""
        if self.side is Side.ABOVE:
            return is_above(value, self.value)
        reached = is_at_least(value, self.value)
        return reached if self.side is Side.AT_LEAST else not reached

    def __str__(self) -> str:
        """As it is written on a card, e.g. ">1000 U/L"."""
        return f"{self.side.value}{self.value:g} {self.unit}".rstrip()


NOMOGRAM_START = Threshold("nomogram starts", 4, "h", Side.AT_LEAST, US_CONSENSUS_2023, "timing of the level")
NOMOGRAM_END = Threshold("beyond the nomogram", 24, "h", Side.ABOVE, US_CONSENSUS_2023, "timing of the level")
TREAT_WITHOUT_LEVEL = Threshold("treat without a level", 8, "h", Side.AT_LEAST, US_CONSENSUS_2023, "NAC within 8 h")
RESULT_TURNAROUND = Threshold(
    "a level sent now is back after", 20 / 60, "h", Side.AT_LEAST, SERVICE_ASSUMPTION, "fastest urgent level"
)
SECOND_LEVEL_AFTER = Threshold("second level, earliest", 4, "h", Side.AT_LEAST, US_CONSENSUS_2023, "extended release")
SECOND_LEVEL_UNTIL = Threshold("second level, latest", 6, "h", Side.AT_LEAST, US_CONSENSUS_2023, "extended release")

HEPATOTOXICITY = Threshold("hepatotoxicity, AST or ALT", 1000, "U/L", Side.ABOVE, US_CONSENSUS_2023, "definition")
RAISES_SUSPICION = Threshold(
    "AST or ALT that raises suspicion of acetaminophen", 3500, "U/L", Side.ABOVE, AGA_2017, "indeterminate ALF"
)
BILIRUBIN_INTERFERENCE = Threshold(
    "bilirubin that can give a false-positive level", 10, "mg/dL", Side.ABOVE, REVIEW_CAVEATS, "enzymatic assays"
)

KINGS_PH = Threshold("King's: arterial pH", 7.30, "", Side.BELOW, KINGS_COLLEGE, "after fluid resuscitation")
KINGS_INR = Threshold("King's: INR", 6.5, "", Side.ABOVE, KINGS_COLLEGE, "all three together")
KINGS_CREATININE = Threshold("King's: creatinine", 3.4, "mg/dL", Side.ABOVE, KINGS_COLLEGE, "all three together")
KINGS_GRADE = Threshold("King's: encephalopathy grade", 3, "", Side.AT_LEAST, KINGS_COLLEGE, "all three together")
KINGS_LACTATE = Threshold("King's: early lactate", 3.5, "mmol/L", Side.ABOVE, KINGS_COLLEGE, "modified criteria")
KINGS_LACTATE_LATE = Threshold(
    "King's: lactate after fluids", 3.0, "mmol/L", Side.ABOVE, KINGS_COLLEGE, "modified criteria"
)
KINGS_PHOSPHATE = Threshold("King's: phosphate at 48-96 h", 3.75, "mg/dL", Side.ABOVE, KINGS_COLLEGE, "extra")
KINGS_PHOSPHATE_FROM = Threshold("King's: phosphate, from", 48, "h", Side.AT_LEAST, KINGS_COLLEGE, "extra")
KINGS_PHOSPHATE_UNTIL = Threshold("King's: phosphate, until", 96, "h", Side.ABOVE, KINGS_COLLEGE, "extra")

TOXIC_SINGLE_DOSE_G = Threshold("toxic amount in 24 h", 10, "g", Side.AT_LEAST, US_CONSENSUS_2023, "from 6 years")
TOXIC_SINGLE_DOSE_MG_KG = Threshold("toxic amount in 24 h", 200, "mg/kg", Side.AT_LEAST, US_CONSENSUS_2023, "any age")
TOXIC_DAILY_G = Threshold("toxic daily amount for 48 h", 6, "g/day", Side.AT_LEAST, US_CONSENSUS_2023, "from 6 years")
TOXIC_DAILY_48H_MG_KG = Threshold(
    "toxic daily amount for 48 h", 150, "mg/kg/day", Side.AT_LEAST, US_CONSENSUS_2023, "any age"
)
TOXIC_DAILY_72H_MG_KG = Threshold(
    "toxic daily amount for 72 h", 100, "mg/kg/day", Side.AT_LEAST, US_CONSENSUS_2023, "under 6 years"
)
YOUNG_CHILD = Threshold("young child", 6, "years", Side.BELOW, US_CONSENSUS_2023, "toxic thresholds by age")
COPD_EXACERBATIONS = Threshold("exacerbations in 2 years", 2, "", Side.AT_LEAST, CHEST_CTS_2015, "oral NAC")

RESULT_NEAR_EXPOSURE = Threshold(
    "a negative result counts from this long before now, when neither ingestion nor charting has a time",
    24, "h", Side.ABOVE, SERVICE_ASSUMPTION, "stale results",
)  # fmt: skip
RESULT_BEFORE_CHARTING = Threshold(
    "a negative result counts from this long before an exposure of unknown time was charted",
    8, "h", Side.ABOVE, SERVICE_ASSUMPTION, "stale results",
)  # fmt: skip
ALF_COURSE_WEEKS = Threshold("acute liver failure lasts at most", 26, "weeks", Side.ABOVE, AGA_2017, "definition")

WEIGHT_MIN = Threshold("smallest weight dosed", 5, "kg", Side.BELOW, FDA_LABEL, "dosage by weight")
WEIGHT_MAX = Threshold("largest plausible weight", 300, "kg", Side.ABOVE, SERVICE_ASSUMPTION, "decimal slip")
WEIGHT_CHANGE = Threshold("change from the previous weight", 0.20, "", Side.ABOVE, SERVICE_ASSUMPTION, "slip or error")
WEIGHT_STALE_ADULT = Threshold("weight too old", 90, "days", Side.ABOVE, SERVICE_ASSUMPTION, "from 18 years")
WEIGHT_STALE_CHILD = Threshold("weight too old", 30, "days", Side.ABOVE, SERVICE_ASSUMPTION, "under 18 years")
ADULT_AGE = Threshold("adult", 18, "years", Side.AT_LEAST, SERVICE_ASSUMPTION, "weight checks")
ADULT_WEIGHT_MIN = Threshold("smallest plausible adult weight", 25, "kg", Side.BELOW, SERVICE_ASSUMPTION, "slip")
LOW_WEIGHT = Threshold("hyponatraemia and seizure warning", 40, "kg", Side.BELOW, FDA_LABEL, "warnings, fluid overload")
FIXED_VOLUMES = Threshold("fixed diluent volumes", 20, "kg", Side.ABOVE, FDA_LABEL, "diluent volumes")
ADULT_VOLUMES = Threshold("adult diluent volumes", 41, "kg", Side.AT_LEAST, FDA_LABEL, "diluent volumes")
REPEATED_AFTER = Threshold("doses further apart are repeated", 24, "h", Side.ABOVE, US_CONSENSUS_2023, "definition")

THERAPEUTIC_SINGLE_G = Threshold("largest labelled single dose", 1.3, "g", Side.ABOVE, FDA_LABEL, "two 650 mg tablets")
THERAPEUTIC_DAILY_G = Threshold("largest labelled daily dose", 4, "g/day", Side.ABOVE, FDA_LABEL, "adults")
DETECTION_LIMIT_MAX = Threshold(
    "largest credible reporting limit of an acetaminophen assay", 30, "mg/L", Side.ABOVE, SERVICE_ASSUMPTION, "B14"
)
UPPER_LIMIT_MAX = Threshold(
    "largest credible upper limit of AST or ALT", 150, "U/L", Side.ABOVE, SERVICE_ASSUMPTION, "reference range"
)
CLOCK_TOLERANCE = Threshold(
    "a charted time may lie this far ahead of the service's clock",
    5 / 60,
    "h",
    Side.ABOVE,
    SERVICE_ASSUMPTION,
    "clocks",
)
FIBROSIS_AGE = Threshold("evidence about cystic fibrosis", 6, "years", Side.AT_LEAST, CFF_2013, "inhaled or oral NAC")
EXACERBATION_WINDOW = Threshold("exacerbations counted over", 730, "days", Side.ABOVE, CHEST_CTS_2015, "oral NAC")
COMPLETION_INR = Threshold("completion of acetylcysteine: INR", 2.0, "", Side.BELOW, US_CONSENSUS_2023, "stopping")
COURSE_MG_KG = Threshold("whole course of acetylcysteine", 300, "mg/kg", Side.AT_LEAST, US_CONSENSUS_2023, "stopping")
COMPLETION_FALL = Threshold(
    "completion of acetylcysteine: fall of AST or ALT from the peak (guidelines ask for 25 to 50 %)",
    0.25, "", Side.AT_LEAST, US_CONSENSUS_2023, "stopping",
)  # fmt: skip
COMPLETION_RESULT_AGE = Threshold(
    "a result shows a criterion met if drawn no earlier than this before now, or before the course ended",
    12, "h", Side.ABOVE, SERVICE_ASSUMPTION, "stopping",
)  # fmt: skip
COURSE_LONG_OVER = Threshold(
    "a course that ended this long ago is not spoken of as running", 24, "h", Side.ABOVE, SERVICE_ASSUMPTION, "G3"
)
ORDER_STANDS = Threshold(
    "an order of acetylcysteine without a period and never carried out is no treatment after",
    24, "h", Side.ABOVE, SERVICE_ASSUMPTION, "orders",
)  # fmt: skip
LONGEST_BAG = Threshold("no bag of a regimen lasts longer", 24, "h", Side.ABOVE, SERVICE_ASSUMPTION, "bags")
OVERLAP = Threshold("infusions may overlap by", 0.25, "h", Side.ABOVE, SERVICE_ASSUMPTION, "bags charted twice")
BAG_DOSE_MATCH = Threshold(
    "a charted dose this far from a bag of the regimen is another bag", 0.10, "", Side.ABOVE, SERVICE_ASSUMPTION, "bags"
)
CHARCOAL_ADSORBS = Threshold(
    "oral acetylcysteine that activated charcoal can adsorb", 96, "%", Side.AT_LEAST, REVIEW_CAVEATS, "oral route"
)
CHARCOAL_NEAR = Threshold("charcoal matters if given within", 24, "h", Side.ABOVE, SERVICE_ASSUMPTION, "F6")
ECTR_LEVEL = Threshold("extracorporeal treatment, no acetylcysteine", 1000, "mg/L", Side.ABOVE, EXTRIP_2014, "level")
ECTR_LEVEL_SICK = Threshold(
    "extracorporeal treatment, no acetylcysteine, altered mental status, acidosis and raised lactate",
    700, "mg/L", Side.ABOVE, EXTRIP_2014, "level with mitochondrial dysfunction",
)  # fmt: skip
ECTR_LEVEL_SICK_ON_NAC = Threshold(
    "extracorporeal treatment during acetylcysteine, altered mental status, acidosis and raised lactate",
    900, "mg/L", Side.ABOVE, EXTRIP_2014, "level with mitochondrial dysfunction",
)  # fmt: skip
ECTR_PH = Threshold("extracorporeal treatment: arterial pH", 7.30, "", Side.BELOW, SERVICE_ASSUMPTION, "acidosis")
ECTR_LACTATE = Threshold(
    "extracorporeal treatment: raised lactate", 2.0, "mmol/L", Side.ABOVE, SERVICE_ASSUMPTION, "no number is given"
)
ORDER_OFF = Threshold("ordered dose, time or volume off from the regimen", 0.10, "", Side.ABOVE, FDA_LABEL, "F1, F2")
ORDER_FAR_OFF = Threshold(
    "ordered dose or rate this many times off is critical", 2, "", Side.AT_LEAST, SERVICE_ASSUMPTION, "F1"
)
