"""How far a course of intravenous acetylcysteine has got: how much was given, since when, which bag, until when.

Counts only what administrations chart. An amount is estimated for a running infusion only where its dose
and its whole period are charted; everything else stays open and is named.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.nac_amounts import given_so_far, why_no_dose, with_doses
from cds_service.clinical.nac_course import NacState
from cds_service.clinical.quantity import hours, plain
from cds_service.clinical.regimens import Bag, DosingPlan, dosing_for_site
from cds_service.clinical.thresholds import BAG_DOSE_MATCH, CLOCK_TOLERANCE, COURSE_MG_KG, LONGEST_BAG, OVERLAP
from cds_service.clinical.weight import UsableWeight, dosing_weight

if TYPE_CHECKING:
    from cds_service.clinical.case import Case
    from cds_service.clinical.facts import NacTherapy
    from cds_service.clinical.quantity import Span

_RUNNING = "in-progress"


@dataclass(frozen=True, slots=True)
class RunningBag:
    """The infusion that runs. `number` and `of`: its place in the site's regimen, where its dose shows it.

    `ends_at`: as charted, or (`is_expected`) as the regimen has it. `ends_course_at`: when the last bag ends.
    """

    reference: str
    number: int | None = None
    of: int | None = None
    ends_at: datetime | None = None
    is_expected: bool = False
    ends_course_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NacProgress:
    """What has been given. `given_mg_kg` is the least the chart shows; `still_open` says what it does not show.

    `since`: the latest instant at which the first infusion may have begun. `ended_at`: the last charted time
    when none runs, `ended_by`: the latest the last one can have ended (a start alone does not say). `is_estimate`:
    part of a running infusion is counted by the clock. `bags`: the bags of the site's regimen that were given or
    are running, as far as their doses show it.
    """

    since: datetime | None = None
    given_mg_kg: float | None = None
    given_mg: float | None = None
    is_estimate: bool = False
    still_open: tuple[str, ...] = ()
    ended_at: datetime | None = None
    ended_by: datetime | None = None
    running: RunningBag | None = None
    bags: tuple[int, ...] = ()

    @property
    def is_whole_course(self) -> bool | None:
        """Whether the 300 mg/kg of a course have been given; None when the chart does not show it."""
        if self.given_mg_kg is not None and COURSE_MG_KG.reached_by_number(self.given_mg_kg):
            return True
        return None if self.still_open else False


@dataclass(frozen=True, slots=True)
class _Part:
    """What one administration gave, in mg/kg; None: not shown."""

    mg_kg: float | None
    mg: float | None = None
    why_open: str = ""
    is_estimate: bool = False


_DOUBLED = _Part(None, why_open="infusions are charted as overlapping and may be one and the same")


def progress_of(case: Case) -> NacProgress:
    """The course at `case.now`; empty when no intravenous administration is charted."""
    return case.once(_progress)


def _progress(case: Case) -> NacProgress:
    if not case.nac.administrations:
        return NacProgress(still_open=("no administration of acetylcysteine is charted",))
    dosed_kg = _dosed_kg(case)
    bags = _regimen_bags(case, dosed_kg)
    records = with_doses(_distinct(case.nac.administrations), bags)
    doubled = _doubled(records)
    parts = [_DOUBLED if record in doubled else _part(record, case.now, bags, dosed_kg) for record in records]
    known = [part.mg_kg for part in parts if part.mg_kg is not None]
    masses = [part.mg for part in parts]
    progress = NacProgress(
        since=min((begun for r in records if (begun := _surely_begun(r)) is not None), default=None),
        given_mg_kg=sum(known) if known else None,
        given_mg=None if None in masses else sum(mass for mass in masses if mass is not None),
        is_estimate=any(part.is_estimate for part in parts),
        still_open=tuple(dict.fromkeys(part.why_open for part in parts if part.why_open)),
        bags=_begun_bags(records, bags),
    )
    if case.nac.state is NacState.RUNNING:
        return replace(progress, running=_running_bag(records, bags))
    ends = [(r.given.latest, _ended_by(r.given, r.infused)) for r in records if r.given is not None]
    return replace(
        progress,
        ended_at=max((charted for charted, _ in ends), default=None),
        ended_by=max((latest for _, latest in ends), default=None),
    )


def _ended_by(given: Span, infused: Span | None) -> datetime:
    """The charted end; without one, as long after its time as no single bag lasts."""
    return given.latest + timedelta(hours=LONGEST_BAG.value) if infused is None else infused.latest


def _distinct(records: tuple[NacTherapy, ...]) -> list[NacTherapy]:
    """Each infusion once: of records with the same start and dose the completed one."""
    by_infusion: dict[object, NacTherapy] = {}
    for record in records:
        start = None if record.given is None else record.given.earliest
        key = record.reference if start is None else (start, _amounts(record))
        if key not in by_infusion or record.status == "completed":
            by_infusion[key] = record
    return list(by_infusion.values())


def _amounts(record: NacTherapy) -> tuple[float | None, ...]:
    """Everything the record says of how much it gave."""
    return (record.dose_mg, record.dose_mg_kg, record.rate_mg_h, record.rate_mg_kg_h, record.concentrate_ml)


def _doubled(records: list[NacTherapy]) -> list[NacTherapy]:
    """Infusions charted as overlapping one before, which may be the same one charted twice."""
    return [later for n, later in enumerate(records) if any(_overlap(earlier, later) for earlier in records[:n])]


def _overlap(earlier: NacTherapy, later: NacTherapy) -> bool:
    if earlier.infused is not None and later.infused is not None:
        tolerance = timedelta(hours=OVERLAP.value)
        return later.infused.earliest + tolerance < earlier.infused.latest
    if earlier.given is None or later.given is None:
        return False
    return _amounts(earlier) == _amounts(later) and later.given.earliest - earlier.given.earliest < timedelta(hours=1)


def _dosed_kg(case: Case) -> float | None:
    """The weight doses are counted for: the usable weight up to the profile's cap."""
    usable = dosing_weight(case.facts, case.now)
    return min(usable.weight.kg, case.profile.max_weight_kg) if isinstance(usable, UsableWeight) else None


