"""Recognising laboratory tests and their worded answers, where codes are local or absent.

Pure text. A test is named or it is not: urine, doses, ratios and clearances are not the test. Must not know resources.
"""

from __future__ import annotations

import re
from functools import lru_cache

from cds_service.clinical.quantity import Analyte
from cds_service.fhir.drug_names import ACETAMINOPHEN
from cds_service.fhir.wording import words

_ANY_TEST = re.compile(
    r"acetaminophen|paracetamol|apap|tylenol|\balt\b|sgpt|\bgpt\b|alanine|\bast\b|sgot|\bgot\b|aspartate"
    r"|\binr\b|normali[sz]ed ratio"
    r"|bilirubin|creatinine|lactate|lactic|phosph|\bph\b|weight",
    re.IGNORECASE,
)
_NOT_THE_TEST = words(
    "urine", "urinary", "ur", "fluid", "csf", "stool", "gastric", "saliva", "bile", "allerg[a-z]*", "ige",
    "clearance", "ratio to", "kinase", "dehydrogenase", "ldh", "alkaline", "pediatric percentile", "percentile",
    "birth", "ideal", "gain", "loss", "for length", "dose", "goal", "target", "interpretation", "comment", "note",
    "collected", "bone", "direct", "conjugated", "unconjugated", "indirect", "venous", "capillary", "delta",
    "change",
)  # fmt: skip
_TESTS: tuple[tuple[Analyte, re.Pattern[str]], ...] = (
    (Analyte.ACETAMINOPHEN, ACETAMINOPHEN),
    (
        Analyte.ALT,
        words(
            "alt", "sgpt", "gpt", "alat", "alanine (?:amino ?)?-?trans(?:aminase|ferase)", "alanine aminotransferase"
        ),
    ),
    (
        Analyte.AST,
        words("ast", "sgot", "asat", "aspartate (?:amino ?)?-?trans(?:aminase|ferase)", "aspartate aminotransferase"),
    ),
    (Analyte.INR, words("inr", "international normali[sz]ed ratio")),
    (Analyte.BILIRUBIN, words("(?:total )?bilirubin(?:,? total)?")),
    (Analyte.CREATININE, words("creatinine")),
    (Analyte.LACTATE, words("lactate", "lactic acid")),
    (Analyte.ARTERIAL_PH, words("arterial (?:blood )?ph", "ph,? arterial", "ph,? art", "abg ph")),
    (Analyte.PHOSPHATE, words("phosphate", "phosphorus")),
    (Analyte.WEIGHT, words("(?:body )?weight(?: measured)?")),
)


@lru_cache(maxsize=4096)
def analytes_named(written: str) -> frozenset[Analyte]:
    """The analytes a test's name means; none when it is about urine, a dose, a clearance and the like."""
    if _ANY_TEST.search(written) is None or _NOT_THE_TEST.search(written):
        return frozenset()
    return frozenset(analyte for analyte, pattern in _TESTS if pattern.search(written))


_NOT_DETECTED = re.compile(
    r"\W*(?:(?:none|not|non|nothing)[ -]*(?:was )?(?:detect(?:ed|able)|found|present)"
    r"|undetect(?:ed|able)|negative|neg|absent"
    r"|below (?:the )?(?:limit|level|threshold)s? of (?:detection|quantification|quantitation|reporting)"
    r"|below (?:the )?(?:detection|detectable|reporting|quantification) (?:limit|level|threshold)s?)\W*",
    re.IGNORECASE,
)
_POSITIVE = re.compile(r"\W*(?:positive|pos|detected|present)\W*", re.IGNORECASE)
_PREGNANT = re.compile(
    r"\W*(?:patient (?:is )?|currently |is )?pregnant\b(?! ?\?).*|\W*(?:yes|positive)\W*", re.IGNORECASE
)


def says_not_detected(written: str) -> bool:
    """Whether a result's whole text says that nothing was found."""
    return _NOT_DETECTED.fullmatch(written) is not None


def says_positive(written: str) -> bool:
    """Whether a result's whole text says that something was found, without saying how much."""
    return _POSITIVE.fullmatch(written) is not None


def says_pregnant(written: str) -> bool:
    """Whether the answer to a question about pregnancy is yes."""
    return _PREGNANT.fullmatch(written) is not None
