"""Drugs taken, given and ordered: substance, route, dose, schedule and time in each form they come in."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.clinical.facts import ExposureKind, Intent, NacSource, Route
from cds_service.clinical.quantity import Span
from tests.fhir.mapped import (
    ATC,
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

TABLET = coded(RXNORM, "198440")
NAC_IV = coded(RXNORM, "465377")
NAC = coded(RXNORM, "197", "acetylcysteine")
UNMAPPED = [("unmapped-code", "medications")]


def statement(medication: Any = TABLET, /, **members: Any) -> Json:
    base = {"status": "active", "medicationCodeableConcept": medication, "effectiveDateTime": EIGHT}
    return resource("MedicationStatement", **(base | members))


def administration(medication: Any = NAC_IV, /, **members: Any) -> Json:
    base = {"status": "in-progress", "medicationCodeableConcept": medication, "effectiveDateTime": EIGHT}
    return resource("MedicationAdministration", **(base | members))


def request(medication: Any = NAC_IV, /, **members: Any) -> Json:
    base = {"status": "active", "intent": "order", "medicationCodeableConcept": medication, "authoredOn": EIGHT}
    return resource("MedicationRequest", **(base | members))


# What is acetaminophen


@pytest.mark.parametrize(
    ("medication", "route", "is_er", "delaying", "gaps"),
    [
        (TABLET, Route.ORAL, False, set(), []),
        (coded(RXNORM, "161"), Route.UNKNOWN, False, set(), []),
        (coded(ATC, "N02BE01"), Route.UNKNOWN, False, set(), []),
        (coded(SNOMED, "777067000"), Route.UNKNOWN, False, set(), []),
        (coded("http://fdasis.nlm.nih.gov", "362O9ITL9D"), Route.UNKNOWN, False, set(), []),
        (coded(RXNORM, "198444", "acetaminophen 650 MG Oral Tablet"), Route.ORAL, False, set(), []),
        (coded(RXNORM, "1148399"), Route.ORAL, True, set(), []),
        (coded(RXNORM, "857002"), Route.ORAL, False, {"opioid"}, []),
        (coded(RXNORM, "1092189"), Route.ORAL, False, {"anticholinergic"}, []),
        (coded(RXNORM, "1491832"), Route.ORAL, True, {"opioid"}, []),
        (coded(RXNORM, "1803956"), Route.INTRAVENOUS, False, set(), []),
        (coded(ATC, "N02AJ06"), Route.UNKNOWN, False, {"opioid"}, []),
        (coded(RXNORM, "999999", "acetaminophen 160 MG/5 ML Oral Suspension"), Route.ORAL, False, set(), []),
        (worded("Tylenol 8 HR"), Route.UNKNOWN, True, set(), UNMAPPED),
        (worded("Panadol Osteo 665 mg tablets"), Route.ORAL, True, set(), UNMAPPED),
        (worded("Paracetamol MR"), Route.UNKNOWN, True, set(), UNMAPPED),
        (worded("Tylenol Arthritis Pain"), Route.UNKNOWN, True, set(), UNMAPPED),
        (worded("Percocet"), Route.UNKNOWN, False, {"opioid"}, UNMAPPED),
        (worded("Tylenol #3"), Route.UNKNOWN, False, {"opioid"}, UNMAPPED),
        (worded("Tylenol PM"), Route.UNKNOWN, False, {"anticholinergic"}, UNMAPPED),
        (worded("APAP IV"), Route.INTRAVENOUS, False, set(), UNMAPPED),
        (coded("urn:local", "D1", display="Acetaminophen"), Route.UNKNOWN, False, set(), UNMAPPED),
    ],
)
def test_acetaminophen_by_code_or_by_name(
    medication: Json,
    route: Route,
    is_er: bool,  # noqa: FBT001 -- a column of the table
    delaying: set[str],
    gaps: list[tuple[str, str]],
) -> None:
    facts = mapped(statement(medication))
    (exposure,) = facts.exposures
    assert exposure.kind is ExposureKind.MEDICATION
    assert (exposure.route, exposure.is_extended_release) == (route, is_er)
    assert set(exposure.delaying_ingredients) == delaying
    assert gap_kinds(facts) == gaps


@pytest.mark.parametrize(
    ("members", "others"),
    [
        (
            {
                "medicationReference": {"reference": "#m"},
                "contained": [{"resourceType": "Medication", "id": "m", "code": TABLET}],
            },
            [],
        ),
        (
            {"medicationReference": {"reference": "Medication/m"}},
            [{"resourceType": "Medication", "id": "m", "code": TABLET}],
        ),
        ({"medicationReference": {"reference": "Medication/gone", "display": "acetaminophen 500 MG Oral Tablet"}}, []),
        (
            {"medicationReference": {"reference": "Medication/m"}},
            [
                {
                    "resourceType": "Medication",
                    "id": "m",
                    "form": worded("tablet"),
                    "ingredient": [{"itemCodeableConcept": coded(RXNORM, "161")}],
                }
            ],
        ),
        ({"medication": {"concept": TABLET}}, []),
        (
            {"medication": {"reference": {"reference": "Medication/m"}}},
            [{"resourceType": "Medication", "id": "m", "code": TABLET}],
        ),
    ],
)
def test_the_drug_is_found_wherever_it_is_written(members: Json, others: list[Json]) -> None:
    (exposure,) = mapped(statement(None, **members), *others).exposures
    assert exposure.route is Route.ORAL


@pytest.mark.parametrize(
    "members",
    [
        {"medicationReference": {"reference": "Medication/gone"}},
        {"medicationReference": {"reference": "#gone"}},
        {"medicationReference": {"reference": "Patient/p"}},
        {"medicationCodeableConcept": coded(RXNORM, "999999999999")},
        {"medicationCodeableConcept": {}},
        {},
    ],
)
def test_a_drug_that_cannot_be_identified_is_a_gap(members: Json) -> None:
    for taken in (statement(None, **members), request(None, **members)):
        facts = mapped(taken)
        assert (facts.exposures, facts.nac) == ((), ())
        assert gap_kinds(facts) == UNMAPPED


@pytest.mark.parametrize("name", ["not-taken", "not-done", "entered-in-error", "cancelled", "intended"])
def test_what_was_not_taken_is_no_exposure(name: str) -> None:
    assert mapped(statement(status=name)).exposures == ()
    assert mapped(administration(status=name)).nac == ()


@pytest.mark.parametrize("members", [{"taken": "n"}, {"wasNotTaken": True}, {"wasNotGiven": True}, {"notGiven": True}])
def test_what_older_versions_say_was_not_taken(members: Json) -> None:
    assert mapped(statement(**members)).exposures == ()


@pytest.mark.parametrize("name", ["active", "completed", "on-hold", "stopped", "unknown", None, 5])
def test_every_other_status_counts(name: Any) -> None:
    assert len(mapped(statement(status=name)).exposures) == 1


def test_ordered_acetaminophen_is_not_taken_acetaminophen() -> None:
    assert mapped(request(TABLET)).exposures == ()


@pytest.mark.parametrize(
    "medication",
    [
        coded(RXNORM, "1191", "aspirin"),
        worded("Lisinopril"),
        coded("http://hl7.org/fhir/sid/cvx", "161", "flu vaccine"),
    ],
)
def test_other_drugs_are_passed_over(medication: Json) -> None:
    facts = mapped(statement(medication), request(medication, id="q"))
    assert (facts.exposures, facts.nac, facts.coingestants, facts.gaps) == ((), (), (), ())


@pytest.mark.parametrize(
    ("medication", "effects"),
    [
        (worded("Morphine 10 mg"), ["opioid"]),
        (coded(RXNORM, "7804"), ["opioid"]),
        (coded(ATC, "N02AA05"), ["opioid"]),
        (coded(RXNORM, "3498"), ["anticholinergic"]),
        (coded(RXNORM, "1092398", "Aspirin 500 MG / Diphenhydramine 25 MG"), ["anticholinergic"]),
        (worded("Codeine with promethazine"), ["anticholinergic", "opioid"]),
    ],
)
def test_drugs_that_delay_absorption_are_coingestants(medication: Json, effects: list[str]) -> None:
    facts = mapped(statement(medication))
    assert [found.effect for found in facts.coingestants] == effects
    assert all(found.taken == instant(8) for found in facts.coingestants)
    assert facts.exposures == ()


# When acetaminophen was taken

TWO_TO_EIGHT = {"start": "2026-01-15T02:00:00Z", "end": EIGHT}
WEEK = {"start": "2026-01-08T08:00:00Z", "end": EIGHT}


@pytest.mark.parametrize(
    ("members", "taken", "is_course"),
    [
        ({}, instant(8), False),
        ({"effectiveDateTime": "2026-01-15"}, whole_day(), False),
        ({"effectiveDateTime": None}, None, False),
        ({"effectiveDateTime": None, "effectivePeriod": TWO_TO_EIGHT}, Span(at(2), at(8)), False),
        ({"effectiveDateTime": None, "effectivePeriod": WEEK}, Span(at(8, day=8), at(8)), True),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": EIGHT}}, instant(8), True),
        ({"effectiveDateTime": None, "effectivePeriod": {"end": EIGHT}}, instant(8), True),
        ({"dosage": [{"timing": {"repeat": {"frequency": 4, "period": 1, "periodUnit": "d"}}}]}, instant(8), True),
        ({"dosage": [{"timing": {"code": worded("QID")}}]}, instant(8), True),
        ({"dosage": [{"timing": {"repeat": {"count": 1, "period": 1, "periodUnit": "d"}}}]}, instant(8), False),
        ({"effectiveDateTime": None, "occurrenceDateTime": EIGHT}, instant(8), False),
    ],
)
def test_when_it_was_taken(members: Json, taken: Span | None, is_course: bool) -> None:  # noqa: FBT001 -- a column of the table
    facts = mapped(statement(**members))
    (exposure,) = facts.exposures
    assert (exposure.taken, exposure.is_course) == (taken, is_course)
    assert facts.gaps == ()


@pytest.mark.parametrize(
    "members",
    [
        {"effectiveDateTime": "2026-01-15T08:00:00"},
        {"effectiveDateTime": None, "effectivePeriod": {"start": EIGHT, "end": "2026-01-15T02:00:00Z"}},
        {"effectiveDateTime": None, "effectivePeriod": {"start": "naive"}},
    ],
)
def test_an_unusable_time_leaves_an_exposure_without_one(members: Json) -> None:
    facts = mapped(statement(**members))
    assert facts.exposures[0].taken is None
    assert gap_kinds(facts) == [("unusable-time", "exposure")]


def test_an_infusion_under_way_is_no_course() -> None:
    given = administration(coded(RXNORM, "1803956"), effectiveDateTime=None, effectivePeriod={"start": EIGHT})
    (exposure,) = mapped(given).exposures
    assert (exposure.taken, exposure.is_course, exposure.route) == (instant(8), False, Route.INTRAVENOUS)


def test_when_it_was_asserted_is_when_it_was_recorded() -> None:
    assert mapped(statement(dateAsserted=EIGHT)).exposures[0].recorded_at == at(8)


# How much acetaminophen was taken


def dose(value: Any, unit: Any, **more: Any) -> Json:
    return {"doseAndRate": [{"doseQuantity": {"value": value, "unit": unit} | more}]}


FOUR_A_DAY = {"timing": {"repeat": {"frequency": 4, "period": 1, "periodUnit": "d"}}}


@pytest.mark.parametrize(
    ("dosage", "amount_mg", "daily_mg"),
    [
        ([dose(12, "g")], 12_000, None),
        ([dose(500, "mg")], 500, None),
        ([{"doseQuantity": {"value": 12, "unit": "g"}}], 12_000, None),
        ([{"quantityQuantity": {"value": 12, "unit": "g"}}], 12_000, None),
        ({"dose": {"value": 1000, "unit": "mg"}}, 1000, None),
        ([dose(24, "tablets")], 12_000, None),
        ([dose(24, None, code="{tbl}")], 12_000, None),
        ([dose(24, "capsule(s)")], 12_000, None),
        ([{"text": "12 g"}], 12_000, None),
        ([{"text": "650 mg"}], 650, None),
        ([{"text": "12 grams"}], 12_000, None),
        ([{"text": "two tablets"}], None, None),
        ([{"text": "12 g"}, {"text": "8 g"}], None, None),
        ([dose(1, "g") | FOUR_A_DAY], 1000, 4000),
        ([dose(2, "tablet") | FOUR_A_DAY], 1000, 4000),
        ([dose(1, "g") | {"timing": {"repeat": {"period": 6, "periodUnit": "h"}}}], 1000, 4000),
        ([dose(1, "g") | {"timing": {"code": coded("urn:gts", "QID")}}], 1000, 4000),
        ([dose(1, "g") | {"timing": {"repeat": {"period": 0, "periodUnit": "h"}}}], 1000, None),
        ([dose(1, "g") | {"timing": {"repeat": {"period": 6, "periodUnit": "moon"}}}], 1000, None),
        ([{"doseAndRate": [{"doseRange": {"high": {"value": 1}}}]} | FOUR_A_DAY], None, None),
        ([dose(1, "g", comparator="<")], 1000, None),
        ("garbage", None, None),
        (None, None, None),
    ],
)
def test_how_much_was_taken(dosage: Any, amount_mg: float | None, daily_mg: float | None) -> None:
    facts = mapped(statement(dosage=dosage))
    (exposure,) = facts.exposures
    assert exposure.amount_mg == pytest.approx(amount_mg)
    assert exposure.daily_amount_mg == pytest.approx(daily_mg)
    assert facts.gaps == ()


@pytest.mark.parametrize(
    ("medication", "dosage", "kind"),
    [
        (TABLET, [dose(12, None)], "unknown-unit"),
        (TABLET, [dose(12, "mL")], "unknown-unit"),
        (TABLET, [dose("12", "g")], "unreadable"),
        (TABLET, [dose(12, "g", comparator=">")], "needs-confirmation"),
        (TABLET, [dose(12, "g"), dose(8, "g")], "needs-confirmation"),
        (coded(RXNORM, "161"), [dose(24, "tablets")], "unknown-unit"),
        (
            coded(RXNORM, "999999", "acetaminophen 325 MG or acetaminophen 500 MG"),
            [dose(24, "tablets")],
            "unknown-unit",
        ),
    ],
)
def test_an_unusable_dose_is_a_gap(medication: Json, dosage: Any, kind: str) -> None:
    facts = mapped(statement(medication, dosage=dosage))
    assert facts.exposures[0].amount_mg is None
    assert gap_kinds(facts) == [(kind, "exposure")]


@pytest.mark.parametrize(
    ("text", "amount_mg"),
    [
        ("acetaminophen 325 MG / hydrocodone 5 MG Oral Tablet", 650),
        ("Tylenol 500 mg caplet", 1000),
        ("500 mg paracetamol tablets", 1000),
        ("8 HR acetaminophen 650 MG Extended Release Oral Tablet", 1300),
    ],
)
def test_tablets_count_by_the_strength_in_their_name(text: str, amount_mg: float) -> None:
    assert mapped(statement(worded(text), dosage=[dose(2, "tablets")])).exposures[0].amount_mg == amount_mg


# Why acetaminophen was taken


@pytest.mark.parametrize(
    ("members", "intent", "kinds"),
    [
        ({}, Intent.UNKNOWN, {"medication"}),
        ({"reasonCode": [worded("Headache")]}, Intent.UNKNOWN, {"medication"}),
        ({"reasonCode": [worded("Suicide attempt")]}, Intent.SELF_HARM, {"medication"}),
        ({"reasonCode": [coded(ICD10CM, "R45.851")]}, Intent.SELF_HARM, {"medication"}),
        ({"reasonCode": [worded("Accidental extra dose")]}, Intent.ACCIDENTAL, {"medication"}),
        ({"reasonCode": [coded(ICD10CM, "T39.1X2A")]}, Intent.SELF_HARM, {"medication", "poisoning"}),
        ({"reasonCode": [worded("Intentional overdose")]}, Intent.SELF_HARM, {"medication", "poisoning"}),
        (
            {"reasonReference": [{"reference": "Condition/gone", "display": "Acetaminophen overdose"}]},
            Intent.UNKNOWN,
            {"medication", "poisoning"},
        ),
        (
            {"reasonReference": [{"reference": "#c"}], "contained": [{"id": "c", "code": coded(ICD10CM, "T39.1X1A")}]},
            Intent.ACCIDENTAL,
            {"medication", "poisoning"},
        ),
        ({"reasonCode": [worded("Suicide attempt"), worded("Accidental")]}, Intent.UNKNOWN, {"medication"}),
        ({"reasonForUseCodeableConcept": worded("Suicide attempt")}, Intent.SELF_HARM, {"medication"}),
    ],
)
def test_why_it_was_taken(members: Json, intent: Intent, kinds: set[str]) -> None:
    exposures = mapped(statement(**members)).exposures
    assert {exposure.kind.value for exposure in exposures} == kinds
    assert next(exposure for exposure in exposures if exposure.kind is ExposureKind.MEDICATION).intent is intent
    assert {exposure.taken for exposure in exposures} == {instant(8)}


# Acetylcysteine


@pytest.mark.parametrize(
    ("medication", "dosage", "route"),
    [
        (NAC_IV, None, Route.INTRAVENOUS),
        (NAC, None, Route.UNKNOWN),
        (NAC, {"route": coded(SNOMED, "47625008")}, Route.INTRAVENOUS),
        (NAC, {"route": worded("IV")}, Route.INTRAVENOUS),
        (NAC, {"route": coded("urn:local", "IV")}, Route.INTRAVENOUS),
        (
            NAC,
            {"route": coded("http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration", "IVINJ")},
            Route.INTRAVENOUS,
        ),
        (NAC, {"route": coded(SNOMED, "26643006")}, Route.ORAL),
        (NAC, {"route": worded("per nasogastric tube")}, Route.ORAL),
        (NAC, {"route": worded("Nebulization")}, Route.INHALED),
        (NAC, {"route": worded("Topical")}, Route.OTHER),
        (NAC, {"route": worded("wherever")}, Route.OTHER),
        (NAC, {"route": worded("oral or IV")}, Route.UNKNOWN),
        (NAC, {"route": coded("urn:local", "77")}, Route.UNKNOWN),
        (NAC_IV, {"route": coded("urn:local", "77")}, Route.INTRAVENOUS),
        (NAC_IV, {"route": worded("PO")}, Route.ORAL),
        (NAC, {"text": "150 mg/kg IV over 60 min"}, Route.INTRAVENOUS),
        (NAC, {"text": "600 mg by mouth twice daily"}, Route.ORAL),
        (NAC, [{"route": worded("IV")}, {"route": worded("PO")}], Route.INTRAVENOUS),
        (NAC, [{"route": worded("inhaled")}, {"route": worded("PO")}], Route.UNKNOWN),
        (coded(RXNORM, "307719"), None, Route.INHALED),
        (coded(RXNORM, "606971"), None, Route.ORAL),
        (coded(ATC, "S01XA08"), None, Route.OTHER),
        (coded("http://hl7.org/fhir/sid/ndc", "0409-3308-03"), None, Route.INHALED),
        (coded("http://hl7.org/fhir/sid/ndc", "66220020730"), None, Route.INTRAVENOUS),
        ({"coding": [{"system": RXNORM, "code": "465377"}, {"system": RXNORM, "code": "606971"}]}, None, Route.UNKNOWN),
        (worded("acetylcysteine 200 mg/mL solution for injection"), None, Route.INTRAVENOUS),
        (worded("acetylcysteine 200 mg/mL solution"), None, Route.UNKNOWN),
        (worded("acetylcysteine inhalation solution, not for injection"), None, Route.INHALED),
        (worded("Acetadote"), None, Route.INTRAVENOUS),
        (worded("Cetylev"), None, Route.ORAL),
    ],
)
def test_the_route_of_acetylcysteine(medication: Json, dosage: Any, route: Route) -> None:
    (given,) = mapped(administration(medication, dosage=dosage)).nac
    assert given.route is route
    (ordered,) = mapped(request(medication, dosageInstruction=dosage)).nac
    assert ordered.route is route


def test_acetylcysteine_for_an_overdose_is_not_acetaminophen() -> None:
    facts = mapped(administration(worded("Acetylcysteine IV (acetaminophen overdose protocol)")))
    assert facts.exposures == ()
    assert facts.nac[0].route is Route.INTRAVENOUS


def test_the_medical_food_with_acetylcysteine_is_no_therapy() -> None:
    assert mapped(administration(coded(RXNORM, "1145027", "acetylcysteine 600 MG / levomefolate"))).nac == ()


@pytest.mark.parametrize("status", ["in-progress", "on-hold", "completed", "stopped", "unknown", None])
def test_administrations_that_count(status: str | None) -> None:
    (given,) = mapped(administration(status=status)).nac
    assert (given.source, given.status, given.given) == (NacSource.ADMINISTRATION, status or "unknown", instant(8))


@pytest.mark.parametrize(
    ("members", "given"),
    [
        ({"effectiveDateTime": None, "effectivePeriod": TWO_TO_EIGHT}, Span(at(2), at(8))),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": EIGHT}}, instant(8)),
        ({"effectiveDateTime": None}, None),
    ],
)
def test_when_acetylcysteine_was_given(members: Json, given: Span | None) -> None:
    assert mapped(administration(**members)).nac[0].given == given


def test_an_unusable_time_of_therapy_is_a_gap() -> None:
    facts = mapped(administration(effectiveDateTime="naive"))
    assert facts.nac[0].given is None
    assert gap_kinds(facts) == [("unusable-time", "medications")]


@pytest.mark.parametrize(
    ("dosage", "dose_mg"),
    [
        ({"dose": {"value": 10.5, "unit": "g"}}, 10_500),
        ({"dose": {"value": 150, "unit": "mg/kg"}}, None),
        ({"dose": {"value": 250, "unit": "mL"}}, None),
        (None, None),
    ],
)
def test_the_dose_of_acetylcysteine(dosage: Any, dose_mg: float | None) -> None:
    assert mapped(administration(dosage=dosage)).nac[0].dose_mg == dose_mg


def test_stated_acetylcysteine_is_therapy_as_well() -> None:
    (stated,) = mapped(statement(coded(RXNORM, "606971"))).nac
    assert (stated.source, stated.route) == (NacSource.STATEMENT, Route.ORAL)


@pytest.mark.parametrize(
    ("members", "counts"),
    [
        ({}, True),
        ({"status": "on-hold"}, True),
        ({"status": "completed"}, True),
        ({"status": "stopped"}, True),
        ({"intent": None}, True),
        ({"doNotPerform": False}, True),
        ({"status": "draft"}, False),
        ({"status": "cancelled"}, False),
        ({"status": "entered-in-error"}, False),
        ({"status": None}, False),
        ({"intent": "proposal"}, False),
        ({"intent": "plan"}, False),
        ({"doNotPerform": True}, False),
        ({"doNotPerform": "true"}, False),
    ],
)
def test_which_orders_for_acetylcysteine_count(members: Json, counts: bool) -> None:  # noqa: FBT001 -- a column of the table
    assert len(mapped(request(**members)).nac) == counts


@pytest.mark.parametrize(
    ("members", "given"),
    [
        ({}, instant(8)),
        ({"authoredOn": None, "dateWritten": EIGHT}, instant(8)),
        ({"authoredOn": "naive"}, None),
        ({"authoredOn": None}, None),
    ],
)
def test_when_acetylcysteine_was_ordered(members: Json, given: Span | None) -> None:
    (ordered,) = mapped(request(**members)).nac
    assert (ordered.source, ordered.given) == (NacSource.REQUEST, given)
