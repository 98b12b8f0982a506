"""Codes refuse what they cannot be; the table says what the rest mean."""

from __future__ import annotations

import pytest

from cds_service.fhir.codes import Code, CodeError, System, code_from_text, codes_of, system_from_uri, term_of
from tests.fhir.mapped import ATC, ICD10CM, LOINC, RXNORM, SNOMED

ICD10 = "http://hl7.org/fhir/sid/icd-10"
NDC = "http://hl7.org/fhir/sid/ndc"


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (System.LOINC, "3298-7"),
        (System.LOINC, "14581-3"),
        (System.LOINC, "5895-7"),  # issued, deprecated, against the check-digit rule
        (System.SNOMED_CT, "295124009"),
        (System.ICD_10_CM, "T39.1X2A"),
        (System.ICD_10_CM, "Z3A"),
        (System.ATC, "N02BE01"),
        (System.ATC, "N02A"),
        (System.NDC, "66220-0207"),
        (System.UNII, "362O9ITL9D"),
        (System.HCPCS, "J0132"),
        (System.V3_ROUTE, "IVINJ"),
        (System.RXNORM, "197"),
    ],
)
def test_a_possible_code_is_accepted(system: System, code: str) -> None:
    assert Code(system, code).code == code


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (System.LOINC, "3298-8"),
        (System.LOINC, "5563-?"),
        (System.LOINC, "32987"),
        (System.LOINC, "\u0663298-7"),
        (System.SNOMED_CT, "296298002"),
        (System.SNOMED_CT, "295124008"),
        (System.SNOMED_CT, "12345"),
        (System.ICD_10_CM, "39.1X2A"),
        (System.ICD_10_CM, "T39.1X2ABC"),
        (System.RXNORM, "0"),
        (System.RXNORM, "acetaminophen"),
        (System.ATC, "N02BE1"),
        (System.NDC, "66220-207"),
        (System.V3_ROUTE, "iv"),
    ],
)
def test_an_impossible_code_is_refused(system: System, code: str) -> None:
    with pytest.raises(CodeError, match=r"is not a|wrong check digit"):
        Code(system, code)


@pytest.mark.parametrize(
    ("uri", "system"),
    [
        ("http://loinc.org", System.LOINC),
        ("urn:oid:2.16.840.1.113883.6.1", System.LOINC),
        ("http://snomed.info/sct", System.SNOMED_CT),
        ("http://snomed.info/sct/731000124108/version/20250901", System.SNOMED_CT),
        ("urn:oid:2.16.840.1.113883.6.96", System.SNOMED_CT),
        ("urn:oid:2.16.840.1.113883.6.90", System.ICD_10_CM),
        ("http://hl7.org/fhir/sid/icd-10", System.ICD_10),
        ("urn:oid:2.16.840.1.113883.6.88", System.RXNORM),
        ("http://www.whocc.no/atc", System.ATC),
        ("http://hl7.org/fhir/sid/cvx", None),
        ("http://snomed.info/sctx", None),
        ("", None),
    ],
)
def test_systems_are_known_by_their_synonyms(uri: str, system: System | None) -> None:
    assert system_from_uri(uri) is system


@pytest.mark.parametrize(
    ("uri", "written", "canonical"),
    [
        (ICD10CM, "T391X2A", "T39.1X2A"),
        (ICD10CM, "t39.1x2a", "T39.1X2A"),
        (ICD10CM, "J44", "J44"),
        (NDC, "66220-207", "66220-0207"),
        (NDC, "66220-207-30", "66220-0207"),
        (NDC, "66220020730", "66220-0207"),
        (ATC, "n02be01", "N02BE01"),
        (LOINC, " 3298-7 ", "3298-7"),
    ],
)
def test_spellings_are_folded(uri: str, written: str, canonical: str) -> None:
    code = code_from_text(uri, written)
    assert code is not None
    assert code.code == canonical


@pytest.mark.parametrize(
    ("uri", "written"), [(NDC, "6622020730"), ("http://hl7.org/fhir/sid/cvx", "161"), (LOINC, "3298-8"), (LOINC, "")]
)
def test_what_is_no_code_of_ours_reads_as_none(uri: str, written: str) -> None:
    assert code_from_text(uri, written) is None


def meaning(uri: str, code: str) -> tuple[str, str, set[str]] | None:
    found = code_from_text(uri, code)
    assert found is not None
    term = term_of(found)
    return None if term is None else (term.concept, term.kind, set(term.tags))


