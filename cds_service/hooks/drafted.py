"""Which laboratory tests are drafted already, so that they are not suggested again. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cds_service.fhir.codes import System, code_from_text, term_of
from cds_service.fhir.reading import element, elements, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cds_service.fhir.reading import JsonObject

_TEST_ORDERS = frozenset({"ServiceRequest", "ProcedureRequest", "DiagnosticOrder", "DiagnosticRequest"})
_BY_CONCEPT = {
    "acetaminophen level": ("3298-7",),
    "ALT": ("1742-6",),
    "AST": ("1920-8",),
    "INR": ("6301-6",),
    "creatinine": ("2160-0",),
    "lactate": ("2524-7",),
    "phosphate": ("2777-1",),
    "glucose": ("2345-7",),
}
_TRANSAMINASES = ("1742-6", "1920-8")
_CREATININE_AND_GLUCOSE = ("2160-0", "2345-7")
# Comprehensive metabolic, hepatic function (two editions), basic metabolic (three editions), renal function.
_PANELS = {
    "24323-8": (*_TRANSAMINASES, *_CREATININE_AND_GLUCOSE),
    "24325-3": _TRANSAMINASES,
    "24324-6": _TRANSAMINASES,
    "24320-4": _CREATININE_AND_GLUCOSE,
    "24321-2": _CREATININE_AND_GLUCOSE,
    "51990-0": _CREATININE_AND_GLUCOSE,
    "24362-6": (*_CREATININE_AND_GLUCOSE, "2777-1"),
}
# Recognised in the table, although no rule reads it.
_ONLY_ASKED_FOR = "glucose"
_IN_BLOOD = r"(?i)^(?!.*\b(?:urine|clearance|csf|dehydrogenase)\b).*"
_BY_WORDS = (
    (re.compile(r"(?i)\b(?:acetaminophen|paracetamol|apap)\b(?!.*\burine\b)"), ("3298-7",)),
    (re.compile(r"(?i)\b(?:alt|sgpt|alanine aminotransferase)\b"), ("1742-6",)),
    (re.compile(r"(?i)\b(?:ast|sgot|aspartate aminotransferase)\b"), ("1920-8",)),
    (re.compile(r"(?i)\b(?:inr)\b"), ("6301-6",)),
    (re.compile(r"(?i)\b(?:liver function|hepatic function|lfts?)\b"), _TRANSAMINASES),
    (re.compile(rf"{_IN_BLOOD}\bcreatinine\b"), ("2160-0",)),
    (re.compile(rf"{_IN_BLOOD}\b(?:lactate|lactic acid)\b"), ("2524-7",)),
    (re.compile(rf"{_IN_BLOOD}\b(?:phosphate|phosphorus)\b"), ("2777-1",)),
    (re.compile(rf"{_IN_BLOOD}\bglucose\b"), ("2345-7",)),
    (re.compile(r"(?i)\b(?:basic metabolic|bmp)\b"), _CREATININE_AND_GLUCOSE),
    (re.compile(r"(?i)\b(?:comprehensive metabolic|cmp)\b"), (*_TRANSAMINASES, *_CREATININE_AND_GLUCOSE)),
)


def drafted_loinc(resources: Iterable[JsonObject]) -> frozenset[str]:
    """The LOINC codes this service would suggest that the draft test orders already cover."""
    orders = (resource for resource in resources if text(resource.get("resourceType")) in _TEST_ORDERS)
    return frozenset(loinc for order in orders for loinc in _covered(order))


def _covered(order: JsonObject) -> Iterator[str]:
    """By code where one is known, else by the words of text and display."""
    concept = element(order.get("code"))
    words = [text(concept.get("text"))]
    for coding in elements(concept.get("coding")):
        yield from _by_code(coding)
        words.append(text(coding.get("display")))
    joined = " | ".join(word for word in words if word)
    for pattern, covered in _BY_WORDS:
        if pattern.search(joined):
            yield from covered


def _by_code(coding: JsonObject) -> Iterator[str]:
    code = code_from_text(text(coding.get("system")) or "", text(coding.get("code")) or "")
    if code is None:
        return
    term = term_of(code)
    if term is not None and (term.kind == "result" or term.concept == _ONLY_ASKED_FOR):
        yield from _BY_CONCEPT.get(term.concept, ())
    if code.system is System.LOINC:
        yield from _PANELS.get(code.code, ())