def _surely_begun(record: NacTherapy) -> datetime | None:
    """By when the infusion had begun: a charted start, else the latest instant its time allows."""
    if record.infused is not None:
        return record.infused.earliest
    return None if record.given is None else record.given.latest


def _part(record: NacTherapy, now: datetime, bags: tuple[Bag, ...], dosed_kg: float | None) -> _Part:
    if record.given is not None and record.given.earliest > now + timedelta(hours=CLOCK_TOLERANCE.value):
        return _Part(None, why_open="an infusion is charted in the future")
    dose = _mg_kg(record, dosed_kg)
    if dose is None:
        return _undosed_part(record, bags, dosed_kg, now)
    if record.status == "completed" or (record.status == "stopped" and record.runs_at_a_rate):
        return _Part(dose, record.dose_mg)
    if record.status == _RUNNING:
        return _running_part(record, dose, now)
    return _Part(None, why_open=f"how much an infusion charted as {record.status} gave")


def _mg_kg(record: NacTherapy, dosed_kg: float | None) -> float | None:
    if record.dose_mg_kg is not None:
        return record.dose_mg_kg
    return None if record.dose_mg is None or dosed_kg is None else record.dose_mg / dosed_kg


def _undosed_part(record: NacTherapy, bags: tuple[Bag, ...], dosed_kg: float | None, now: datetime) -> _Part:
    """An infusion whose dose the chart does not give: what it gave by its rate so far, or why that is open."""
    if record.dose_mg is not None:
        return _Part(None, record.dose_mg, "a usable body weight is not charted")
    so_far = given_so_far(record, bags, dosed_kg, now) if record.status == _RUNNING else None
    if so_far is not None:
        return _Part(so_far, None if dosed_kg is None else so_far * dosed_kg, is_estimate=True)
    return _Part(None, why_open=why_no_dose(record))


