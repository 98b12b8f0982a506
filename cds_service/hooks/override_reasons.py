"""Why a clinician may set a card aside, by category.

Codes and displays of the HL7 code system for non-adherence reasons (CDS Hooks 3.0 ballot).
"""

from __future__ import annotations

from cds_service.clinical.findings import Category

SYSTEM = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"

_DISPLAYS = {
    "patient-ineligible": "Patient does not meet eligibility for recommended action",
    "indication-order-exists": "Patient has indication/order for intended action",
    "action-completed": "Recommended action was already completed",
    "action-not-priority": "Recommended action is not relevant or a priority in current state of health",
    "need-more-info": (
        "Could not address recommended action due to need for more information/pending results/pending consult"
    ),
    "expert-contradicts": "Advice from expert contradicts the recommended action",
    "policy-contradicts": "Institutional policy/guideline contradicts the recommended action",
    "risk-benefit-ratio": "Recipient assessment of risk/benefit ratio",
    "patient-contraindication": "Patient has contraindication to recommended action",
    "patient-refuses": "Patient refuses/declines (no context given)*",
    "service-not-available": "Treatment or service is not practically available",
}

_TREATMENT = (
    "action-completed",
    "indication-order-exists",
    "patient-ineligible",
    "need-more-info",
    "expert-contradicts",
    "patient-contraindication",
    "risk-benefit-ratio",
    "patient-refuses",
)
_TESTS = ("action-completed", "need-more-info", "patient-ineligible", "expert-contradicts", "service-not-available")
_ORDER = ("indication-order-exists", "expert-contradicts", "risk-benefit-ratio", "policy-contradicts", "need-more-info")
_INFORMATION = ("need-more-info", "expert-contradicts", "risk-benefit-ratio", "patient-ineligible")

_BY_CATEGORY: dict[Category, tuple[str, ...]] = {
    Category.INDICATED: _TREATMENT,
    Category.CONSIDER: (*_TREATMENT, "action-not-priority"),
    Category.CONTINUE: ("action-completed", "expert-contradicts", "risk-benefit-ratio", "patient-contraindication"),
    Category.REPEAT_LEVEL: _TESTS,
    Category.DATA_NEEDED: _TESTS,
    Category.CAUTION: _ORDER,
    Category.DOSE_CHECK: _ORDER,
    Category.CRITERIA_MET: _INFORMATION,
    Category.NOT_INDICATED: _INFORMATION,
}


_CODES_BY_WORDS = {words.casefold(): code for code, display in _DISPLAYS.items() for words in (code, display)}


def code_of_words(words: str) -> str | None:
    """The code that is meant by its own text or its display; None for any other words."""
    return _CODES_BY_WORDS.get(words.strip().casefold())


def override_reasons(category: Category) -> list[dict[str, str]]:
    """The Codings offered on a card of this category, each with its display."""
    return [{"code": code, "system": SYSTEM, "display": _DISPLAYS[code]} for code in _BY_CATEGORY[category]]