APAP_POISONING, UNSTATED = "acetaminophen poisoning", "overdose of an unstated drug"


@pytest.mark.parametrize(
    ("uri", "code", "expected"),
    [
        (LOINC, "3298-7", ("acetaminophen level", "result", set())),
        (LOINC, "1920-8", ("AST", "result", set())),
        (LOINC, "14713-2", None),
        (LOINC, "3299-5", ("acetaminophen outside serum", "exclude", set())),
        (LOINC, "718-7", None),
        (RXNORM, "197", ("acetylcysteine drug", "drug", set())),
        (RXNORM, "465377", ("acetylcysteine drug", "drug", {"intravenous"})),
        (RXNORM, "307719", ("acetylcysteine drug", "drug", {"inhaled"})),
        (RXNORM, "198444", ("acetaminophen drug", "drug", {"oral"})),
        (RXNORM, "1148399", ("acetaminophen drug", "drug", {"oral", "extended-release"})),
        (RXNORM, "1092398", None),
        (NDC, "0517-7504-25", ("acetylcysteine drug", "drug", {"inhaled"})),
        (ATC, "N02AA01", ("opioid drug", "drug", {"opioid"})),
        (ATC, "N02AJ06", ("acetaminophen drug", "drug", {"opioid"})),
        (ICD10CM, "T39.1X1A", (APAP_POISONING, "condition", {"accidental"})),
        (ICD10CM, "T39.1X2A", (APAP_POISONING, "condition", {"self-harm"})),
        (ICD10CM, "T39.1X3A", (APAP_POISONING, "condition", {"assault"})),
        (ICD10CM, "T39.1X4", (APAP_POISONING, "condition", {"undetermined"})),
        (ICD10CM, "T39.1X", (APAP_POISONING, "condition", set())),
        (ICD10, "T39.1", (APAP_POISONING, "condition", set())),
        (ICD10CM, "T39.1X1D", (APAP_POISONING, "exclude", set())),
        (ICD10CM, "T39.1X2S", (APAP_POISONING, "exclude", set())),
        (ICD10CM, "T39.1X4D", (APAP_POISONING, "exclude", set())),
        (ICD10CM, "T39.1X5A", (APAP_POISONING, "exclude", set())),
        (ICD10CM, "T39.1X6", (APAP_POISONING, "exclude", set())),
        (ICD10CM, "T39.1X7A", None),
        (ICD10CM, "T39.011A", None),
        (ICD10CM, "T50.902A", (UNSTATED, "condition", {"self-harm"})),
        (ICD10CM, "T50.905A", (UNSTATED, "exclude", set())),
        (ICD10CM, "T39.92XA", (UNSTATED, "condition", {"self-harm"})),
        (ICD10, "T39.9", None),
        (ICD10CM, "T40.2X1A", ("opioid poisoning", "condition", {"accidental"})),
        (ICD10CM, "T45.0X2A", ("anticholinergic poisoning", "condition", {"self-harm"})),
        (ICD10CM, "K72.01", ("acute liver failure", "condition", {"coma"})),
        (ICD10, "K72.0", ("acute liver failure", "condition", set())),
        (ICD10CM, "J44.1", ("COPD exacerbation", "condition", set())),
        (ICD10CM, "J44.81", ("bronchiolitis obliterans", "exclude", set())),
        (ICD10, "J44.8", ("COPD", "condition", set())),
        (ICD10CM, "J45.50", ("asthma", "condition", set())),
        (ICD10CM, "K70.31", ("cirrhosis", "condition", set())),
        (ICD10CM, "K74.00", None),
        (ICD10, "X60", ("self-harm", "condition", set())),
        (ICD10CM, "X60", None),
        (SNOMED, "60001007", ("pregnancy", "exclude", set())),
        (SNOMED, "296405008", ("acetylcysteine overdose", "exclude", set())),
    ],
)
def test_the_table_says_what_a_code_means(uri: str, code: str, expected: tuple[str, str, set[str]] | None) -> None:
    assert meaning(uri, code) == expected


def test_codes_of_a_concept_can_be_listed() -> None:
    assert {code.code for code in codes_of("acetaminophen level")} == {"3298-7", "14581-3", "35595-8", "70198-7"}
    assert {code.code for code in codes_of("INR", kind="result")} >= {"6301-6"}
    assert "52129-4" not in {code.code for code in codes_of("INR", kind="result")}


def test_an_unknown_concept_is_an_error() -> None:
    with pytest.raises(KeyError):
        codes_of("hope")
