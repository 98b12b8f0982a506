"""The detail of a card, as GitHub-flavoured Markdown without HTML that also reads well as plain text.

Pure wording: what was found, why, what is missing or would change it, dose, evidence, whom to call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service import __version__
from cds_service.clinical.facts import Problem
from cds_service.clinical.findings import Category, Overlay, Verdict
from cds_service.clinical.ingestion import Pattern
from cds_service.clinical.nac_progress import progress_words
from cds_service.clinical.other_guidelines import differing
from cds_service.clinical.overlays import OVERLAYS
from cds_service.clinical.quantity import hours_text, plain
from cds_service.clinical.regimens import DosingPlan, DosingRefusal
from cds_service.hooks.clock import clock_time, span_text
from cds_service.hooks.dosing import DILUENTS, dose_table, regimen_words, weight_text
from cds_service.hooks.markdown import bullets, escaped, section
from cds_service.hooks.summary import level_text, rule_number, start_by_text, tests_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import tzinfo

    from cds_service.clinical.assessment import Assessment, Input, Judged, OrderCaution
    from cds_service.clinical.evidence import Evidence
    from cds_service.clinical.nac_progress import NacProgress

_MOST_GAPS = 8
_NO_SECOND_OPINION = frozenset({None, Category.CAUTION, Category.DOSE_CHECK, Category.NOT_INDICATED})
_SHOWS_DOSE = frozenset({Category.INDICATED, Category.CONSIDER})
_LATE_AFTER_H = 8.0

# Overlays that are sections of their own: title and what to do. Consult and weight have their place elsewhere.
_OVERLAYS: tuple[tuple[Overlay, str, str], ...] = (
    (Overlay.HIGH_RISK, "High risk", "The standard dose may not suffice: speak to a toxicologist now."),
    (Overlay.TRANSPLANT, "Transplant centre",
     "Speak to a liver transplant centre now; this does not change the need for NAC."),
    (Overlay.ECTR, "Extracorporeal treatment", "Discuss extracorporeal removal with a toxicologist and nephrology."),
    (Overlay.ALLERGY, "Previous reaction or asthma",
     "A previous reaction or asthma does not rule out NAC."),
    (Overlay.CHARCOAL, "Oral acetylcysteine and charcoal", "The route is the prescriber's decision."),
    (Overlay.FLUID, "Fluid volume", "Agree the diluent volume with pharmacy."),
    (Overlay.DETECTION_LIMIT, "Detection limit",
     "A level under the laboratory's limit is not the same as below the line."),
    (Overlay.ASSAY_BILIRUBIN, "Bilirubin and the level",
     "The result is shown, not discounted: ask the laboratory which assay it uses."),
    (Overlay.PSYCHOSOCIAL, "Psychosocial assessment",
     "Arrange a supportive psychosocial assessment when the patient is well enough."),
)  # fmt: skip

_CHANGES: dict[Category, tuple[str, ...]] = {
    Category.INDICATED: (
        "A later, lower level does not cancel this; when to end treatment is decided by its own criteria.",
    ),
    Category.CONTINUE: ("A later, lower level does not by itself end treatment.",),
    Category.CRITERIA_MET: (
        "A level, INR, AST or ALT that rises, or new signs of illness",
        "Doubt about ending treatment: ask the poison centre",
    ),
    Category.NOT_INDICATED: (
        "An earlier or uncertain ingestion time, or further doses",
        "An extended-release product, or an opioid or anticholinergic taken as well",
        "AST or ALT above the upper limit, or pain, jaundice or persistent vomiting",
        "A corrected or later level on or above the line",
    ),
}


def primary_detail(assessment: Assessment, zone: tzinfo, note: str = "") -> str:
    """The detail of the primary card; `note` comes first (what the selected order is)."""
    parts = (
        escaped(note),
        _found(assessment, zone),
        _why(assessment),
        _missing(assessment, zone),
        _changes(assessment),
        *_overlays(assessment),
        _dose(assessment),
        _differing(assessment),
        evidence_section(_sources(assessment)),
        _call(assessment),
        footer(assessment),
    )
    return joined(parts)


def caution_detail(
    assessment: Assessment, cautions: Iterable[OrderCaution], zone: tzinfo, advice: Iterable[str]
) -> str:
    """The detail of a caution: which orders, why, what to do instead."""
    rules, orders = zip(*((caution.judged, caution.order) for caution in cautions), strict=True)
    ordered = [f"Selected order: {order.name} ({order.reference})" for order in orders]
    found = [*ordered, *(rule.finding.because for rule in rules)]
    missing = [text for rule in rules for text in rule.finding.missing]
    parts = (
        section("What was found", bullets((*found, *_found_texts(assessment, zone)))),
        section("Why", bullets(_statements(rules))),
        section("What can be done", bullets(advice)),
        section("What is missing", bullets((*missing, *_gap_texts(assessment)))),
        evidence_section(source for rule in rules for source in rule.rule.evidence),
        _call(assessment) if Overlay.CONSULT in assessment.overlays else "",
        footer(assessment),
    )
    return joined(parts)


def order_detail(assessment: Assessment, zone: tzinfo, *, found: Iterable[str], missing: Iterable[str]) -> str:
    """The detail of a card about an order that cannot be judged yet."""
    parts = (
        section("What was found", bullets((*found, *_found_texts(assessment, zone)))),
        section("What is missing", bullets((*missing, *_gap_texts(assessment)))),
        _call(assessment),
        footer(assessment),
    )
    return joined(parts)


def joined(parts: Iterable[str]) -> str:
    """The parts that say something, as blocks."""
    return "\n\n".join(part for part in parts if part)


def _found(assessment: Assessment, zone: tzinfo) -> str:
    return section("What was found", bullets(_found_texts(assessment, zone)))


def _found_texts(assessment: Assessment, zone: tzinfo) -> Iterator[str]:
    yield from _ingestion_texts(assessment, zone)
    instants = dict.fromkeys(used.at for used in assessment.inputs if used.at is not None)
    clock = {at: clock_time(at, assessment.now, zone) for at in instants}
    for used in assessment.inputs:
        yield _input_text(used, "time not known" if used.at is None else clock[used.at])
    yield from _nomogram_texts(assessment, zone)
    if assessment.nac is not None:
        yield from _progress_texts(assessment.nac, assessment, zone)


def _progress_texts(nac: NacProgress, assessment: Assessment, zone: tzinfo) -> Iterator[str]:
    """How much acetylcysteine was given, since when, and when the running bag and the last bag end."""
    if nac.since is not None:
        yield f"Acetylcysteine began at {clock_time(nac.since, assessment.now, zone)}"
    if words := progress_words(nac, assessment.now):
        yield f"Acetylcysteine: {words}"
    bag = nac.running
    if bag is None or bag.ends_at is None:
        return
    name = "The running infusion" if bag.number is None else f"Bag {bag.number} of {bag.of}"
    source = "as the regimen has it" if bag.is_expected else "as charted"
    yield f"{name} ends at {clock_time(bag.ends_at, assessment.now, zone)} ({source})"
    if bag.ends_course_at is not None and bag.ends_course_at != bag.ends_at:
        yield f"The last bag is expected to end at {clock_time(bag.ends_course_at, assessment.now, zone)}"


def _ingestion_texts(assessment: Assessment, zone: tzinfo) -> Iterator[str]:
    ingestion = assessment.ingestion
    if ingestion.pattern is Pattern.NONE:
        return
    yield f"Exposure: {ingestion.pattern.value}{_dose_times(assessment, zone)}"
    if ingestion.intake.in_24h_g is not None:
        yield f"Reported amount: {plain(ingestion.intake.in_24h_g)} g in 24 h"
    if ingestion.is_extended_release:
        yield "An extended-release product is charted"
    if ingestion.delaying:
        yield f"Slows absorption: {', '.join(ingestion.delaying)}"


def _dose_times(assessment: Assessment, zone: tzinfo) -> str:
    first, last = assessment.ingestion.first, assessment.ingestion.last
    if first is None:
        return ""
    if last is None or last == first:
        return f", taken {span_text(first, assessment.now, zone)}"
    return f", first dose {span_text(first, assessment.now, zone)}, last dose {span_text(last, assessment.now, zone)}"


def _input_text(used: Input, at: str) -> str:
    """Label, value, unit, status unless final, time and where it comes from."""
    value = f"{used.value} {used.unit or ''}".strip()
    status = used.status if used.status and used.status != "final" else ""
    return f"{used.label}: {', '.join([part for part in (value, status, at) if part])} ({used.reference})"


def _nomogram_texts(assessment: Assessment, zone: tzinfo) -> Iterator[str]:
    point = assessment.point
    if point is not None:
        yield (
            f"Nomogram: level {level_text(point)} mg/L at {hours_text(point.hours)}; treatment line "
            f"{plain(point.line_mg_l)} mg/L, high-risk line {plain(point.high_risk_line_mg_l)} mg/L at that time"
        )
    if assessment.crosses_at is not None:
        crossing = clock_time(assessment.crosses_at, assessment.now, zone)
        yield f"The level would be on the treatment line if ingested at or before {crossing}"


def _why(assessment: Assessment) -> str:
    if assessment.primary is None:
        return section("Why", bullets(("No rule is met, and what is missing keeps NAC from being ruled out",)))
    also = [f"Also {rule_number(judged)}: {judged.finding.because}" for judged in _also_met(assessment)]
    lines = (assessment.primary.finding.because, *_statements([assessment.primary]), *also, *_reassurance(assessment))
    return section("Why", bullets(lines))


def _also_met(assessment: Assessment) -> Iterator[Judged]:
    """Further rules that are met; cautions have cards of their own, and "not indicated" is no second opinion."""
    for judged in assessment.judged:
        is_other = judged.finding.verdict is Verdict.MET and judged is not assessment.primary
        if is_other and judged.rule.category not in _NO_SECOND_OPINION:
            yield judged


def _statements(judged: Iterable[Judged]) -> Iterator[str]:
    for one in judged:
        guidelines = "; ".join(source.short for source in one.rule.evidence)
        yield f"Rule {rule_number(one)}: {one.rule.statement}{f' ({guidelines})' if guidelines else ''}"


def _reassurance(assessment: Assessment) -> Iterator[str]:
    """What must not hold anyone back from treating."""
    if assessment.category is not Category.INDICATED:
        return
    if assessment.point is None or assessment.point.hours > _LATE_AFTER_H:
        yield "Treatment that starts late still helps."
    if assessment.facts.having(Problem.PREGNANCY):
        yield "Pregnancy changes neither the threshold nor the dose."


def _missing(assessment: Assessment, zone: tzinfo) -> str:
    asked = {ask.test.value for ask in assessment.asks}
    missing = [text for text in assessment.primary.finding.missing if text not in asked] if assessment.primary else []
    tests = tests_text(assessment, zone)
    if tests:
        missing.append(tests)
    if assessment.start_by is not None:
        missing.append(f"{start_by_text(assessment, zone)} if no result is back")
    return section("What is missing", bullets((*missing, *_gap_texts(assessment))))


def _gap_texts(assessment: Assessment) -> Iterator[str]:
    """The gaps of the chart, the first few in full."""
    for gap in assessment.gaps[:_MOST_GAPS]:
        yield f"{gap.text}{f' ({gap.reference})' if gap.reference else ''}"
    if len(assessment.gaps) > _MOST_GAPS:
        yield f"{len(assessment.gaps) - _MOST_GAPS} further entries of the chart could not be used"


def _changes(assessment: Assessment) -> str:
    texts = _CHANGES.get(assessment.category, ()) if assessment.category else ()
    return section("What would change this", bullets(texts))


def _overlays(assessment: Assessment) -> Iterator[str]:
    for overlay, title, advice in _OVERLAYS:
        if overlay in assessment.overlays:
            yield section(title, bullets((*_new_reasons(assessment, overlay), advice)))


def _new_reasons(assessment: Assessment, overlay: Overlay) -> tuple[str, ...]:
    """Why an overlay applies, without what the primary finding says already."""
    said = assessment.primary.finding.because if assessment.primary else ""
    return tuple(reason for reason in assessment.overlay_reasons.get(overlay, ()) if reason != said)


def _dose(assessment: Assessment) -> str:
    """The dose table, or why no mg are shown; only where treatment is up for decision."""
    if assessment.category not in _SHOWS_DOSE:
        return ""
    match assessment.dosing:
        case DosingPlan() as plan:
            return section(f"Dose ({regimen_words(plan.regimen)})", dose_table(plan), bullets(_dose_notes(plan)))
        case DosingRefusal() as refusal:
            return section("Dose", bullets((f"No mg shown: {refusal.because}",)))
        case None:
            return ""


def _dose_notes(plan: DosingPlan) -> Iterator[str]:
    yield f"{weight_text(plan)} Confirm the weight before prescribing."
    yield f"Diluent: {DILUENTS}; the drug volume is not included in it. Rates are for the mixed bag."
    yield second_hand(plan)


def second_hand(plan: DosingPlan) -> str:
    """That the numbers of this regimen were read second-hand; empty where they were not."""
    return f"{plan.source.short}: read second-hand, verify these numbers locally" if plan.source.verify_locally else ""


def _sources(assessment: Assessment) -> Iterator[Evidence]:
    if assessment.primary is not None:
        yield from assessment.primary.rule.evidence
    for judged in assessment.judged:
        if judged.finding.verdict is Verdict.MET and judged.rule.category is assessment.category:
            yield from judged.rule.evidence
    if isinstance(assessment.dosing, DosingPlan) and assessment.category in _SHOWS_DOSE:
        yield assessment.dosing.source
    shown = assessment.overlays - {Overlay.CONSULT, Overlay.WEIGHT}
    for row in OVERLAYS:
        if row.overlays[0] in shown:
            yield from row.evidence
    yield assessment.profile.source


def evidence_section(sources: Iterable[Evidence]) -> str:
    """Each source once: short name, strength, and whether it needs local verification."""
    return section(
        "Evidence",
        bullets(
            f"{source.short}: {source.strength}{' (verify locally)' if source.verify_locally else ''}"
            for source in sources
        ),
    )


def _call(assessment: Assessment) -> str:
    centre = assessment.profile.poison_centre
    said = {reason for overlay, *_ in _OVERLAYS for reason in assessment.overlay_reasons.get(overlay, ())}
    reasons = (reason for reason in _new_reasons(assessment, Overlay.CONSULT) if reason not in said)
    urgent = "Call now: " if Overlay.CONSULT in assessment.overlays else ""
    return section("Who to call", bullets((f"{urgent}{centre}", *reasons)))


_WOULD: dict[Category, str] = {
    Category.INDICATED: "would treat",
    Category.CONSIDER: "would consider treatment",
    Category.REPEAT_LEVEL: "would repeat the level",
    Category.DATA_NEEDED: "would ask for more data",
    Category.CAUTION: "would advise against it outside a clinical trial",
    Category.NOT_INDICATED: "would not treat on these data",
}


def _differing(assessment: Assessment) -> str:
    """Where another guideline would conclude otherwise; the profile in use decides."""
    said: dict[tuple[Category, str], list[str]] = {}
    for other in differing(assessment):
        said.setdefault((other.category, other.because), []).append(f"{other.profile.name} ({other.profile.title})")
    texts = (
        f"Guidelines differ: {', '.join(names)} {_WOULD.get(category, category.value)}: {because}"
        for (category, because), names in said.items()
    )
    return section("Where guidelines differ", bullets(texts))


def footer(assessment: Assessment) -> str:
    """Profile and version, and what the service is not."""
    profile = assessment.profile
    return escaped(
        f"The service supports, and does not replace, clinical judgement. "
        f"Profile {profile.name} ({profile.title}); service version {__version__}."
    )
