"""Overlays: whom to call and what to mind beside the category, one row each. They never change the category.

A row without a rule number stands for the consult, reassurance and safety lists of the guidelines. Rules of
the other tables bring overlays of their own (high risk, transplant, detection limit), which are added here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from cds_service.clinical.evidence import (
    EXTRIP_2014,
    FDA_LABEL,
    REVIEW_CAVEATS,
    SERVICE_ASSUMPTION,
    US_CONSENSUS_2023,
    Evidence,
)
from cds_service.clinical.facts import Intent, OrderedSubstance, Problem, Route
from cds_service.clinical.findings import Answer, Finding, Overlay, all_of, met, not_met, unknown
from cds_service.clinical.ingestion import Pattern
from cds_service.clinical.levels import with_usable_time
from cds_service.clinical.liver import EnzymeState, newest
from cds_service.clinical.monitoring import has_altered_mental_status, is_long_over
from cds_service.clinical.nac_course import NacState
from cds_service.clinical.profiles import AllergyPolicy
from cds_service.clinical.quantity import Analyte
from cds_service.clinical.regimens import DosingPlan, DosingRefusal
from cds_service.clinical.thresholds import (
    BILIRUBIN_INTERFERENCE,
    CHARCOAL_ADSORBS,
    CHARCOAL_NEAR,
    ECTR_LACTATE,
    ECTR_LEVEL,
    ECTR_LEVEL_SICK,
    ECTR_LEVEL_SICK_ON_NAC,
    ECTR_PH,
    LOW_WEIGHT,
    YOUNG_CHILD,
)
from cds_service.clinical.weight import UsableWeight, dosing_weight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cds_service.clinical.assessment import Judged
    from cds_service.clinical.case import Case
    from cds_service.clinical.facts import CharcoalDose, DrugOrder
    from cds_service.clinical.quantity import Bounded

Dosing: TypeAlias = DosingPlan | DosingRefusal | None


@dataclass(frozen=True, slots=True)
class OverlayRule:
    """A row of the overlay table: stable id, which overlays it adds, statement, condition and evidence."""

    id: str
    overlays: tuple[Overlay, ...]
    statement: str
    judge: Callable[[Case, Dosing], Finding]
    evidence: tuple[Evidence, ...]


def overlay_reasons(case: Case, met: Iterable[Judged], dosing: Dosing) -> dict[Overlay, tuple[str, ...]]:
    """Every overlay that applies, with the reasons, in a fixed order; `met`: the rules whose condition holds."""
    reasons: dict[Overlay, list[str]] = {}
    for item in met:
        for overlay in item.rule.overlays | item.finding.overlays:
            reasons.setdefault(overlay, []).append(item.finding.because)
    for row in OVERLAYS:
        finding = row.judge(case, dosing)
        if finding.is_met:
            for overlay in row.overlays:
                reasons.setdefault(overlay, []).append(finding.because)
    return {overlay: tuple(dict.fromkeys(reasons[overlay])) for overlay in Overlay if overlay in reasons}


def _when(words: str, applies: Callable[[Case], bool]) -> Callable[[Case, Dosing], Finding]:
    """A row that holds or does not, with fixed words."""
    holds, does_not_hold = met(words), not_met(f"not: {words}")

    def judge(case: Case, _dosing: Dosing) -> Finding:
        return holds if applies(case) else does_not_hold

    return judge


def _has(problem: Problem) -> Callable[[Case], bool]:
    return lambda case: bool(case.facts.having(problem))


def _is_injured(case: Case) -> bool:
    return case.liver.enzymes is EnzymeState.ELEVATED or case.liver.is_hepatotoxic is True


def _is_hard_to_place_and_injured(case: Case) -> bool:
    return (case.is_untimed or case.ingestion.pattern is Pattern.REPEATED) and _is_injured(case)


def _may_absorb_late(case: Case) -> bool:
    return case.ingestion.has_context and case.ingestion.may_absorb_late


def _is_young(case: Case) -> bool:
    return case.age_years is not None and YOUNG_CHILD.reached_by_number(case.age_years)


# --- assay, weight and volume


def interfering_bilirubin(case: Case, _dosing: Dosing) -> Finding:
    """Bilirubin above 10 mg/dL beside a readable level: flagged, never used to suppress."""
    value = case.newest_value(Analyte.BILIRUBIN)
    if value is None or not BILIRUBIN_INTERFERENCE.reached_by(value):
        return not_met("no bilirubin above 10 mg/dL")
    if not any(level.reported is not None for level in case.levels):
        return not_met("no acetaminophen level that bilirubin could falsify")
    return met(f"bilirubin {value} mg/dL can give a falsely positive level in enzymatic assays")


def no_usable_weight(_case: Case, dosing: Dosing) -> Finding:
    """F4: no weight that a dose may be calculated for."""
    return met(dosing.because) if isinstance(dosing, DosingRefusal) else not_met("doses are shown, or not needed")


def below_smallest_weight(_case: Case, dosing: Dosing) -> Finding:
    """F4: a weight below the smallest one dosed: no numbers, and a toxicologist doses."""
    asks = isinstance(dosing, DosingRefusal) and dosing.needs_consult
    return met("a body weight below every regimen's numbers") if asks else not_met("no weight below every regimen")


def low_weight(case: Case, dosing: Dosing) -> Finding:
    """Below 40 kg the diluent can cause hyponatraemia: where a dose is shown, or while the infusion runs."""
    warns = isinstance(dosing, DosingPlan) and dosing.needs_fluid_warning
    if not warns and not (case.nac.is_under_way and _is_light(case)):
        return not_met("no low body weight")
    return met(
        f"below {LOW_WEIGHT.value:g} kg the diluent can cause hyponatraemia and seizures: watch sodium and volume"
    )


def _is_light(case: Case) -> bool:
    usable = dosing_weight(case.facts, case.now)
    return isinstance(usable, UsableWeight) and LOW_WEIGHT.reached_by_number(usable.weight.kg)


def fluid_restricted(case: Case, dosing: Dosing) -> Finding:
    """Heart failure or fluid restriction, where a dose is shown or the infusion is under way."""
    if (dosing is None and not case.nac.is_under_way) or not case.facts.having(Problem.FLUID_RESTRICTION):
        return not_met("no fluid restriction, or no infusion in question")
    return met(
        "heart failure or fluid restriction: the diluent can cause overload, hyponatraemia and seizures; agree a "
        "smaller volume with pharmacy, the dose in mg stays"
    )


# --- oral acetylcysteine and charcoal


def charcoal_with_oral_nac(case: Case, _dosing: Dosing) -> Finding:
    """F6: acetylcysteine by mouth, given, ordered or about to be, near activated charcoal that is either."""
    charted = [dose.name for dose in case.facts.charcoal if _is_near(case, dose)]
    drafted = [order.name for order in _drafts(case) if order.is_charcoal]
    if not (charted or drafted) or not _has_oral_nac(case):
        return not_met("no oral acetylcysteine beside activated charcoal")
    name, how = (charted[0], "charted") if charted else (drafted[0], "charted or about to be ordered")
    return met(
        f"oral acetylcysteine and {name} are both {how}: charcoal can adsorb up to "
        f"{CHARCOAL_ADSORBS.value:g} % of oral acetylcysteine; prefer the intravenous route, or separate the two"
    )


def _drafts(case: Case) -> tuple[DrugOrder, ...]:
    """Every draft order, selected or not: whoever signs one may sign them all."""
    return (*case.facts.orders, *case.facts.unselected)


def _is_near(case: Case, dose: CharcoalDose) -> bool:
    if dose.given is None:
        return True
    hours_ago = (case.now - dose.given.latest) / timedelta(hours=1)
    return not CHARCOAL_NEAR.reached_by_number(hours_ago)


def _has_oral_nac(case: Case) -> bool:
    since = case.now - timedelta(hours=CHARCOAL_NEAR.value)
    charted = any(
        n.route is Route.ORAL and n.status != "stopped" and (n.given is None or n.given.latest >= since)
        for n in case.facts.nac
    )
    return charted or any(
        order.substance is OrderedSubstance.ACETYLCYSTEINE and order.route is Route.ORAL for order in _drafts(case)
    )


# --- extracorporeal treatment


def extracorporeal_treatment(case: Case, _dosing: Dosing) -> Finding:
    """F7: EXTRIP, by the newest level and whether acetylcysteine is given."""
    return case.once(_extracorporeal_treatment)


def _extracorporeal_treatment(case: Case) -> Finding:
    level = _newest_level(case)
    if level is None:
        return not_met("no usable level")
    is_given = case.nac.state in {NacState.RUNNING, NacState.GIVEN} and not is_long_over(case)
    treated = "with" if is_given else "without"
    if not is_given and ECTR_LEVEL.reached_by(level):
        return met(f"level {level} mg/L is above {ECTR_LEVEL.value:g} mg/L without acetylcysteine given ({_EXTRIP})")
    limit = ECTR_LEVEL_SICK_ON_NAC if is_given else ECTR_LEVEL_SICK
    if not limit.reached_by(level):
        return not_met(f"level {level} mg/L is not above {limit.value:g} mg/L {treated} acetylcysteine")
    signs = _dysfunction(case)
    answer = all_of(is_met for _, is_met in signs)
    words = f"level {level} mg/L is above {limit.value:g} mg/L {treated} acetylcysteine"
    if answer is None:
        return unknown(words, *(name for name, is_met in signs if is_met is None))
    if not answer:
        return not_met(f"{words}, but not all of altered mental status, acidosis and raised lactate are present")
    return met(f"{words}, with {', '.join(name for name, _ in signs)} ({_EXTRIP})")


def extracorporeal_question_open(case: Case, dosing: Dosing) -> Finding:
    """F7 with a level high enough and its other signs not all known: ask, and name them."""
    finding = extracorporeal_treatment(case, dosing)
    if not finding.missing:
        return not_met("no open question about extracorporeal treatment")
    return met(f"{finding.because}: extracorporeal treatment depends on {', '.join(finding.missing)} ({_EXTRIP})")


_EXTRIP = "EXTRIP"


def _newest_level(case: Case) -> Bounded | None:
    result = newest([with_usable_time(level.result, case.now) for level in case.current_levels])
    return None if result is None else result.reported


def _dysfunction(case: Case) -> list[tuple[str, Answer]]:
    """Altered mental status, acidosis and raised lactate; silence about one is not its absence."""
    ph, lactate = case.newest_value(Analyte.ARTERIAL_PH), case.newest_value(Analyte.LACTATE)
    assessed = case.liver.mental_status_charted
    return [
        ("altered mental status", has_altered_mental_status(case) or (False if assessed else None)),
        (f"arterial pH {'' if ph is None else ph}".strip(), None if ph is None else ECTR_PH.reached_by(ph)),
        (
            "lactate" if lactate is None else f"lactate {lactate} mmol/L",
            None if lactate is None else ECTR_LACTATE.reached_by(lactate),
        ),
    ]


_ON_REACTION = {
    AllergyPolicy.SLOWER_FIRST_BAG: "slower first bag, be ready to treat anaphylaxis, talk to a toxicologist; "
    "treatment is not withheld",
    AllergyPolicy.CONSULT_FIRST: "talk to a toxicologist now, before the first bag and without delaying it, be ready "
    "to treat anaphylaxis; treatment is not withheld",
}


def _minding(problem: Problem, *policies: AllergyPolicy) -> Callable[[Case, Dosing], Finding]:
    """A row about a risk of a reaction, in the words of the profile's policy; it holds under these policies."""

    def judge(case: Case, _dosing: Dosing) -> Finding:
        policy = case.profile.allergy_policy
        if policy not in policies or not case.facts.having(problem):
            return not_met(f"not: {problem.value}")
        return met(f"{problem.value}: {_ON_REACTION[policy]}")

    return judge