def _running_part(record: NacTherapy, dose_mg_kg: float, now: datetime) -> _Part:
    """The share of a running infusion given by now, where its start and planned end are charted."""
    if record.infused is None or record.infused.is_exact:
        return _Part(None, why_open="how much of the running infusion has been given")
    if now > record.infused.latest:
        return _Part(None, why_open="the running infusion is past its planned end")
    share = max(0.0, (now - record.infused.earliest) / (record.infused.latest - record.infused.earliest))
    return _Part(dose_mg_kg * share, None if record.dose_mg is None else record.dose_mg * share, is_estimate=True)


def _running_bag(records: list[NacTherapy], bags: tuple[Bag, ...]) -> RunningBag | None:
    """The infusion that began last among those charted as running."""
    running = next((r for r in reversed(records) if r.status == _RUNNING), None)
    if running is None:
        return None
    bag = _matching(running, bags)
    charted = None if running.infused is None or running.infused.is_exact else running.infused.latest
    expected = None if bag is None or (start := _exact_start(running)) is None else start + _duration(bag)
    ends_at = charted or expected
    shown = RunningBag(running.reference, ends_at=ends_at, is_expected=charted is None and ends_at is not None)
    if bag is None:
        return shown
    later = sum((_duration(b) for b in bags if b.number > bag.number), timedelta())
    return replace(shown, number=bag.number, of=len(bags), ends_course_at=None if ends_at is None else ends_at + later)


def _regimen_bags(case: Case, dosed_kg: float | None) -> tuple[Bag, ...]:
    if dosed_kg is None:
        return ()
    plan = dosing_for_site(case.profile.regimen, dosed_kg, max_weight_kg=case.profile.max_weight_kg)
    return plan.bags if isinstance(plan, DosingPlan) else ()


def _matching(record: NacTherapy, bags: tuple[Bag, ...]) -> Bag | None:
    """The one bag of the regimen that holds this dose, give or take a tenth."""
    found = [bag for bag in bags if _is_dose_of(record, bag)]
    return found[0] if len(found) == 1 else None


def _is_dose_of(record: NacTherapy, bag: Bag) -> bool:
    dose = record.dose_mg_kg * bag.dosed_weight_kg if record.dose_mg_kg is not None else record.dose_mg
    return dose is not None and not BAG_DOSE_MATCH.reached_by_number(abs(dose - bag.dose_mg) / bag.dose_mg)


def _begun_bags(records: list[NacTherapy], bags: tuple[Bag, ...]) -> tuple[int, ...]:
    """The bags that were given or are running; one that was stopped, or whose dose fits several, is not counted."""
    found = (_matching(record, bags) for record in records if record.status in {_RUNNING, "completed"})
    return tuple(sorted({bag.number for bag in found if bag is not None}))


def _duration(bag: Bag) -> timedelta:
    return timedelta(hours=bag.duration_h)


def _exact_start(record: NacTherapy) -> datetime | None:
    return record.given.earliest if record.given is not None and record.given.is_exact else None


def progress_words(progress: NacProgress, now: datetime) -> str:
    """Such as "about 210 of 300 mg/kg (14,700 mg) given in 8.0 h"; empty when nothing is known."""
    if progress.given_mg_kg is None:
        return ""
    about = "about " if progress.is_estimate else ("at least " if progress.still_open else "")
    mass = "" if progress.given_mg is None or progress.still_open else f" ({progress.given_mg:,.0f} mg)"
    lasted = timedelta() if progress.since is None else (progress.ended_at or now) - progress.since
    since = f" in {plain(hours(lasted))} h" if lasted > timedelta() else ""
    shown = plain(progress.given_mg_kg) if progress.is_whole_course else _short_of_whole(progress.given_mg_kg)
    return f"{about}{shown} of {COURSE_MG_KG.value:g} mg/kg{mass} given{since}"


def _short_of_whole(mg_kg: float) -> str:
    """An amount that must not be rounded up to a whole course."""
    if plain(mg_kg) != plain(COURSE_MG_KG.value):
        return plain(mg_kg)
    return f"{math.floor(mg_kg * 10) / 10:.1f}"
