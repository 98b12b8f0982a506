"""What the SMART app shows of a session: the launched patient's chart as the service reads it, and its advice.

Knows the chart reading, the rules and the drawings, and puts them together for the template. Must not know requests or
cookies. What was entered in the app is judged with the chart and always named as such.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.evaluation import ChartSource, MissingDataError, evaluate, identifiers_of, read_chart
from cds_service.fhir.queries import QUERY_BY_KEY
from cds_service.fhir.reading import elements, reference_of, text
from cds_service.hooks.cards import cards_for
from cds_service.web.nomogram_pages import drawing, rule_rows
from cds_service.web.nomogram_view import has_nomogram, nomogram_view
from cds_service.web.timeline import SIZE, timeline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cds_service.clinical.assessment import Assessment
    from cds_service.evaluation import Chart
    from cds_service.fhir.client import FhirClient
    from cds_service.fhir.reading import JsonObject
    from cds_service.settings import Settings
    from cds_service.web.smart_entry import Entered
    from cds_service.web.smart_sessions import Session

_NOT_NAMED = "Name not on the chart"
_SILENCE = "No advice: the chart tells of no acetaminophen exposure, level beyond therapeutic use or liver failure."

_SHADOW = (
    "Shadow mode: this site records what the service would say and shows it to nobody yet. That nothing is said here "
    "does not mean that IV NAC is not indicated."
)


async def chart_of(session: Session, client: FhirClient | None, deadline_seconds: float) -> Chart:
    """The launched patient's chart, read with the session's token, and what was entered beside it."""
    entered = tuple(each.as_read() for each in session.entered)
    source = ChartSource(session.patient_id, None, client, session.server, deadline_seconds, entered)
    return await read_chart(source)


def shown(chart: Chart, session: Session, settings: Settings, now: datetime) -> dict[str, Any]:
    """The values of the page's template for a chart at `now`. Missing required data are told, never guessed."""
    zone = settings.zone
    values: dict[str, Any] = {
        "patient": _banner(chart, session, now),
        "timeline": timeline(chart.facts, now, zone),
        "timeline_size": SIZE,
        "entered": [_entry_row(chart, each, settings, now) for each in session.entered],
        "missing": (),
        "cards": (),
        "rules": (),
        "view": None,
        "notes": (),
        "silence": "",
    }
    if settings.shadow:
        return values | {"silence": _SHADOW}
    try:
        assessment = evaluate(chart, orders=(), profile=settings.clinical_profile, now=now).assessment
    except MissingDataError as error:
        return values | {"missing": [_missing_words(error, key) for key in error.keys]}
    made = cards_for(assessment, order_context=None, base_url=settings.base_url, zone=zone)
    drawn = drawing(nomogram_view(assessment, zone)) if has_nomogram(assessment) else {}
    told = {"notes": tuple(_notes(assessment, session)), "silence": _SILENCE if assessment.category is None else ""}
    return values | {"cards": [each.card for each in made], "rules": rule_rows(assessment)} | told | drawn


def _missing_words(error: MissingDataError, key: str) -> str:
    name = QUERY_BY_KEY[key].name
    return f"{name[:1].upper()}{name[1:]}: {error.reason(key)}"


def _banner(chart: Chart, session: Session, now: datetime) -> dict[str, str]:
    """Whose chart this is, as the chart itself says it."""
    own = [each for each in chart.resources if _is_patient(each, session.patient_id)]
    age = chart.facts.patient.age_years(now)
    return {
        "id": session.patient_id,
        "name": _name(own[0]) if own else "Patient could not be read",
        "born": (text(own[0].get("birthDate")) if own else None) or "date of birth not known",
        "age": "age not known" if age is None else f"{int(age)} years",
        "sex": chart.facts.patient.sex or "sex not stated",
    }


def _is_patient(resource: JsonObject, patient_id: str) -> bool:
    return resource.get("resourceType") == "Patient" and resource.get("id") == patient_id


def _name(patient: JsonObject) -> str:
    """The official name, else the first one."""
    names = elements(patient.get("name"))
    for name in sorted(names, key=lambda each: each.get("use") != "official"):
        given = [part for each in _list(name.get("given")) if (part := text(each))]
        whole = text(name.get("text")) or ", ".join(filter(None, [text(name.get("family")), " ".join(given)]))
        if whole:
            return whole
    return _NOT_NAMED


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _entry_row(chart: Chart, entered: Entered, settings: Settings, now: datetime) -> dict[str, Any]:
    """One entry with where it stands: entered here, written, or read back from the chart."""
    own = identifiers_of(entered.resource)
    copies = [each for each in chart.resources if own & identifiers_of(each) and each["id"] != entered.as_read()["id"]]
    return {
        "key": entered.key,
        "words": entered.words(now, settings.zone),
        "is_written": entered.is_written,
        "is_charted": bool(copies),
        "reference": reference_of(copies[0]) if copies else entered.charted_as,
    }


def _notes(assessment: Assessment, session: Session) -> Iterator[str]:
    """What the reader of the advice must know about the entries."""
    used = {record.reference for record in assessment.ingestion.records}
    waiting = [each for each in session.entered if not each.is_written]
    if waiting:
        yield "This advice counts what was entered here. Other users and the EHR's cards do not know of it."
    if any(f"MedicationStatement/entered-{each.key}" not in used for each in waiting):
        yield (
            "An entry was read as ordinary use, or nothing on the chart calls it an overdose: it does not time the "
            "ingestion."
        )
