"""Facts about one patient, as nouns: what the chart says, already typed, in canonical units and UTC.

Knows clinical words only; `fhir/mapping.py` makes these from resources. None means "not known" and
never "normal". Every fact keeps the reference of the resource it came from, so that a card can show it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import date, datetime

    from cds_service.clinical.ordered import OrderedBag
    from cds_service.clinical.quantity import Analyte, Bounded, Span


class GapKind(StrEnum):
    """Why something the decision could use is not known."""

    MISSING = "missing"
    UNKNOWN_UNIT = "unknown-unit"
    UNMAPPED_CODE = "unmapped-code"
    UNUSABLE_TIME = "unusable-time"
    UNREADABLE = "unreadable"
    FOREIGN_PATIENT = "foreign-patient"
    NOT_FETCHED = "not-fetched"
    TRUNCATED = "truncated"
    NEEDS_CONFIRMATION = "needs-confirmation"


@dataclass(frozen=True, slots=True, order=True)
class DataGap:
    """One thing the service could not use, in words for a card; `about` names the fact it would have fed.

    `about` is an `Analyte` value ("acetaminophen", "ALT" ...), "exposure", "problems", "medications",
    "allergies", "weight", "patient", "encounter" or "drug order". `found`: the code ("system|code") or unit
    that is not known, as charted ("" for a quantity without a unit); None where the gap is about neither.
    """

    kind: GapKind
    about: str
    text: str
    reference: str | None = None
    found: str | None = None


class LabResult(NamedTuple):
    """One laboratory result. `reported` None: charted, but the value cannot be used (a DataGap says why).

    `charted`: the value as charted, where it cannot be used or was read with a remark. `upper_limit`: the laboratory's
    own, of AST and ALT.
    """

    analyte: Analyte
    reported: Bounded | None
    sampled: Span | None
    status: str
    reference: str
    charted: str
    upper_limit: float | None = None
    not_detected: bool = False


class Route(StrEnum):
    """How a drug goes in. UNKNOWN is a reason to ask, never to assume."""

    INTRAVENOUS = "intravenous"
    ORAL = "oral"
    INHALED = "inhaled"
    OTHER = "other"
    UNKNOWN = "unknown"


class Intent(StrEnum):
    """Why acetaminophen was taken, as charted."""

    SELF_HARM = "self-harm"
    ACCIDENTAL = "accidental"
    UNDETERMINED = "undetermined"
    UNKNOWN = "unknown"


class ExposureKind(StrEnum):
    """What kind of entry tells of the exposure."""

    POISONING = "poisoning"
    """A Condition or Encounter reason that names acetaminophen poisoning or overdose."""
    GENERIC_OVERDOSE = "overdose of an unstated drug"
    """A drug overdose without a named substance: a weak trigger, asks for a level."""
    MEDICATION = "medication"
    """A MedicationStatement or MedicationAdministration of an acetaminophen-containing product."""
    DOSE_TIME = "time of dose"
    """Observation LOINC 45285-4, or a sample time less 45359-7 (length of time post dose)."""
    REPORTED_AMOUNT = "reported amount"
    """Observation LOINC 4105-3, acetaminophen [Mass] of Dose."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """One charted exposure to acetaminophen.

    `taken`: the instant, or the interval in which it lies (an uncertain single ingestion). For
    `is_course` the interval is a course of repeated doses from first to last instead.
    `amount_mg`: acetaminophen in this dose. `daily_amount_mg`: acetaminophen per day of a course.
    `recorded_at`: when the entry was written, which is never an ingestion time.
    """

    kind: ExposureKind
    reference: str
    name: str
    taken: Span | None = None
    recorded_at: datetime | None = None
    is_course: bool = False
    amount_mg: float | None = None
    daily_amount_mg: float | None = None
    route: Route = Route.UNKNOWN
    is_extended_release: bool = False
    delaying_ingredients: frozenset[str] = frozenset()
    intent: Intent = Intent.UNKNOWN
    is_repeated_supratherapeutic: bool = False


@dataclass(frozen=True, slots=True)
class CoIngestant:
    """Another drug taken that slows absorption (opioid or anticholinergic)."""

    reference: str
    name: str
    effect: str
    """"opioid" or "anticholinergic"."""
    taken: Span | None = None


class Problem(StrEnum):
    """Diagnoses and findings the rules ask about."""

    ACUTE_LIVER_FAILURE = "acute liver failure"
    ENCEPHALOPATHY = "hepatic encephalopathy"
    CIRRHOSIS = "cirrhosis"
    OTHER_LIVER_CAUSE = "another established cause of liver failure"
    RIGHT_UPPER_QUADRANT_PAIN = "right-upper-quadrant pain or tenderness"
    JAUNDICE = "jaundice"
    PERSISTENT_VOMITING = "persistent vomiting"
    COPD = "chronic obstructive pulmonary disease"
    COPD_EXACERBATION = "exacerbation of COPD"
    CHRONIC_BRONCHITIS = "chronic bronchitis"
    MUCOLYTIC_USE = "mucolytic use"
    CYSTIC_FIBROSIS = "cystic fibrosis"
    CONTRAST_PROPHYLAXIS = "contrast nephropathy or its prophylaxis"
    ASTHMA = "asthma"
    NAC_REACTION = "previous reaction to acetylcysteine"
    PREGNANCY = "pregnancy"
    SELF_HARM = "self-harm"
    DIALYSIS = "dialysis"
    ALTERED_MENTAL_STATUS = "altered mental status"
    FLUID_RESTRICTION = "heart failure or fluid restriction"
    ACETAMINOPHEN_TOXICITY = "acetaminophen toxicity"
    """Only ever the reason of an order, so that an order given for poisoning is not read as respiratory."""


class Severity(StrEnum):
    """Charted severity of COPD."""

    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A current problem: active (or without a clinical status), and neither refuted nor entered in error.

    `grade`: West Haven grade 1-4 of encephalopathy where charted (text, stage or a "with coma" code).
    """

    problem: Problem
    reference: str
    name: str
    onset: Span | None = None
    recorded_at: datetime | None = None
    severity: Severity | None = None
    grade: int | None = None


