"""The words the case tables are written in: what was taken, measured, diagnosed and given, hours before the anchor."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests import builders
from tests.builders import Amount, Code, Resource

if TYPE_CHECKING:
    from tests.fixture_cases.case import Ago, Entry, Frame

_LAB_TURNAROUND = timedelta(minutes=40)
_UPPER_LIMIT = Amount(40, "U/L", "U/L")


def mg_l(value: float, comparator: str | None = None) -> Amount:
    """A level in mg/L."""
    return Amount(value, "mg/L", "mg/L", comparator)


def u_l(value: float) -> Amount:
    """An enzyme activity in U/L."""
    return Amount(value, "U/L", "U/L")


def g(value: float) -> Amount:
    """A dose in grams."""
    return Amount(value, "g", "g")


def mg(value: float) -> Amount:
    """A dose in milligrams."""
    return Amount(value, "mg", "mg")


def kg(value: float) -> Amount:
    """A body weight in kilograms."""
    return Amount(value, "kg", "kg")


def _released(frame: Frame, at: datetime) -> datetime:
    """When the laboratory released a result: later than the sample, never after the anchor."""
    return min(at + _LAB_TURNAROUND, frame.at(0)).astimezone(at.tzinfo)


def measured(  # noqa: PLR0913 -- one keyword per FHIR element the cases vary
    code: Code,
    value: Amount | str | None,
    ago: Ago,
    *,
    kind: str = "lab",
    status: str = "final",
    upper_limit: Amount | None = None,
    absent_reason: str | None = None,
    zone: str | None = None,
) -> Entry:
    """A laboratory result sampled `ago` before the anchor and released a little later."""

    def entry(frame: Frame) -> list[Resource]:
        at = frame.at(ago, zone=zone)
        return [
            builders.observation(
                frame.new_id(kind),
                frame.slug,
                code,
                value=value,
                at=at,
                issued=_released(frame, at),
                status=status,
                upper_limit=upper_limit,
                absent_reason=absent_reason,
            )
        ]

    return entry


def level(value: float | Amount | str | None, ago: Ago, *, status: str = "final", zone: str | None = None) -> Entry:
    """An acetaminophen level: mg/L, or an Amount or text as charted."""
    charted = mg_l(value) if isinstance(value, int | float) else value
    return measured(builders.APAP_LEVEL, charted, ago, kind="level", status=status, zone=zone)


def level_with_specimen(value: float, *, effective: Ago, collected: Ago) -> Entry:
    """A level whose Specimen says another collection time than the Observation's effective time."""

    def entry(frame: Frame) -> list[Resource]:
        specimen_id = frame.new_id("specimen")
        drawn = builders.specimen(specimen_id, frame.slug, collected=frame.at(collected))
        result = builders.observation(
            frame.new_id("level"),
            frame.slug,
            builders.APAP_LEVEL,
            value=mg_l(value),
            at=frame.at(effective),
            specimen_id=specimen_id,
        )
        return [drawn, result]

    return entry


def level_of_somebody_else(value: float, ago: Ago) -> Entry:
    """A level whose subject is a group of other people: it must never be read as this patient's."""

    def entry(frame: Frame) -> list[Resource]:
        others = builders.group(frame.new_id("others"), name="Contacts of the index patient")
        result = builders.observation(
            frame.new_id("level"), frame.slug, builders.APAP_LEVEL, value=mg_l(value), at=frame.at(ago)
        )
        return [others, {**result, "subject": {"reference": f"Group/{others['id']}"}}]

    return entry


def alt(value: float | Amount, ago: Ago, *, upper_limit: Amount | None = _UPPER_LIMIT) -> Entry:
    """An ALT in U/L, with the laboratory's own upper limit (40 U/L unless given)."""
    charted = u_l(value) if isinstance(value, int | float) else value
    return measured(builders.ALT, charted, ago, kind="alt", upper_limit=upper_limit)


def ast(value: float | Amount, ago: Ago, *, upper_limit: Amount | None = _UPPER_LIMIT) -> Entry:
    """An AST in U/L, with the laboratory's own upper limit (40 U/L unless given)."""
    charted = u_l(value) if isinstance(value, int | float) else value
    return measured(builders.AST, charted, ago, kind="ast", upper_limit=upper_limit)


def inr(value: float, ago: Ago) -> Entry:
    """An INR."""
    return measured(builders.INR, Amount(value, "{INR}", "{INR}"), ago, kind="inr")


def together(*entries: Entry) -> Entry:
    """Several entries as one."""
    return lambda frame: [resource for entry in entries for resource in entry(frame)]


def normal_liver(ago: Ago) -> Entry:
    """Normal ALT (24), AST (22) and INR (1.0), sampled together."""
    return together(alt(24, ago), ast(22, ago), inr(1.0, ago))


def weighs(value: float | Amount, ago: Ago = 2) -> Entry:
    """A measured body weight in kg."""
    charted = kg(value) if isinstance(value, int | float) else value

    def entry(frame: Frame) -> list[Resource]:
        code = builders.BODY_WEIGHT
        at = frame.at(ago)
        weight_id = frame.new_id("weight")
        return [builders.observation(weight_id, frame.slug, code, value=charted, at=at, category="vital-signs")]

    return entry


