"""Observations: every form a value, unit, time and status can take, and what is made of each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cds_service.clinical.facts import ExposureKind, Problem, WeightKind
from cds_service.clinical.quantity import Analyte, Bounded, Comparator, Span
from tests.fhir.mapped import (
    EIGHT,
    LOINC,
    SNOMED,
    Json,
    at,
    coded,
    gap_kinds,
    instant,
    mapped,
    observation,
    only_gap,
    whole_day,
    worded,
)

UCUM = "http://unitsofmeasure.org"
APAP = "acetaminophen"


def quantity(value: Any, unit: Any = "mg/L", **more: Any) -> Json:
    return {"valueQuantity": {"value": value, "unit": unit} | more}


def below(value: float) -> Bounded:
    return Bounded(value, Comparator.LESS)


@pytest.mark.parametrize(
    ("members", "reported"),
    [
        (quantity(182), Bounded(182)),
        (quantity(182.5, "ug/mL"), Bounded(182.5)),
        (quantity(182, "mcg/mL"), Bounded(182)),
        (quantity(182, "\u00b5g/mL"), Bounded(182)),
        (quantity(182, "\u03bcg/mL"), Bounded(182)),
        (quantity(18.2, "mg/dL"), Bounded(182)),
        (quantity(0), Bounded(0)),
        (quantity(10_000), Bounded(10_000)),
        (quantity(182, None, system=UCUM, code="ug/mL"), Bounded(182)),
        (quantity(182, "micrograms per millilitre", system=UCUM, code="ug/mL"), Bounded(182)),
        (quantity(182, "mg/L", system="urn:local:units", code="17"), Bounded(182)),
        (quantity(182, "mcg/mL", system=UCUM, code="ug/mL"), Bounded(182)),
        (quantity(10, comparator="<"), below(10)),
        (quantity(10, comparator="<="), Bounded(10, Comparator.LESS_OR_EQUAL)),
        (quantity(300, comparator=">"), Bounded(300, Comparator.GREATER)),
        (quantity(300, comparator=">="), Bounded(300, Comparator.GREATER_OR_EQUAL)),
        ({"valueString": "182 ug/mL"}, Bounded(182)),
        ({"valueString": "182ug/mL (H)"}, Bounded(182)),
        ({"valueString": "182 ug/mL *"}, Bounded(182)),
        ({"valueString": "<10 mg/L"}, below(10)),
        ({"valueString": "< 20 ug/mL"}, below(20)),
        ({"valueString": "> 300 ug/mL"}, Bounded(300, Comparator.GREATER)),
        ({"valueString": "greater than 300 mg/L"}, Bounded(300, Comparator.GREATER)),
        ({"valueString": "\u2265 300 mg/L"}, Bounded(300, Comparator.GREATER_OR_EQUAL)),
        ({"valueString": "= 30 mg/L"}, Bounded(30)),
        ({"valueString": "<10"}, below(10)),
        ({"valueString": "<5"}, below(10)),
        ({"valueString": "none detected"}, below(10)),
        ({"valueString": "None Detected."}, below(10)),
        ({"valueString": "NOT DETECTED"}, below(10)),
        ({"valueString": "negative"}, below(10)),
        ({"valueString": "Undetectable"}, below(10)),
        ({"valueString": "below detection limit"}, below(10)),
        ({"valueCodeableConcept": worded("<10 mg/L")}, below(10)),
        ({"valueCodeableConcept": coded(SNOMED, "260415000")}, below(10)),
        ({"valueCodeableConcept": coded("urn:local", "ND", display="None detected")}, below(10)),
    ],
)
def test_a_level_that_can_be_read(members: Json, reported: Bounded) -> None:
    facts = mapped(observation(**members))
    (result,) = facts.results
    assert result.reported is not None
    assert result.reported.value == pytest.approx(reported.value)
    assert result.reported.comparator is reported.comparator
    assert facts.gaps == ()


def test_moles_are_converted() -> None:
    (result,) = mapped(observation("14581-3", **quantity(1203.9, "umol/L"))).results
    assert result.reported is not None
    assert result.reported.value == pytest.approx(181.985, abs=0.001)


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({"valueQuantity": {}}, "missing"),
        ({"valueQuantity": "182"}, "missing"),
        ({"valueQuantity": {"unit": "mg/L"}}, "missing"),
        ({"dataAbsentReason": worded("hemolysed")}, "missing"),
        ({"dataAbsentReason": {}, **quantity(182)}, "missing"),
        ({"valueString": " "}, "missing"),
        ({"valueString": 5}, "missing"),
        ({"valueCodeableConcept": {}}, "missing"),
        ({"valueQuantity": None}, "missing"),
        (quantity(182, None), "unknown-unit"),
        (quantity(182, " "), "unknown-unit"),
        (quantity(182, 5), "unknown-unit"),
        (quantity(182, "mg"), "unknown-unit"),
        (quantity(182, "%"), "unknown-unit"),
        (quantity(182, "mg/L", system=UCUM, code="mg/dL"), "unknown-unit"),
        (quantity(182, "mg/L", system=UCUM, code="mmol/mol"), "unknown-unit"),
        ({"valueString": "182"}, "unknown-unit"),
        ({"valueString": "<20"}, "unknown-unit"),
        ({"valueString": ">5"}, "unknown-unit"),
        ({"valueString": "182 H"}, "unknown-unit"),
        ({"valueInteger": 182}, "unknown-unit"),
        ({"valueDecimal": 182.5}, "unknown-unit"),
        (quantity("182"), "unreadable"),
        (quantity(value=True), "unreadable"),
        (quantity(-1), "unreadable"),
        (quantity(float("nan")), "unreadable"),
        (quantity(float("inf")), "unreadable"),
        (quantity([182]), "unreadable"),
        (quantity(10_000.5), "unreadable"),
        (quantity(182, "g/L"), "unreadable"),
        (quantity(10, comparator="ad"), "unreadable"),
        (quantity(10, comparator=5), "unreadable"),
        ({"valueString": "1,200 mg/L"}, "unreadable"),
        ({"valueString": "182,5 mg/L"}, "unreadable"),
        ({"valueString": "see comment"}, "unreadable"),
        ({"valueString": "10-20 mg/L"}, "unknown-unit"),
        ({"valueBoolean": False}, "unreadable"),
        ({"valueRange": {"low": {"value": 5}}}, "unreadable"),
        ({"valueString": "5 mg/L", **quantity(182)}, "unreadable"),
        ({"valueString": "positive"}, "needs-confirmation"),
        ({"valueCodeableConcept": coded(SNOMED, "10828004")}, "needs-confirmation"),
    ],
)
def test_a_level_that_cannot_be_read_stays_as_a_result_without_a_value(members: Json, kind: str) -> None:
    facts = mapped(observation(**members))
    (result,) = facts.results
    assert result.reported is None
    assert gap_kinds(facts) == [(kind, APAP)]
    assert only_gap(facts).reference == "Observation/o"


def test_what_is_not_just_a_number_is_shown_as_charted() -> None:
    shown: dict[str, Json] = {
        "": quantity(10, comparator="<"),
        "182 (no unit)": quantity(182, None),
        "<10 ng/kg": quantity(10, "ng/kg", comparator="<"),
        "nearly nothing": {"valueString": "nearly nothing"},
        "no value": {"dataAbsentReason": {}},
        "(unreadable) mg/L": quantity({"a": 1}),
        "<10 (no unit; read as below 10 mg/L, the usual reporting limit)": {"valueString": "<10"},
    }
    for charted, members in shown.items():
        (result,) = mapped(observation(**members)).results
        assert result.charted == charted


def test_none_detected_is_marked() -> None:
    assert mapped(observation(valueString="none detected")).results[0].not_detected
    assert not mapped(observation(valueString="<10 mg/L")).results[0].not_detected


@pytest.mark.parametrize(
    ("status", "read_as"),
    [
        ("final", "final"),
        ("amended", "amended"),
        ("corrected", "corrected"),
        ("preliminary", "preliminary"),
        ("Final", "final"),
        (None, "unknown"),
        ("unknown", "unknown"),
        ("done", "unknown"),
        (5, "unknown"),
        ("entered-in-error", None),
        ("cancelled", None),
    ],
)
def test_the_status_decides_whether_a_result_counts(status: Any, read_as: str | None) -> None:
    results = mapped(observation(status=status)).results
    assert [result.status for result in results] == ([] if read_as is None else [read_as])


def test_a_registered_result_is_pending() -> None:
    facts = mapped(observation(status="registered", valueQuantity=None))
    assert facts.results[0].reported is None
    assert "no result yet" in only_gap(facts).text


ALT = {"effectiveDateTime": EIGHT, "valueQuantity": {"value": 60, "unit": "U/L"}}


@pytest.mark.parametrize(
    ("ranges", "upper_limit"),
    [
        ([{"high": {"value": 45, "unit": "U/L"}}], 45),
        ([{"high": {"value": 45}}], 45),
        ([{"high": {"value": 0.75, "unit": "ukat/L"}}], 45),
        ({"high": {"value": 45}}, 45),
        ([{"text": "7-45"}], 45),
        ([{"text": "< 45 U/L"}], 45),
        ([{"text": "up to 45"}], 45),
        ([{"high": {"value": 55}}, {"high": {"value": 45}}], 45),
        ([{"type": {"coding": [{"code": "normal"}]}, "high": {"value": 45}}], 45),
        ([{"type": {"coding": [{"code": "therapeutic"}]}, "high": {"value": 45}}], None),
        ([{"type": {}, "high": {"value": 45}}], 45),
        ([{"high": {"value": 45, "unit": "mg/L"}}], None),
        ([{"high": {"value": "45"}}], None),
        ([{"high": {"value": 0}}], None),
        ([{"low": {"value": 5}}], None),
        ([{"text": "normal for age"}], None),
        ([{"text": "7-45 furlongs"}], None),
        ([{"text": "0-" + "9" * 400}], None),
        ("7-45", None),
        (None, None),
    ],
)
def test_the_laboratorys_own_upper_limit(ranges: Any, upper_limit: float | None) -> None:
    (result,) = mapped(observation("1742-6", **ALT, referenceRange=ranges)).results
    assert result.upper_limit == (None if upper_limit is None else pytest.approx(upper_limit))


def test_a_limit_in_contradictory_units_is_no_limit() -> None:
    members = quantity(60, "U/L", system=UCUM, code="ukat/L") | {
        "referenceRange": [{"high": {"value": 45}}, {"text": "<45"}]
    }
    assert mapped(observation("1742-6", **members)).results[0].upper_limit is None


# When the sample was drawn

PERIOD = {"start": "2026-01-15T06:00:00Z", "end": EIGHT}


@pytest.mark.parametrize(
    ("members", "sampled"),
    [
        ({}, instant(8)),
        ({"effectiveDateTime": "2026-01-15"}, whole_day()),
        ({"effectiveDateTime": None, "effectiveInstant": EIGHT}, instant(8)),
        ({"effectiveDateTime": None, "effectivePeriod": PERIOD}, Span(at(6), at(8))),
        ({"effectiveDateTime": None, "effectiveTiming": {"event": [EIGHT]}}, instant(8)),
        ({"issued": "2026-01-15T11:00:00Z"}, instant(8)),
        (
            {
                "specimen": {"reference": "#s"},
                "contained": [{"id": "s", "collection": {"collectedDateTime": "2026-01-15T07:00:00Z"}}],
            },
            instant(7),
        ),
        (
            {"specimen": {"reference": "#s"}, "contained": [{"id": "s", "collection": {"collectedPeriod": PERIOD}}]},
            Span(at(6), at(8)),
        ),
        (
            {
                "specimen": {"reference": "#s"},
                "contained": [{"id": "s", "collection": {"collectedDateTime": "2026-01-15T07:00:00"}}],
            },
            instant(8),
        ),
        ({"specimen": {"reference": "#s"}, "contained": [{"id": "s"}]}, instant(8)),
        ({"specimen": {"reference": "#none"}}, instant(8)),
        ({"specimen": {"reference": "Specimen/none"}}, instant(8)),
        ({"specimen": "garbage"}, instant(8)),
    ],
)
def test_the_time_of_sampling(members: Json, sampled: Span) -> None:
    facts = mapped(observation(**members))
    assert facts.results[0].sampled == sampled
    assert facts.gaps == ()


@pytest.mark.parametrize(
    "members",
    [
        {"effectiveDateTime": None},
        {"effectiveDateTime": None, "issued": EIGHT},
        {"effectiveDateTime": "2026-01-15T08:00:00"},
        {"effectiveDateTime": 5},
        {"effectiveDateTime": None, "effectivePeriod": {"start": EIGHT}},
        {"effectiveDateTime": None, "effectivePeriod": {"end": EIGHT}},
        {"effectiveDateTime": None, "effectiveTiming": {"event": [EIGHT, EIGHT]}},
        {"effectiveDateTime": None, "effectiveTiming": {}},
        {"effectiveDateTime": None, "effectiveMoment": EIGHT},
        {
            "effectiveDateTime": None,
            "specimen": {"reference": "#s"},
            "contained": [{"id": "s", "collection": {"collectedDateTime": "naive"}}],
        },
    ],
)
def test_an_unusable_time_of_sampling_is_a_gap(members: Json) -> None:
    facts = mapped(observation(**members))
    assert facts.results[0].sampled is None
    assert gap_kinds(facts) == [("unusable-time", APAP)]


def test_a_referenced_specimen_outranks_the_effective_time() -> None:
    specimen = {
        "resourceType": "Specimen",
        "id": "s",
        "subject": {"reference": "Patient/p"},
        "collection": {"collectedDateTime": "2026-01-15T07:00:00Z"},
    }
    for reference in ("Specimen/s", "https://ehr.example.org/fhir/Specimen/s"):
        assert mapped(observation(specimen={"reference": reference}), specimen).results[0].sampled == instant(7)


def test_another_patients_specimen_tells_no_time() -> None:
    specimen = {
        "resourceType": "Specimen",
        "id": "s",
        "subject": {"reference": "Patient/q"},
        "collection": {"collectedDateTime": "2026-01-15T07:00:00Z"},
    }
    facts = mapped(observation(specimen={"reference": "Specimen/s"}), specimen)
    assert facts.results[0].sampled == instant(8)
    assert gap_kinds(facts) == [("foreign-patient", "patient")]


# Which test it is


@pytest.mark.parametrize(
    ("loinc", "unit", "analyte"),
    [
        ("1742-6", "U/L", Analyte.ALT),
        ("1920-8", "IU/L", Analyte.AST),
        ("6301-6", "{INR}", Analyte.INR),
        ("5895-7", None, Analyte.INR),
        ("1975-2", "mg/dL", Analyte.BILIRUBIN),
        ("14682-9", "umol/L", Analyte.CREATININE),
        ("2524-7", "mmol/L", Analyte.LACTATE),
        ("2744-1", "[pH]", Analyte.ARTERIAL_PH),
        ("2777-1", "mg/dL", Analyte.PHOSPHATE),
    ],
)
def test_each_analyte_by_its_code(loinc: str, unit: str | None, analyte: Analyte) -> None:
    (result,) = mapped(observation(loinc, valueQuantity={"value": 2, "unit": unit})).results
    assert result.analyte is analyte
    assert result.reported is not None


def test_a_bare_number_is_an_inr() -> None:
    assert mapped(observation("6301-6", valueDecimal=1.8)).results[0].reported == Bounded(1.8)


def test_seconds_are_not_an_inr() -> None:
    assert gap_kinds(mapped(observation("6301-6", valueQuantity={"value": 14, "unit": "s"}))) == [
        ("unknown-unit", "INR")
    ]


@pytest.mark.parametrize(
    "loinc", ["718-7", "3299-5", "13622-6", "2746-6", "5902-2", "52129-4", "29637-6", "21198-7", "10533-8", "110094-0"]
)
def test_other_tests_are_passed_over_in_silence(loinc: str) -> None:
    facts = mapped(observation(loinc))
    assert facts.results == ()
    assert facts.gaps == ()


@pytest.mark.parametrize("loinc", ["3297-9", "60048-6"])
@pytest.mark.parametrize("members", [{}, {"valueString": "none detected"}, {"dataAbsentReason": {}}])
def test_presence_and_whole_blood_need_confirmation(loinc: str, members: Json) -> None:
    facts = mapped(observation(loinc, **members))
    assert facts.results == ()
    assert gap_kinds(facts) == [("needs-confirmation", APAP)]


@pytest.mark.parametrize(
    ("code", "about"),
    [
        (coded("urn:local", "L1", "Acetaminophen level"), [APAP]),
        (coded("urn:local", "L1", display="PARACETAMOL"), [APAP]),
        (worded("APAP serum"), [APAP]),
        (worded("ALT"), ["ALT"]),
        (worded("SGPT (ALT)"), ["ALT"]),
        (worded("AST/SGOT"), ["AST"]),
        (worded("INR"), ["INR"]),
        (worded("Total bilirubin"), ["bilirubin"]),
        (worded("Creatinine"), ["creatinine"]),
        (worded("Weight"), ["weight"]),
        ({"coding": [{"code": "3298-7"}]}, [APAP]),
        ({"coding": [{"system": "urn:wrong", "code": "1742-6"}]}, ["ALT"]),
        (coded(LOINC, "3298-8", "Acetaminophen"), [APAP]),
        (coded(LOINC, "5643-2", "Ethanol"), []),
        (coded(LOINC, "718-7", "ALT by mistake"), []),
        (coded(LOINC, "718-7", "Acetaminophen [Mass/volume] in Serum"), [APAP]),
        (coded(LOINC, "13622-6", "Acetaminophen, urine"), []),
        (worded("Acetaminophen, urine"), []),
        (worded("Acetaminophen dose"), []),
        (worded("Alkaline phosphatase"), []),
        (worded("Creatinine clearance"), []),
        (worded("Creatine kinase"), []),
        (worded("Lactate dehydrogenase"), []),
        (worded("Birth weight"), []),
        (worded("Altitude"), []),
        (worded("Hemoglobin"), []),
        ({}, []),
        ([], []),
        (None, []),
    ],
)
def test_a_test_that_is_ours_by_name_only_is_reported(code: Any, about: list[str]) -> None:
    facts = mapped(observation(code=code))
    assert facts.results == ()
    assert gap_kinds(facts) == [("unmapped-code", name) for name in about]


def test_a_local_code_beside_ours_is_read() -> None:
    code = {"coding": [{"system": "urn:local", "code": "L1"}, {"system": LOINC, "code": "3298-7"}], "text": "APAP"}
    facts = mapped(observation(code=code))
    assert len(facts.results) == 1
    assert facts.gaps == ()


@pytest.mark.parametrize("second", ["1920-8", "3299-5", "3297-9"])
def test_two_tests_in_one_code_are_a_gap(second: str) -> None:
    code = {"coding": [{"system": LOINC, "code": "3298-7"}, {"system": LOINC, "code": second}]}
    facts = mapped(observation(code=code))
    assert facts.results == ()
    assert gap_kinds(facts) == [("needs-confirmation", APAP)]


def test_only_coded_components_are_read() -> None:
    components = [
        {"code": coded(LOINC, "1742-6"), "valueQuantity": {"value": 60, "unit": "U/L"}},
        {"code": worded("AST"), "valueQuantity": {"value": 60, "unit": "U/L"}},
        {"valueQuantity": {"value": 60, "unit": "U/L"}},
        "garbage",
    ]
    facts = mapped(observation("24323-8", component=components))
    (result,) = facts.results
    assert (result.analyte, result.sampled, result.reference) == (Analyte.ALT, instant(8), "Observation/o")
    assert facts.gaps == ()


def test_a_component_without_a_value_does_not_borrow_the_panels() -> None:
    (result,) = mapped(observation("24323-8", component=[{"code": coded(LOINC, "1742-6")}])).results
    assert result.reported is None


# Weights


@pytest.mark.parametrize(
    ("loinc", "value", "kg", "kind"),
    [
        ("29463-7", {"value": 70, "unit": "kg"}, 70, WeightKind.MEASURED),
        ("29463-7", {"value": 70, "system": UCUM, "code": "kg"}, 70, WeightKind.MEASURED),
        ("3141-9", {"value": 3500, "unit": "g"}, 3.5, WeightKind.MEASURED),
        ("3142-7", {"value": 154.3236, "unit": "lb"}, 70, WeightKind.STATED),
        ("8335-2", {"value": 154.3236, "unit": "lbs", "code": "[lb_av]"}, 70, WeightKind.ESTIMATED),
    ],
)
def test_weights(loinc: str, value: Json, kg: float, kind: WeightKind) -> None:
    (weight,) = mapped(observation(loinc, valueQuantity=value)).weights
    assert weight.kg == pytest.approx(kg, abs=0.001)
    assert weight.kind is kind
    assert weight.measured == instant(8)


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        (quantity(70, None), "unknown-unit"),
        (quantity(11, "st"), "unknown-unit"),
        (quantity("70", "kg"), "unreadable"),
        (quantity(70, "kg", comparator=">"), "unreadable"),
        ({"dataAbsentReason": {}}, "missing"),
    ],
)
def test_unusable_weights_are_gaps(members: Json, kind: str) -> None:
    facts = mapped(observation("29463-7", **members))
    assert facts.weights == ()
    assert gap_kinds(facts) == [(kind, "weight")]


def test_a_weight_without_a_usable_time_keeps_none() -> None:
    assert mapped(observation("29463-7", **quantity(70, "kg"), effectiveDateTime="naive")).weights[0].measured is None


# Ingestion


@pytest.mark.parametrize(
    ("members", "taken"),
    [
        ({"valueDateTime": "2026-01-15T00:30:00Z"}, instant(0, 30)),
        ({"valueDateTime": "2026-01-15"}, whole_day()),
        ({"valuePeriod": PERIOD}, Span(at(6), at(8))),
        ({"valueString": "2026-01-15T00:30:00Z"}, instant(0, 30)),
        ({"valueQuantity": None}, instant(8)),
    ],
)
def test_the_time_of_dose(members: Json, taken: Span) -> None:
    facts = mapped(observation("45285-4", **members, issued="2026-01-15T09:00:00Z"))
    (exposure,) = facts.exposures
    assert (exposure.kind, exposure.taken, exposure.recorded_at) == (ExposureKind.DOSE_TIME, taken, at(9))
    assert facts.gaps == ()


@pytest.mark.parametrize(
    "members",
    [
        {"dataAbsentReason": worded("unknown")},
        {"valueDateTime": "2026-01-15T00:30:00"},
        {"valueString": "last night"},
        {"valueQuantity": {"value": 8, "unit": "h"}},
        {"valueQuantity": None, "effectiveDateTime": None},
    ],
)
def test_an_unusable_time_of_dose_leaves_an_exposure_without_time(members: Json) -> None:
    facts = mapped(observation("45285-4", **members))
    assert facts.exposures[0].taken is None
    assert gap_kinds(facts) == [("unusable-time", "exposure")]


@pytest.mark.parametrize(
    ("members", "taken"),
    [
        (quantity(8, "h"), instant(0)),
        (quantity(90, "min"), Span.at(at(6, 30))),
        (quantity(8, "hours") | {"effectiveDateTime": "2026-01-15"}, Span(at(16, day=14), at(16))),
    ],
)
def test_the_length_of_time_post_dose(members: Json, taken: Span) -> None:
    (exposure,) = mapped(observation("45359-7", **members)).exposures
    assert exposure.taken == taken


@pytest.mark.parametrize(
    "members",
    [
        quantity(8, None),
        quantity(8, "h", comparator=">"),
        quantity(8000, "h"),
        quantity(8, "h") | {"effectiveDateTime": None},
        quantity(8, "h") | {"effectiveDateTime": "naive"},
        {"dataAbsentReason": {}},
    ],
)
def test_an_unusable_length_of_time_is_a_gap(members: Json) -> None:
    facts = mapped(observation("45359-7", **members))
    assert facts.exposures[0].taken is None
    assert gap_kinds(facts) == [("unusable-time", "exposure")]


@pytest.mark.parametrize(
    "members", [{"valueDateTime": "2026-01-15"}, {"valueDateTime": "2026-01-15T07:00:00"}, {"valueQuantity": None}]
)
def test_the_date_of_the_last_dose_is_a_whole_day(members: Json) -> None:
    assert mapped(observation("29742-4", **members)).exposures[0].taken == whole_day()


def test_an_unusable_date_of_the_last_dose_is_a_gap() -> None:
    facts = mapped(observation("29742-4", valueQuantity={"value": 1}))
    assert facts.exposures[0].taken is None
    assert gap_kinds(facts) == [("unusable-time", "exposure")]


@pytest.mark.parametrize(
    ("members", "amount_mg", "gaps"),
    [
        (quantity(30, "g"), 30_000, []),
        (quantity(12_000, "mg"), 12_000, []),
        (quantity(5, "g", comparator="<"), 5_000, []),
        (quantity(5, "g", comparator=">"), None, [("needs-confirmation", "exposure")]),
        (quantity(24, "tablets"), None, [("unknown-unit", "exposure")]),
        (quantity(24, None), None, [("unknown-unit", "exposure")]),
        ({"dataAbsentReason": {}}, None, [("missing", "exposure")]),
    ],
)
def test_the_reported_amount_is_never_a_time(
    members: Json, amount_mg: float | None, gaps: list[tuple[str, str]]
) -> None:
    facts = mapped(observation("4105-3", **members))
    (exposure,) = facts.exposures
    assert (exposure.kind, exposure.amount_mg, exposure.taken) == (ExposureKind.REPORTED_AMOUNT, amount_mg, None)
    assert exposure.recorded_at == at(8)
    assert gap_kinds(facts) == gaps


def test_an_amount_that_names_two_tests_is_about_the_exposure() -> None:
    code = {"coding": [{"system": LOINC, "code": "4105-3"}, {"system": LOINC, "code": "45285-4"}]}
    assert gap_kinds(mapped(observation(code=code))) == [("needs-confirmation", "exposure")]
    code = {"coding": [{"system": LOINC, "code": "45285-4"}, {"system": LOINC, "code": "45359-7"}]}
    assert gap_kinds(mapped(observation(code=code))) == [("needs-confirmation", "exposure")]
    code = {"coding": [{"system": LOINC, "code": "82810-3"}, {"system": LOINC, "code": "9269-2"}]}
    assert gap_kinds(mapped(observation(code=code))) == [("needs-confirmation", "problems")]
    code = {"coding": [{"system": LOINC, "code": "29463-7"}, {"system": LOINC, "code": "3142-7"}]}
    assert gap_kinds(mapped(observation(code=code))) == [("needs-confirmation", "weight")]


# Pregnancy and coma score


@pytest.mark.parametrize(
    ("loinc", "members", "is_pregnant"),
    [
        ("82810-3", {"valueCodeableConcept": coded(SNOMED, "77386006")}, True),
        ("11449-6", {"valueCodeableConcept": worded("Pregnant")}, True),
        ("82810-3", {"valueString": "yes"}, True),
        ("82810-3", {"valueCodeableConcept": coded(SNOMED, "60001007", "Not pregnant")}, False),
        ("82810-3", {"valueCodeableConcept": worded("Not pregnant")}, False),
        ("82810-3", {"valueCodeableConcept": worded("Possible")}, False),
        ("82810-3", {"valueBoolean": True}, False),
        ("82810-3", {"valueCodeableConcept": coded(SNOMED, "77386006"), "status": "entered-in-error"}, False),
        ("2118-8", {"valueString": "Positive"}, True),
        ("2106-3", {"valueCodeableConcept": coded(SNOMED, "10828004")}, True),
        ("2106-3", {"valueCodeableConcept": coded(SNOMED, "260385009", "Negative")}, False),
        ("2106-3", {"valueString": "negative"}, False),
    ],
)
def test_pregnancy(loinc: str, members: Json, is_pregnant: bool) -> None:  # noqa: FBT001 -- a column of the table
    facts = mapped(observation(loinc, **members))
    assert [diagnosis.problem for diagnosis in facts.diagnoses] == ([Problem.PREGNANCY] if is_pregnant else [])


@pytest.mark.parametrize(
    ("members", "is_clear"),
    [
        ({"valueQuantity": {"value": 15, "unit": "{score}"}}, True),
        ({"valueInteger": 15}, True),
        ({"valueQuantity": {"value": 14, "unit": "{score}"}}, False),
        ({"valueQuantity": {"value": 15, "comparator": "<"}}, False),
        ({"valueString": "15"}, False),
    ],
)
def test_a_full_coma_score_is_a_mental_status(members: Json, is_clear: bool) -> None:  # noqa: FBT001 -- a column of the table
    facts = mapped(observation("9269-2", **members))
    assert [status.assessed for status in facts.mental_status] == ([instant(8)] if is_clear else [])


def test_microseconds_survive() -> None:
    (result,) = mapped(observation(effectiveDateTime="2026-01-15T08:00:00.000001Z")).results
    assert result.sampled == Span.at(at(8) + timedelta(microseconds=1))