class NacSource(StrEnum):
    """Which record tells of acetylcysteine; administration outranks request."""

    ADMINISTRATION = "MedicationAdministration"
    REQUEST = "MedicationRequest"
    STATEMENT = "MedicationStatement"


@dataclass(frozen=True, slots=True)
class NacTherapy:
    """One charted acetylcysteine record that is not entered in error, cancelled, draft or refused.

    `status` is the FHIR status ("in-progress", "completed", "active" ...). `given`: when it was or is
    given (an administration), or when it was ordered (a request). `infused`: from start to (planned) end,
    where both are charted as instants; `started_at`: the start of a charted period. `dose_mg` or `dose_mg_kg`:
    what the record says was or is given, or the rate it says it ran at. `concentrate_ml`: a volume of a product
    that is the concentrate, which may be of the drug or of the mixed bag. `unread`: why no amount could be read.
    `valid_until`: when the period of an order ends. `reasons`: why, as far as stated.
    """

    source: NacSource
    reference: str
    name: str
    route: Route
    status: str
    given: Span | None = None
    dose_mg: float | None = None
    dose_mg_kg: float | None = None
    rate_mg_h: float | None = None
    rate_mg_kg_h: float | None = None
    concentrate_ml: float | None = None
    unread: str = ""
    infused: Span | None = None
    started_at: datetime | None = None
    valid_until: datetime | None = None
    reasons: frozenset[Problem] = frozenset()

    @property
    def runs_at_a_rate(self) -> bool:
        """Whether the record gives a rate of drug instead of a dose."""
        return self.rate_mg_h is not None or self.rate_mg_kg_h is not None


@dataclass(frozen=True, slots=True)
class CharcoalDose:
    """Activated charcoal that was given, taken or ordered; it adsorbs what is swallowed with it."""

    reference: str
    name: str
    given: Span | None = None


class WeightKind(StrEnum):
    """How a weight came to be charted."""

    MEASURED = "measured"
    STATED = "stated"
    ESTIMATED = "estimated"


@dataclass(frozen=True, slots=True)
class Weight:
    """One body weight in kg."""

    kg: float
    measured: Span | None
    reference: str
    charted: str
    kind: WeightKind = WeightKind.MEASURED


@dataclass(frozen=True, slots=True)
class MentalStatus:
    """A charted assessment that shows no encephalopathy (GCS 15, or encephalopathy refuted)."""

    reference: str
    assessed: Span | None
    text: str


@dataclass(frozen=True, slots=True)
class Patient:
    """The person: reference ("Patient/123") and what dosing and thresholds need of them."""

    reference: str
    birth_date: date | None = None
    sex: str | None = None

    def age_years(self, now: datetime) -> float | None:
        """Age in years at `now`; None when the birth date is not known."""
        return None if self.birth_date is None else (now.date() - self.birth_date).days / 365.25


class OrderedSubstance(StrEnum):
    """What a drug order is, as far as this service needs to know."""

    ACETYLCYSTEINE = "acetylcysteine"
    ACETAMINOPHEN = "acetaminophen"
    OTHER = "other"
    UNIDENTIFIED = "unidentified"


@dataclass(frozen=True, slots=True)
class DrugOrder:
    """A draft drug order. `route` is the resolved route (order, else product); `reasons` why it was ordered.

    `bags`: what an order of acetylcysteine says of each infusion; empty for every other drug. `is_charcoal`:
    activated charcoal, which adsorbs what is swallowed with it.
    """

    reference: str
    name: str
    substance: OrderedSubstance
    route: Route = Route.UNKNOWN
    reasons: frozenset[Problem] = frozenset()
    bags: tuple[OrderedBag, ...] = ()
    is_charcoal: bool = False


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """Everything the rules may ask about one patient. Sequences are sorted, so order of resources never matters.

    `orders`: the draft orders the hook is about; `unselected`: other drafts, which matter only beside these.
    """

    patient: Patient
    results: tuple[LabResult, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    coingestants: tuple[CoIngestant, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    nac: tuple[NacTherapy, ...] = ()
    charcoal: tuple[CharcoalDose, ...] = ()
    weights: tuple[Weight, ...] = ()
    mental_status: tuple[MentalStatus, ...] = ()
    orders: tuple[DrugOrder, ...] = ()
    unselected: tuple[DrugOrder, ...] = ()
    medications_unread: bool = False
    """Drugs taken or given could not be read just now: what was taken, and with what, is not known to be all."""
    gaps: tuple[DataGap, ...] = field(default=())
    _by_analyte: defaultdict[Analyte, list[LabResult]] = field(
        default_factory=lambda: defaultdict(list), init=False, repr=False, compare=False
    )
    """The results once more by analyte; filled when first asked for, since every rule asks again."""

    def of(self, *analytes: Analyte) -> tuple[LabResult, ...]:
        """The results of these analytes, one analyte after the other."""
        if not self._by_analyte:
            for result in self.results:
                self._by_analyte[result.analyte].append(result)
        return tuple([result for analyte in analytes for result in self._by_analyte.get(analyte, ())])

    def having(self, *problems: Problem) -> tuple[Diagnosis, ...]:
        """The current diagnoses among these problems."""
        return tuple([diagnosis for diagnosis in self.diagnoses if diagnosis.problem in problems])
