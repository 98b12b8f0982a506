"""Doses that follow from how an infusion was charted: a rate over its period, or volumes of the concentrate.

Pure. Volumes count as drug only when the whole course is charted so, and each is another bag of the regimen in
dose and in time: a mixed bag is charted under the same product, and so are hours of it. The rest stays open.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.quantity import hours, plain
from cds_service.clinical.regimens import CONCENTRATE_MG_ML, Bag
from cds_service.clinical.thresholds import BAG_DOSE_MATCH, ORDER_FAR_OFF

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cds_service.clinical.facts import NacTherapy


def with_doses(records: Sequence[NacTherapy], bags: Sequence[Bag]) -> list[NacTherapy]:
    """The records with the doses that their rates and volumes come to, where these are certain."""
    timed = [_by_rate(record) for record in records]
    places = [_bag_in(record, bags) for record in timed]
    is_certain = None not in places and len(set(places)) == len(places)
    return [_by_volume(record) for record in timed] if is_certain else timed


def _by_rate(record: NacTherapy) -> NacTherapy:
    """A rate over the charted (or planned) period."""
    if record.infused is None or not record.runs_at_a_rate:
        return record
    length_h = hours(record.infused.latest - record.infused.earliest)
    if record.rate_mg_kg_h is not None:
        return replace(record, dose_mg_kg=record.rate_mg_kg_h * length_h)
    return replace(record, dose_mg=(record.rate_mg_h or 0.0) * length_h)


def _by_volume(record: NacTherapy) -> NacTherapy:
    return replace(record, dose_mg=(record.concentrate_ml or 0.0) * CONCENTRATE_MG_ML)


def _bag_in(record: NacTherapy, bags: Sequence[Bag]) -> int | None:
    """The bag whose drug volume this is, run over about the time of that bag."""
    if record.infused is None or record.infused.is_exact or record.concentrate_ml is None:
        return None
    length_h = hours(record.infused.latest - record.infused.earliest)
    found = [bag.number for bag in bags if _is_near(record.concentrate_ml, bag.drug_ml) and _lasts(length_h, bag)]
    return found[0] if len(found) == 1 else None


def _lasts(length_h: float, bag: Bag) -> bool:
    return not ORDER_FAR_OFF.reached_by_number(max(length_h / bag.duration_h, bag.duration_h / length_h))


def _is_near(value: float, right: float) -> bool:
    return not BAG_DOSE_MATCH.reached_by_number(abs(value - right) / right)


def given_so_far(record: NacTherapy, bags: Sequence[Bag], dosed_kg: float | None, now: datetime) -> float | None:
    """Mg/kg a running infusion of charted start and rate has given; None once its bag must have ended.

    `bags`: of the regimen; a rate that is none of theirs says nothing about how long it runs.
    """
    rate = _mg_kg_h(record, dosed_kg)
    if rate is None or record.started_at is None:
        return None
    length_h = hours(max(now - record.started_at, timedelta()))
    runs = [bag for bag in bags if _is_near(rate, bag.rate_mg_kg_h) and length_h <= bag.duration_h]
    return rate * length_h if runs else None


def _mg_kg_h(record: NacTherapy, dosed_kg: float | None) -> float | None:
    if record.rate_mg_kg_h is not None:
        return record.rate_mg_kg_h
    return None if record.rate_mg_h is None or dosed_kg is None else record.rate_mg_h / dosed_kg


def why_no_dose(record: NacTherapy) -> str:
    """What the record does not say, in words for a card; it gives no dose in mg or mg/kg."""
    if record.concentrate_ml is not None:
        return f"{plain(record.concentrate_ml)} mL are charted, of the concentrate or of a mixed bag"
    if record.runs_at_a_rate:
        return "an infusion is charted as a rate without its start and end"
    return record.unread or "the dose of an infusion is not charted"
