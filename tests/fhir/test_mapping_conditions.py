"""Conditions, Encounter reasons and allergies: what counts, what never does, and what the words say."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.clinical.facts import ExposureKind, Intent, Problem, Severity
from cds_service.clinical.quantity import Span
from tests.fhir.mapped import (
    EIGHT,
    ICD10CM,
    RXNORM,
    SNOMED,
    Json,
    at,
    coded,
    gap_kinds,
    instant,
    mapped,
    resource,
    whole_day,
    worded,
)

OVERDOSE = coded(ICD10CM, "T39.1X2A")
UNMAPPED_EXPOSURE = [("unmapped-code", "exposure")]
UNMAPPED_PROBLEM = [("unmapped-code", "problems")]


def condition(code: Any, **members: Any) -> Json:
    return resource("Condition", code=code, **members)


def status(word: str) -> Json:
    return {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": word}]}


# Poisonings


@pytest.mark.parametrize(
    ("code", "kind", "intent"),
    [
        (OVERDOSE, ExposureKind.POISONING, Intent.SELF_HARM),
        (coded(ICD10CM, "T391X1A"), ExposureKind.POISONING, Intent.ACCIDENTAL),
        (coded(ICD10CM, "T39.1X3A"), ExposureKind.POISONING, Intent.UNKNOWN),
        (coded(ICD10CM, "T39.1X4A"), ExposureKind.POISONING, Intent.UNDETERMINED),
        (coded(ICD10CM, "T39.1X", "accidental ingestion"), ExposureKind.POISONING, Intent.ACCIDENTAL),
        (coded(SNOMED, "295124009"), ExposureKind.POISONING, Intent.UNKNOWN),
        (coded(SNOMED, "242824002"), ExposureKind.POISONING, Intent.SELF_HARM),
        (coded(SNOMED, "55680006"), ExposureKind.GENERIC_OVERDOSE, Intent.UNKNOWN),
        (coded(SNOMED, "55680006", "Tylenol overdose"), ExposureKind.POISONING, Intent.UNKNOWN),
        (coded(SNOMED, "59274003"), ExposureKind.GENERIC_OVERDOSE, Intent.SELF_HARM),
        (coded(ICD10CM, "T50.902A"), ExposureKind.GENERIC_OVERDOSE, Intent.SELF_HARM),
        (
            {"coding": [{"system": ICD10CM, "code": "T39.1X2A"}, {"system": SNOMED, "code": "197352008"}]},
            ExposureKind.POISONING,
            Intent.SELF_HARM,
        ),
    ],
)
def test_coded_poisonings(code: Json, kind: ExposureKind, intent: Intent) -> None:
    facts = mapped(condition(code, onsetDateTime=EIGHT, recordedDate="2026-01-15T09:00:00Z"))
    (exposure,) = facts.exposures
    assert (exposure.kind, exposure.intent, exposure.taken, exposure.recorded_at) == (kind, intent, instant(8), at(9))
    assert facts.gaps == ()


@pytest.mark.parametrize(
    ("text", "kind", "intent"),
    [
        ("Acetaminophen overdose", ExposureKind.POISONING, Intent.UNKNOWN),
        ("Intentional paracetamol overdose", ExposureKind.POISONING, Intent.SELF_HARM),
        ("Accidental ingestion of Tylenol", ExposureKind.POISONING, Intent.ACCIDENTAL),
        ("18 year old with acetaminophen overdose", ExposureKind.POISONING, Intent.UNKNOWN),
        ("Rule out APAP toxicity", ExposureKind.POISONING, Intent.UNKNOWN),
        ("Overdose, acetaminophen", ExposureKind.POISONING, Intent.UNKNOWN),
        ("Acetaminophen overdose, no loss of consciousness", ExposureKind.POISONING, Intent.UNKNOWN),
        ("Acetaminophen poisoning - prior suicide attempt 2019", ExposureKind.POISONING, Intent.UNKNOWN),
        ("Acetaminophen overdose with no loss of consciousness", ExposureKind.POISONING, Intent.UNKNOWN),
        ("Acetaminophen overdose (no other ingestion)", ExposureKind.POISONING, Intent.UNKNOWN),
        ("18 year old, acetaminophen overdose 4 h prior to arrival", ExposureKind.POISONING, Intent.UNKNOWN),
        ("Acetaminophen overdose in the past 8 hours", ExposureKind.POISONING, Intent.UNKNOWN),
        ("Acetaminophen overdose in a patient with a history of depression", ExposureKind.POISONING, Intent.UNKNOWN),
        ("Tylenol OD. Past history of asthma", ExposureKind.POISONING, Intent.UNKNOWN),
        ("Poisoning by paracetamol, undetermined, not intentional", ExposureKind.POISONING, Intent.UNKNOWN),
        ("Drug overdose", ExposureKind.GENERIC_OVERDOSE, Intent.UNKNOWN),
        ("Intentional overdose of unknown medication", ExposureKind.GENERIC_OVERDOSE, Intent.SELF_HARM),
    ],
)
def test_worded_poisonings_count_and_are_reported_as_unmapped(text: str, kind: ExposureKind, intent: Intent) -> None:
    facts = mapped(condition(coded("urn:local", "X1", text)))
    (exposure,) = facts.exposures
    assert (exposure.kind, exposure.intent) == (kind, intent)
    assert gap_kinds(facts) == UNMAPPED_EXPOSURE


@pytest.mark.parametrize(
    "code",
    [
        worded("History of acetaminophen overdose"),
        worded("Acetaminophen overdose, history of"),
        worded("Family history of paracetamol overdose"),
        worded("No evidence of acetaminophen toxicity"),
        worded("Denies acetaminophen ingestion"),
        worded("Acetaminophen overdose - ruled out"),
        worded("Acetaminophen overdose ruled out"),
        worded("Acetaminophen overdose 2 years ago"),
        worded("Patient denies acetaminophen overdose"),
        worded("Resolved acetaminophen toxicity"),
        worded("Acetaminophen allergy, toxic rash"),
        worded("At risk of paracetamol overdose"),
        worded("Heroin overdose"),
        worded("Insulin overdose"),
        worded("Alcohol intoxication"),
        worded("Takes acetaminophen for headache"),
        coded(ICD10CM, "T39.1X1D"),
        coded(ICD10CM, "T39.1X2S"),
        coded(ICD10CM, "T39.1X5A", "Acetaminophen toxicity"),
        coded(ICD10CM, "T39.1X6A"),
        coded(SNOMED, "296405008", "Intentional acetylcysteine overdose"),
        coded(SNOMED, "295124009", "History of acetaminophen overdose"),
        coded(SNOMED, "295124009", "No acetaminophen overdose"),
        {"coding": [{"system": ICD10CM, "code": "T39.1X1D"}, {"system": SNOMED, "code": "295124009"}]},
        {},
        None,
        "",
        5,
    ],
)
def test_what_is_no_exposure(code: Any) -> None:
    facts = mapped(condition(code))
    assert facts.exposures == ()
    assert facts.gaps == ()


def test_a_toxic_liver_code_beside_the_name_does_not_hide_the_poisoning() -> None:
    facts = mapped(condition(coded(ICD10CM, "K71.2", "Acetaminophen hepatotoxicity")))
    assert [exposure.kind for exposure in facts.exposures] == [ExposureKind.POISONING]


def test_a_plain_text_code_is_read_as_its_words() -> None:
    assert mapped(condition("Acetaminophen overdose")).exposures[0].kind is ExposureKind.POISONING


@pytest.mark.parametrize(
    ("text", "is_repeated"),
    [
        ("Repeated supratherapeutic ingestion of acetaminophen", True),
        ("Chronic acetaminophen toxicity", True),
        ("Acetaminophen RSI", True),
        ("Acetaminophen overdose", False),
    ],
)
def test_repeated_supratherapeutic_ingestion(text: str, is_repeated: bool) -> None:  # noqa: FBT001 -- a column of the table
    facts = mapped(condition(worded(text), onsetPeriod={"start": "2026-01-12", "end": "2026-01-14"}))
    (exposure,) = facts.exposures
    assert exposure.is_repeated_supratherapeutic is is_repeated
    assert exposure.is_course is is_repeated


def test_drugs_that_delay_absorption_are_seen_in_the_words() -> None:
    (exposure,) = mapped(condition(worded("Overdose of acetaminophen with codeine and diphenhydramine"))).exposures
    assert exposure.delaying_ingredients == {"opioid", "anticholinergic"}
    (exposure,) = mapped(condition(coded(SNOMED, "1149376001"))).exposures
    assert exposure.delaying_ingredients == {"opioid"}


def test_poisoning_by_an_opioid_is_a_coingestant() -> None:
    (coingestant,) = mapped(condition(coded(ICD10CM, "T40.2X2A"), onsetDateTime=EIGHT)).coingestants
    assert (coingestant.effect, coingestant.taken) == ("opioid", instant(8))


# When


@pytest.mark.parametrize(
    ("members", "taken"),
    [
        ({"onsetDateTime": EIGHT}, instant(8)),
        ({"onsetDateTime": "2026-01-15"}, whole_day()),
        ({"onsetPeriod": {"start": "2026-01-15T02:00:00Z", "end": EIGHT}}, Span(at(2), at(8))),
        ({"onsetPeriod": {"start": "2026-01-15T02:00:00Z"}, "recordedDate": EIGHT}, Span(at(2), at(8))),
        ({"onsetPeriod": {"start": "2026-01-15T02:00:00Z"}, "dateRecorded": EIGHT}, Span(at(2), at(8))),
        ({"onsetPeriod": {"start": EIGHT}, "recordedDate": "2026-01-15T02:00:00Z"}, instant(8)),
        ({}, None),
    ],
)
def test_the_onset_is_the_time_of_ingestion(members: Json, taken: Span | None) -> None:
    facts = mapped(condition(OVERDOSE, **members))
    assert facts.exposures[0].taken == taken
    assert facts.gaps == ()


@pytest.mark.parametrize(
    "members",
    [
        {"onsetDateTime": "2026-01-15T08:00:00"},
        {"onsetDateTime": 5},
        {"onsetPeriod": {"start": EIGHT}},
        {"onsetPeriod": {"end": EIGHT}},
        {"onsetPeriod": {"start": EIGHT}, "recordedDate": "naive"},
        {"onsetPeriod": "garbage"},
        {"onsetAge": {"value": 30, "unit": "a"}},
        {"onsetString": "last night"},
    ],
)
def test_an_unusable_onset_is_a_gap_beside_the_exposure(members: Json) -> None:
    facts = mapped(condition(OVERDOSE, **members))
    assert facts.exposures[0].taken is None
    assert gap_kinds(facts) == [("unusable-time", "exposure")]


def test_an_unusable_onset_of_a_chronic_problem_is_no_gap() -> None:
    assert mapped(condition(coded(ICD10CM, "J45.909"), onsetString="childhood")).gaps == ()


@pytest.mark.parametrize("name", ["recordedDate", "assertedDate", "dateRecorded"])
def test_when_it_was_recorded_in_each_version_of_fhir(name: str) -> None:
    assert mapped(condition(OVERDOSE, **{name: EIGHT})).exposures[0].recorded_at == at(8)


# Whether it counts


@pytest.mark.parametrize(
    ("members", "counts"),
    [
        ({}, True),
        ({"clinicalStatus": status("active")}, True),
        ({"clinicalStatus": status("recurrence")}, True),
        ({"clinicalStatus": status("relapse")}, True),
        ({"clinicalStatus": "active"}, True),
        ({"clinicalStatus": status("nonsense")}, True),
        ({"clinicalStatus": 5}, True),
        ({"clinicalStatus": status("inactive")}, False),
        ({"clinicalStatus": status("remission")}, False),
        ({"clinicalStatus": status("resolved")}, False),
        ({"clinicalStatus": "resolved"}, False),
        ({"clinicalStatus": worded("Resolved")}, False),
        ({"abatementDateTime": EIGHT}, False),
        ({"abatementString": "last year"}, False),
        ({"abatementBoolean": True}, False),
        ({"abatementBoolean": False}, True),
        ({"abatementDateTime": 5}, True),
        ({"abatementDateTime": EIGHT, "clinicalStatus": status("active")}, True),
        ({"verificationStatus": status("confirmed")}, True),
        ({"verificationStatus": status("unconfirmed")}, True),
        ({"verificationStatus": status("provisional")}, True),
        ({"verificationStatus": status("differential")}, True),
        ({"verificationStatus": "unknown"}, True),
        ({"verificationStatus": status("refuted")}, False),
        ({"verificationStatus": status("entered-in-error")}, False),
        ({"verificationStatus": "entered-in-error"}, False),
        ({"category": [coded("urn:x", "problem-list-item")]}, True),
        ({"category": [coded("urn:x", "family-history")]}, False),
        ({"category": coded("urn:x", "past-history")}, False),
    ],
)
def test_status_and_category_decide(members: Json, counts: bool) -> None:  # noqa: FBT001 -- a column of the table
    assert len(mapped(condition(OVERDOSE, **members)).exposures) == counts


# Diagnoses


@pytest.mark.parametrize(
    ("code", "problems"),
    [
        (coded(ICD10CM, "K72.00"), {Problem.ACUTE_LIVER_FAILURE}),
        (coded(SNOMED, "197270009"), {Problem.ACUTE_LIVER_FAILURE}),
        (coded(ICD10CM, "K72.01"), {Problem.ACUTE_LIVER_FAILURE, Problem.ENCEPHALOPATHY}),
        (coded(ICD10CM, "K71.11"), {Problem.ACUTE_LIVER_FAILURE, Problem.ENCEPHALOPATHY}),
        (coded(ICD10CM, "K76.82"), {Problem.ENCEPHALOPATHY}),
        (coded(ICD10CM, "K74.60"), {Problem.CIRRHOSIS}),
        (coded(ICD10CM, "K72.10"), {Problem.CIRRHOSIS}),
        (coded(ICD10CM, "B15.0"), {Problem.OTHER_LIVER_CAUSE, Problem.ENCEPHALOPATHY}),
        (coded(SNOMED, "408335007"), {Problem.OTHER_LIVER_CAUSE}),
        (coded(ICD10CM, "K71.2"), set()),
        (coded(ICD10CM, "R10.11"), {Problem.RIGHT_UPPER_QUADRANT_PAIN}),
        (coded(SNOMED, "18165001"), {Problem.JAUNDICE}),
        (coded(SNOMED, "196746003"), {Problem.PERSISTENT_VOMITING}),
        (coded(ICD10CM, "R11.10"), set()),
        (coded(ICD10CM, "J44.9"), {Problem.COPD}),
        (coded(ICD10CM, "J44.1"), {Problem.COPD, Problem.COPD_EXACERBATION}),
        (coded(ICD10CM, "J44.81"), set()),
        (coded(ICD10CM, "J42"), {Problem.CHRONIC_BRONCHITIS}),
        (coded(ICD10CM, "E84.0"), {Problem.CYSTIC_FIBROSIS}),
        (coded(ICD10CM, "J47.9"), set()),
        (coded(ICD10CM, "N14.11"), {Problem.CONTRAST_PROPHYLAXIS}),
        (coded(SNOMED, "195967001"), {Problem.ASTHMA}),
        (coded(SNOMED, "294097003"), {Problem.NAC_REACTION}),
        (coded(SNOMED, "294097003", "Acetylcysteine allergy"), {Problem.NAC_REACTION}),
        (coded(ICD10CM, "T88.6XXA", "Anaphylactic reaction to acetylcysteine"), {Problem.NAC_REACTION}),
        (coded(ICD10CM, "T88.6XXA", "Anaphylactic reaction to penicillin"), set()),
        (coded(ICD10CM, "T50.6X5A"), set()),
        (coded(ICD10CM, "Z33.1"), {Problem.PREGNANCY}),
        (coded(SNOMED, "77386006"), {Problem.PREGNANCY}),
        (coded(SNOMED, "60001007", "Not pregnant"), set()),
        (coded(ICD10CM, "R45.851"), {Problem.SELF_HARM}),
        (coded("http://hl7.org/fhir/sid/icd-10", "X60"), {Problem.SELF_HARM}),
        (coded(ICD10CM, "Z99.2"), {Problem.DIALYSIS}),
        (coded(ICD10CM, "J45.909", "No asthma"), set()),
    ],
)
def test_coded_diagnoses(code: Json, problems: set[Problem]) -> None:
    facts = mapped(condition(code))
    assert {diagnosis.problem for diagnosis in facts.diagnoses} == problems
    assert facts.gaps == ()


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("Acute liver failure", {Problem.ACUTE_LIVER_FAILURE}),
        (
            "Fulminant hepatic failure with hepatic encephalopathy",
            {Problem.ACUTE_LIVER_FAILURE, Problem.ENCEPHALOPATHY},
        ),
        ("Cirrhosis of the liver", {Problem.CIRRHOSIS}),
        ("RUQ pain", {Problem.RIGHT_UPPER_QUADRANT_PAIN}),
        ("tenderness in the right upper quadrant", {Problem.RIGHT_UPPER_QUADRANT_PAIN}),
        ("Jaundice", {Problem.JAUNDICE}),
        ("Intractable vomiting", {Problem.PERSISTENT_VOMITING}),
        ("Vomiting, persistent", {Problem.PERSISTENT_VOMITING}),
        ("COPD exacerbation", {Problem.COPD, Problem.COPD_EXACERBATION}),
        ("History of COPD", {Problem.COPD}),
        ("Reaction to acetylcysteine in 2019", {Problem.NAC_REACTION}),
        ("Suicidal ideation", {Problem.SELF_HARM}),
        ("Hemodialysis", {Problem.DIALYSIS}),
    ],
)
def test_worded_diagnoses_count_and_are_reported_as_unmapped(text: str, problems: set[Problem]) -> None:
    facts = mapped(condition(worded(text)))
    assert {diagnosis.problem for diagnosis in facts.diagnoses} == problems
    assert gap_kinds(facts) == UNMAPPED_PROBLEM


@pytest.mark.parametrize(
    "text",
    [
        "Vomiting",
        "No jaundice",
        "Not pregnant",
        "History of acute liver failure",
        "Jaundice, resolved",
        "Denies right upper quadrant pain",
        "No reaction to acetylcysteine",
        "Acute on chronic liver failure",
        "Bronchiectasis with thick sputum",
        "Hypertension",
    ],
)
def test_what_is_no_diagnosis(text: str) -> None:
    assert mapped(condition(worded(text))).diagnoses == ()


def test_liver_failure_of_unstated_acuity_asks() -> None:
    facts = mapped(condition(coded(ICD10CM, "K72.90")))
    assert facts.diagnoses == ()
    assert gap_kinds(facts) == [("needs-confirmation", "problems")]
    facts = mapped(condition(coded(ICD10CM, "K72.91")))
    assert [diagnosis.problem for diagnosis in facts.diagnoses] == [Problem.ENCEPHALOPATHY]
    assert gap_kinds(facts) == [("needs-confirmation", "problems")]


@pytest.mark.parametrize(
    ("members", "grade"),
    [
        ({"code": coded(ICD10CM, "K72.01")}, 4),
        ({"code": coded(ICD10CM, "K76.82", "Hepatic encephalopathy, grade III")}, 3),
        ({"code": coded(ICD10CM, "K76.82", "Hepatic encephalopathy West Haven 3-4")}, 4),
        ({"code": coded(ICD10CM, "K76.82", "Hepatic encephalopathy grade 1 to 2")}, 2),
        ({"code": coded(ICD10CM, "K76.82"), "stage": [{"summary": worded("West Haven grade 2")}]}, 2),
        ({"code": coded(ICD10CM, "K76.82"), "stage": "garbage"}, None),
        ({"code": coded(ICD10CM, "K76.82", "Hepatic encephalopathy grade 0")}, None),
    ],
)
def test_the_grade_of_encephalopathy(members: Json, grade: int | None) -> None:
    diagnoses = mapped(resource("Condition", **members)).diagnoses
    assert [found.grade for found in diagnoses if found.problem is Problem.ENCEPHALOPATHY] == [grade]


@pytest.mark.parametrize(
    ("members", "severity"),
    [
        ({"code": coded(SNOMED, "313297008")}, Severity.MODERATE),
        ({"code": coded(SNOMED, "135836000")}, Severity.SEVERE),
        ({"code": coded(ICD10CM, "J44.9"), "severity": coded(SNOMED, "24484000")}, Severity.SEVERE),
        ({"code": coded(ICD10CM, "J44.9"), "severity": worded("Mild")}, Severity.MILD),
        ({"code": coded(ICD10CM, "J44.9", "COPD GOLD II")}, Severity.MODERATE),
        ({"code": coded(ICD10CM, "J44.9", "COPD GOLD stage 4")}, Severity.SEVERE),
        ({"code": coded(ICD10CM, "J44.9", "COPD"), "stage": [{"summary": worded("GOLD 1")}]}, Severity.MILD),
        ({"code": coded(ICD10CM, "J44.9", "COPD GOLD group D")}, None),
        ({"code": coded(ICD10CM, "J44.9")}, None),
    ],
)
def test_the_severity_of_copd(members: Json, severity: Severity | None) -> None:
    (diagnosis,) = mapped(resource("Condition", **members)).diagnoses
    assert diagnosis.severity is severity


def test_a_resolved_exacerbation_is_the_one_past_entry_that_is_kept() -> None:
    facts = mapped(condition(coded(ICD10CM, "J44.1"), clinicalStatus=status("resolved"), onsetDateTime=EIGHT))
    (diagnosis,) = facts.diagnoses
    assert (diagnosis.problem, diagnosis.onset) == (Problem.COPD_EXACERBATION, instant(8))


@pytest.mark.parametrize(
    ("verification", "recorded", "assessed"),
    [("refuted", EIGHT, [instant(8)]), ("refuted", None, [None]), ("entered-in-error", EIGHT, [])],
)
def test_refuted_encephalopathy_is_a_mental_status(
    verification: str, recorded: str | None, assessed: list[Span | None]
) -> None:
    facts = mapped(condition(coded(ICD10CM, "K76.82"), verificationStatus=status(verification), recordedDate=recorded))
    assert facts.diagnoses == ()
    assert [found.assessed for found in facts.mental_status] == assessed


def test_other_refuted_conditions_show_nothing() -> None:
    assert mapped(condition(OVERDOSE, verificationStatus=status("refuted"))).mental_status == ()


# Encounters


def encounter(**members: Any) -> Json:
    return resource("Encounter", **({"status": "in-progress", "period": {"start": EIGHT}} | members))


@pytest.mark.parametrize(
    "members",
    [
        {"reasonCode": [OVERDOSE]},
        {"reasonCode": OVERDOSE},
        {"reason": [OVERDOSE]},
        {
            "reasonReference": [{"reference": "#c"}],
            "contained": [{"resourceType": "Condition", "id": "c", "code": OVERDOSE}],
        },
        {"diagnosis": [{"condition": {"reference": "Condition/gone", "display": "Acetaminophen overdose"}}]},
        {"status": None, "reasonCode": [OVERDOSE]},
        {"status": "triaged", "reasonCode": [OVERDOSE]},
    ],
)
def test_encounter_reasons_are_read_like_conditions(members: Json) -> None:
    (exposure,) = mapped(encounter(**members)).exposures
    assert (exposure.kind, exposure.recorded_at, exposure.taken) == (ExposureKind.POISONING, at(8), None)
    assert exposure.reference == "Encounter/r"


@pytest.mark.parametrize(
    "members",
    [
        {"status": "finished", "reasonCode": [OVERDOSE]},
        {"status": "cancelled", "reasonCode": [OVERDOSE]},
        {"status": "entered-in-error", "reasonCode": [OVERDOSE]},
        {"reasonCode": [worded("Chest pain")]},
        {"reasonCode": "garbage"},
        {"reasonReference": [{"reference": "Condition/gone"}]},
        {
            "reasonReference": [{"reference": "#c"}],
            "contained": [{"resourceType": "Condition", "id": "c", "code": OVERDOSE, "clinicalStatus": "resolved"}],
        },
        {
            "reasonReference": [{"reference": "#c"}],
            "contained": [{"resourceType": "Condition", "id": "c", "code": OVERDOSE, "verificationStatus": "refuted"}],
        },
    ],
)
def test_encounters_that_tell_nothing(members: Json) -> None:
    assert mapped(encounter(**members)).exposures == ()


def test_a_condition_in_the_chart_is_not_read_twice() -> None:
    own = condition(OVERDOSE, id="c")
    facts = mapped(own, encounter(reasonReference=[{"reference": "Condition/c", "display": "Acetaminophen overdose"}]))
    assert [exposure.reference for exposure in facts.exposures] == ["Condition/c"]


# Allergies


def allergy(**members: Any) -> Json:
    return {"resourceType": "AllergyIntolerance", "id": "a", "patient": {"reference": "Patient/p"}} | members


@pytest.mark.parametrize(
    ("members", "gaps"),
    [
        ({"code": coded(RXNORM, "197")}, []),
        ({"code": coded(SNOMED, "387440002")}, []),
        ({"code": coded(SNOMED, "294097003")}, []),
        ({"substance": coded(RXNORM, "197")}, []),
        ({"reaction": [{"substance": coded(RXNORM, "197")}]}, []),
        ({"code": worded("N-acetylcysteine")}, [("unmapped-code", "allergies")]),
        ({"code": worded("Acetadote (rash)"), "onsetString": "child"}, [("unmapped-code", "allergies")]),
        ({"code": coded(RXNORM, "197"), "verificationStatus": "unconfirmed", "clinicalStatus": "active"}, []),
    ],
)
def test_a_reaction_to_acetylcysteine(members: Json, gaps: list[tuple[str, str]]) -> None:
    facts = mapped(allergy(**members))
    assert [diagnosis.problem for diagnosis in facts.diagnoses] == [Problem.NAC_REACTION]
    assert gap_kinds(facts) == gaps


@pytest.mark.parametrize(
    "members",
    [
        {"code": coded(RXNORM, "161", "acetaminophen")},
        {"code": coded(SNOMED, "293584003")},
        {"code": worded("Penicillin")},
        {"code": worded("No known allergy to acetylcysteine")},
        {"code": coded(RXNORM, "197"), "verificationStatus": "refuted"},
        {"code": coded(RXNORM, "197"), "verificationStatus": coded("urn:x", "entered-in-error")},
        {"code": coded(RXNORM, "197"), "clinicalStatus": "resolved"},
        {"code": coded(RXNORM, "197"), "status": "refuted"},
        {"code": coded("http://hl7.org/fhir/sid/cvx", "197", "influenza, high-dose, quadrivalent")},
        {"code": 5, "reaction": "garbage"},
        {},
    ],
)
def test_other_allergies_are_passed_over(members: Json) -> None:
    facts = mapped(allergy(**members))
    assert facts.diagnoses == ()
    assert facts.gaps == ()
