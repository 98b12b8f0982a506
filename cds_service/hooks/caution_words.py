"""The words of the cautions about an order (rules E). Pure wording; the rules themselves are clinical."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CautionWords:
    """How a caution reads: finding and asks of the summary, advice of the detail."""

    finding: str
    ask: str
    advice: tuple[str, ...] = ()
    ordered: str = "IV NAC"


ORAL_ASK = "consider oral acetylcysteine 600 mg twice daily instead"
ORAL_ADVICE = (
    "Oral acetylcysteine 600 mg twice daily is an option for this patient: fewer exacerbations in moderate to severe "
    "COPD with two or more in the previous two years; no effect on mortality; generally well tolerated, rare "
    "gastrointestinal effects."
)

_RESPIRATORY_ADVICE = (
    "Intravenous acetylcysteine is for acetaminophen toxicity, not for chronic respiratory disease.",
    "As a mucolytic, acetylcysteine is given by nebuliser or by mouth.",
)

CAUTIONS: dict[str, CautionWords] = {
    "E1": CautionWords(
        "IV NAC is not for COPD, chronic bronchitis or loosening mucus",
        "review the order; a mucolytic is given nebulised or by mouth",
        _RESPIRATORY_ADVICE,
    ),
    "E2": CautionWords(
        "IV NAC is not for cystic fibrosis",
        "review the order; evidence is insufficient even for inhaled or oral NAC",
        (
            _RESPIRATORY_ADVICE[0],
            "In cystic fibrosis from 6 years of age the evidence is insufficient for or against inhaled or oral NAC.",
        ),
    ),
    "E4": CautionWords(
        "IV NAC is not recommended to prevent contrast nephropathy",
        "review the order",
        ("Intravenous acetylcysteine is for acetaminophen toxicity; contrast prophylaxis is not an indication.",),
    ),
    "E5": CautionWords(
        "IV NAC ordered, but not indicated on current data",
        "review the order",
        ("If the history is in doubt, talk to the poison centre before leaving treatment out.",),
    ),
    "E6": CautionWords(
        "Acetaminophen ordered while its toxicity is suspected or treated",
        "review the acetaminophen order",
        ("Leave acetaminophen out until toxicity is excluded or treatment has ended; consider another analgesic.",),
        "acetaminophen",
    ),
}


def words_for(number: str, statement: str) -> CautionWords:
    """The words of a caution; a rule without its own words speaks by its statement."""
    return CAUTIONS.get(number) or CautionWords(statement, "review the order")