def glasgow_coma_score(value: int, ago: Ago) -> Entry:
    """A Glasgow coma score."""
    return measured(builders.GLASGOW_COMA_SCORE, Amount(value, "{score}", "{score}"), ago, kind="gcs")


def has(
    *codes: Code,
    text: str | None = None,
    onset: Ago | tuple[Ago, Ago] | str | None = None,
    recorded: Ago | None = None,
    clinical_status: str = "active",
    verification: str = "confirmed",
    zone: str | None = None,
) -> Entry:
    """A problem. `onset`: ago, an (earliest, latest) pair of agos, or a FHIR date as it stands."""

    def entry(frame: Frame) -> list[Resource]:
        return [
            builders.condition(
                frame.new_id("condition"),
                frame.slug,
                *codes,
                text=text,
                onset=_onset(frame, onset, zone),
                recorded=None if recorded is None else frame.at(recorded, zone=zone),
                clinical_status=clinical_status,
                verification=verification,
            )
        ]

    return entry


def _onset(
    frame: Frame, onset: Ago | tuple[Ago, Ago] | str | None, zone: str | None
) -> builders.When | tuple[builders.When, builders.When] | None:
    """An onset as the builder takes it."""
    if onset is None or isinstance(onset, str):
        return onset
    if isinstance(onset, tuple):
        return frame.at(onset[0], zone=zone), frame.at(onset[1], zone=zone)
    return frame.at(onset, zone=zone)


def overdose(ago: Ago | tuple[Ago, Ago] | str | None, *, zone: str | None = None) -> Entry:
    """An intentional acetaminophen overdose taken then; None: the time is not charted."""
    recorded = 0.25
    return has(*builders.SELF_POISONING, text="Acetaminophen overdose", onset=ago, recorded=recorded, zone=zone)


def accident(ago: Ago | tuple[Ago, Ago] | None) -> Entry:
    """An accidental acetaminophen ingestion."""
    return has(*builders.ACCIDENTAL_POISONING, text="Accidental ingestion of acetaminophen", onset=ago, recorded=0.25)


def reported_amount(grams: float, ago: Ago) -> Entry:
    """The amount of acetaminophen the patient reports (LOINC 4105-3, in mg)."""
    return measured(builders.APAP_DOSE, mg(grams * 1000), ago, kind="amount")


def dose_time(ago: Ago) -> Entry:
    """A charted date and time of dose (LOINC 45285-4), written down 15 minutes before the anchor."""

    def entry(frame: Frame) -> list[Resource]:
        dose_id = frame.new_id("dose-time")
        code = builders.DOSE_TIME
        return [
            builders.observation(dose_id, frame.slug, code, value=frame.at(ago), at=frame.at(0.25), category="exam")
        ]

    return entry


def time_post_dose(hours: float, sampled: Ago) -> Entry:
    """The length of time between dose and sample (LOINC 45359-7)."""
    return measured(builders.TIME_POST_DOSE, Amount(hours, "h", "h"), sampled, kind="post-dose")


def took(drug: Code, ago: Ago, dose: Amount | None = None) -> Entry:
    """A medicine the patient says was taken once, then."""
    return lambda frame: [
        builders.medication_statement(frame.new_id("statement"), frame.slug, drug, at=frame.at(ago), dose=dose)
    ]


def takes(drug: Code, since: Ago, dose: Amount, times_a_day: int) -> Entry:
    """A medicine taken regularly from then until an hour before the anchor."""
    return lambda frame: [
        builders.medication_statement(
            frame.new_id("statement"),
            frame.slug,
            drug,
            at=(frame.at(since), frame.at(1)),
            dose=dose,
            times_a_day=times_a_day,
            status="active",
        )
    ]


def given(
    drug: Code, ago: Ago, dose: Amount, *, status: str = "completed", route: Code = builders.INTRAVENOUS
) -> Entry:
    """A medicine given in hospital; "in-progress" is an infusion that still runs."""
    return lambda frame: [
        builders.medication_administration(
            frame.new_id("administration"), frame.slug, drug, at=frame.at(ago), dose=dose, status=status, route=route
        )
    ]


def infused(milligrams: float | Amount, began: Ago, ended: Ago, *, status: str = "completed") -> Entry:
    """An infusion of acetylcysteine with its period; the planned end of one that runs lies ahead (a negative ago)."""
    dose = milligrams if isinstance(milligrams, Amount) else mg(milligrams)

    def entry(frame: Frame) -> list[Resource]:
        given_id, began_at, ended_at = frame.new_id("administration"), frame.at(began), frame.at(ended)
        drug = builders.NAC_INJECTION
        return [
            builders.medication_administration(
                given_id, frame.slug, drug, at=began_at, until=ended_at, dose=dose, status=status
            )
        ]

    return entry


def ordered(drug: Code, ago: Ago, route: Code, *, status: str = "active", reason: str | None = None) -> Entry:
    """A medicine already ordered (not a draft)."""
    return lambda frame: [
        builders.medication_request(
            frame.new_id("request"), frame.slug, drug, status=status, authored=frame.at(ago), route=route, reason=reason
        )
    ]


def mother_had(code: Code) -> Entry:
    """A family history."""
    return lambda frame: [builders.family_history(frame.new_id("family"), frame.slug, code)]