_CALL = (Overlay.CONSULT,)
_CONSENSUS = (US_CONSENSUS_2023,)

OVERLAYS: tuple[OverlayRule, ...] = (
    OverlayRule(
        "O1-consult-liver-failure",
        _CALL,
        "Acute liver failure: ask a poison centre",
        _when("acute liver failure", lambda case: case.liver.is_failing is True),
        _CONSENSUS,
    ),
    OverlayRule(
        "O2-consult-delayed-absorption",
        _CALL,
        "Extended-release product or a co-ingestant that slows absorption: ask a poison centre",
        _when("extended-release product or delaying co-ingestant", _may_absorb_late),
        _CONSENSUS,
    ),
    OverlayRule(
        "O3-consult-untimed-with-injury",
        _CALL,
        "Time unknown or repeated ingestion, with liver injury: ask a poison centre",
        _when("unknown time or repeated ingestion with liver injury", _is_hard_to_place_and_injured),
        _CONSENSUS,
    ),
    OverlayRule(
        "O4-consult-young-child",
        _CALL,
        "Under six years of age: ask a poison centre",
        _when("under six years of age", _is_young),
        _CONSENSUS,
    ),
    OverlayRule(
        "O5-consult-pregnancy",
        _CALL,
        "Pregnancy: ask a poison centre; dose and thresholds are unchanged",
        _when("pregnancy (dose and thresholds are unchanged)", _has(Problem.PREGNANCY)),
        _CONSENSUS,
    ),
    OverlayRule(
        "O6-consult-intravenous-acetaminophen",
        _CALL,
        "Intravenous acetaminophen: ask a poison centre",
        _when("intravenous acetaminophen", lambda case: case.ingestion.pattern is Pattern.INTRAVENOUS),
        _CONSENSUS,
    ),
    OverlayRule(
        "O7-consult-dialysis",
        _CALL,
        "Dialysis: ask a poison centre",
        _when("dialysis", _has(Problem.DIALYSIS)),
        _CONSENSUS,
    ),
    OverlayRule(
        "O8-psychosocial-self-harm",
        (Overlay.PSYCHOSOCIAL,),
        "Self-harm: arrange a psychosocial assessment",
        _when("the exposure is charted as intentional", lambda case: case.ingestion.intent is Intent.SELF_HARM),
        _CONSENSUS,
    ),
    OverlayRule(
        "O9-bilirubin-and-the-level",
        (Overlay.ASSAY_BILIRUBIN,),
        "Bilirubin above 10 mg/dL beside a level: an enzymatic assay may be falsely positive; flag, do not suppress",
        interfering_bilirubin,
        (REVIEW_CAVEATS,),
    ),
    OverlayRule(
        "O10-low-weight-fluid",
        (Overlay.FLUID,),
        "Below 40 kg: hyponatraemia and seizure warning",
        low_weight,
        (FDA_LABEL,),
    ),
    OverlayRule(
        "O11-fluid-restriction",
        (Overlay.FLUID,),
        "Heart failure or fluid restriction: hyponatraemia and overload warning",
        fluid_restricted,
        (FDA_LABEL,),
    ),
    OverlayRule(
        "O12-no-usable-weight",
        (Overlay.WEIGHT,),
        "Weight missing, stale or implausible: no numbers",
        no_usable_weight,
        (FDA_LABEL, SERVICE_ASSUMPTION),
    ),
    OverlayRule(
        "F4-below-smallest-weight",
        _CALL,
        "Below 5 kg no regimen has numbers: dose with a toxicologist",
        below_smallest_weight,
        (FDA_LABEL,),
    ),
    OverlayRule(
        "F5-previous-reaction",
        (Overlay.ALLERGY, Overlay.CONSULT),
        "Previous reaction to acetylcysteine: slower first bag or toxicologist first (the profile's "
        "allergy_policy), be ready for anaphylaxis; never withheld",
        _minding(Problem.NAC_REACTION, *AllergyPolicy),
        (FDA_LABEL, US_CONSENSUS_2023),
    ),
    OverlayRule(
        "F5-asthma",
        (Overlay.ALLERGY,),
        "Asthma: slower first bag or toxicologist first (the profile's allergy_policy), be ready for anaphylaxis; "
        "never withheld",
        _minding(Problem.ASTHMA, *AllergyPolicy),
        (FDA_LABEL,),
    ),
    OverlayRule(
        "F5-asthma-consult-first",
        _CALL,
        "Asthma, where the profile has a toxicologist asked before the first bag (allergy_policy consult_first)",
        _minding(Problem.ASTHMA, AllergyPolicy.CONSULT_FIRST),
        (SERVICE_ASSUMPTION,),
    ),
    OverlayRule(
        "F6-charcoal-with-oral-acetylcysteine",
        (Overlay.CHARCOAL,),
        "Oral acetylcysteine with activated charcoal: up to 96 % is adsorbed; prefer intravenous, or separate the two",
        charcoal_with_oral_nac,
        (REVIEW_CAVEATS,),
    ),
    OverlayRule(
        "F7-extracorporeal-treatment",
        (Overlay.ECTR, Overlay.CONSULT),
        "Level above 1000 mg/L without acetylcysteine; or altered mental status, acidosis and raised lactate with a "
        "level above 700 mg/L without, above 900 mg/L with acetylcysteine: extracorporeal treatment",
        extracorporeal_treatment,
        (EXTRIP_2014,),
    ),
    OverlayRule(
        "F7-extracorporeal-question-open",
        (Overlay.CONSULT,),
        "The level reaches an EXTRIP limit and mental status, pH or lactate is not known: ask for them",
        extracorporeal_question_open,
        (EXTRIP_2014,),
    ),
)
