"""The one table of what is asked of a chart: it feeds discovery's prefetch templates and the live searches.

Knows FHIR R4 search as real servers offer it: `patient` plus an explicit code list, `_count` and `_sort`
only. No category filter on the facts (it silently drops uncategorised results), no `:in`, no dates: what
is old or irrelevant is sorted out after reading. Must not know HTTP or CDS Hooks envelopes.

`otherLabs` is the exception that proves the rule: a code filter hides results under local codes, so one
page of the newest laboratory results is read as well, only to tell "there is a result named acetaminophen
which this service cannot use" from "there is none". Its failure changes nothing and makes no gap.
"""

from __future__ import annotations

from dataclasses import dataclass

from cds_service.clinical.quantity import Analyte
from cds_service.fhir.codes import System, codes_of, term_of

PATIENT_TOKEN = "{{context.patientId}}"  # noqa: S105 -- a template token, not a secret

_HINTS = frozenset({"_sort", "_count"})


@dataclass(frozen=True, slots=True)
class Query:
    """One row: what to ask for, whether the decision can do without, and what to call it.

    `about`: the fact a gap concerns (see `DataGap.about`). `name`: what a card calls the data.
    `is_read`: the patient's own resource, read by id. `first_page_only`: newer entries suffice, so a cut is
    no gap. `is_quiet`: failure is not worth telling. `may_hold_exposure`: an entry can be what makes a patient one of
    those concerned, or what keeps "not indicated" from being said.
    """

    key: str
    resource_type: str
    params: tuple[tuple[str, str], ...]
    required: bool
    about: str
    name: str
    is_read: bool = False
    first_page_only: bool = False
    is_quiet: bool = False
    may_hold_exposure: bool = False

    @property
    def has_hints(self) -> bool:
        """Whether the query orders or sizes pages, which a server may refuse."""
        return any(name in _HINTS for name, _ in self.params)

    def search_params(self, patient_id: str, *, with_hints: bool = True) -> tuple[tuple[str, str], ...]:
        """Search parameters for one patient; `with_hints` False leaves out `_sort` and `_count`."""
        kept = tuple((name, value) for name, value in self.params if with_hints or name not in _HINTS)
        return (("patient", patient_id), *kept)

    def template(self) -> str:
        """The prefetch template, in R4 search form."""
        if self.is_read:
            return f"{self.resource_type}/{PATIENT_TOKEN}"
        params = "&".join(f"{name}={value}" for name, value in self.search_params(PATIENT_TOKEN))
        return f"{self.resource_type}?{params}"


_NEWEST_FIRST = ("_sort", "-date")


def _tokens(*concepts: str) -> str:
    """A token equality list of the LOINC codes of these concepts; recognised-but-unused codes stay out."""
    codes = (code for concept in concepts for code in codes_of(concept) if code.system is System.LOINC)
    used = (code for code in codes if (term := term_of(code)) is not None and term.kind != "exclude")
    return ",".join(f"{code.system.value}|{code.code}" for code in used)


def _labs(key: str, concepts: tuple[str, ...], about: str, name: str, *, required: bool = False) -> Query:
    """Observations of these concepts, newest first."""
    return Query(
        key, "Observation", (("code", _tokens(*concepts)), _NEWEST_FIRST, ("_count", "200")), required, about, name
    )


def _all(key: str, resource_type: str, about: str, name: str, *, required: bool = False) -> Query:
    """Every resource of a type: servers cannot be relied on to filter or sort these."""
    is_drug = resource_type.startswith("Medication")
    return Query(key, resource_type, (("_count", "200"),), required, about, name, may_hold_exposure=is_drug)


# Presence and whole-blood codes are no levels; they are read so that they can be flagged.
_LEVELS = ("acetaminophen level", "acetaminophen presence", "acetaminophen whole blood")
_CHEMISTRY = ("total bilirubin", "creatinine", "lactate", "arterial pH", "phosphate")

QUERIES: tuple[Query, ...] = (
    Query("patient", "Patient", (), required=True, about="patient", name="the patient record", is_read=True),
    _labs("levels", _LEVELS, Analyte.ACETAMINOPHEN.value, "acetaminophen levels", required=True),
    _labs("transaminases", ("ALT", "AST"), Analyte.ALT.value, "AST and ALT results", required=True),
    _labs(
        "exposures", ("time of dose", "acetaminophen dose"), "exposure", "times and amounts of ingestion", required=True
    ),
    _all("problems", "Condition", "problems", "problems and diagnoses", required=True),
    _labs("coagulation", ("INR",), Analyte.INR.value, "INR results"),
    _labs("chemistry", _CHEMISTRY, Analyte.CREATININE.value, "bilirubin, creatinine, lactate, pH and phosphate"),
    _labs("weight", ("body weight",), Analyte.WEIGHT.value, "body weights"),
    _labs(
        "status", ("pregnancy status", "pregnancy test", "consciousness"), "problems", "pregnancy status and coma score"
    ),
    _all("medicationStatements", "MedicationStatement", "medications", "medication statements"),
    _all("medicationAdministrations", "MedicationAdministration", "medications", "medication administrations"),
    _all("medicationRequests", "MedicationRequest", "medications", "medication orders"),
    _all("allergies", "AllergyIntolerance", "allergies", "allergies"),
    Query(
        "encounter",
        "Encounter",
        (_NEWEST_FIRST, ("_count", "20")),
        required=False,
        about="encounter",
        name="encounters",
        first_page_only=True,
    ),
    Query(
        "otherLabs",
        "Observation",
        (("category", "laboratory"), _NEWEST_FIRST, ("_count", "100")),
        required=False,
        about=Analyte.ACETAMINOPHEN.value,
        name="results under local codes",
        first_page_only=True,
        is_quiet=True,
    ),
)

QUERY_BY_KEY: dict[str, Query] = {query.key: query for query in QUERIES}


def prefetch_templates() -> dict[str, str]:
    """The `prefetch` object of a discovery entry: key to template."""
    return {query.key: query.template() for query in QUERIES}
