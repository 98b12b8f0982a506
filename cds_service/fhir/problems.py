"""What a charted problem means: poisoning, diagnosis or neither, from its codes first and its words second.

Pure. Knows the concepts of the terminology table and the names in `names`; must not know resources. A
meaning taken from words alone says so (`by_name`), so that the caller reports the code as unmapped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cds_service.clinical.facts import ExposureKind, Intent, Problem, Severity
from cds_service.fhir import problem_names as names
from cds_service.fhir.concepts import once_for_each
from cds_service.fhir.drug_names import delaying_effects, names_acetaminophen

if TYPE_CHECKING:
    from cds_service.fhir.codes import Term
    from cds_service.fhir.concepts import Concept

_POISONINGS: dict[str, ExposureKind] = {
    "acetaminophen poisoning": ExposureKind.POISONING,
    "overdose of an unstated drug": ExposureKind.GENERIC_OVERDOSE,
}
_EFFECTS = {"opioid poisoning": "opioid", "anticholinergic poisoning": "anticholinergic"}
_DIAGNOSES: dict[str, frozenset[Problem]] = {
    "acute liver failure": frozenset({Problem.ACUTE_LIVER_FAILURE}),
    "hepatic encephalopathy": frozenset({Problem.ENCEPHALOPATHY}),
    "cirrhosis": frozenset({Problem.CIRRHOSIS}),
    "other liver cause": frozenset({Problem.OTHER_LIVER_CAUSE}),
    "right-upper-quadrant pain": frozenset({Problem.RIGHT_UPPER_QUADRANT_PAIN}),
    "jaundice": frozenset({Problem.JAUNDICE}),
    "persistent vomiting": frozenset({Problem.PERSISTENT_VOMITING}),
    "COPD": frozenset({Problem.COPD}),
    "COPD exacerbation": frozenset({Problem.COPD, Problem.COPD_EXACERBATION}),
    "chronic bronchitis": frozenset({Problem.CHRONIC_BRONCHITIS}),
    "cystic fibrosis": frozenset({Problem.CYSTIC_FIBROSIS}),
    "contrast nephropathy": frozenset({Problem.CONTRAST_PROPHYLAXIS}),
    "asthma": frozenset({Problem.ASTHMA}),
    "acetylcysteine allergy": frozenset({Problem.NAC_REACTION}),
    "pregnancy": frozenset({Problem.PREGNANCY}),
    "self-harm": frozenset({Problem.SELF_HARM}),
    "dialysis": frozenset({Problem.DIALYSIS}),
    "altered mental status": frozenset({Problem.ALTERED_MENTAL_STATUS}),
    "heart failure": frozenset({Problem.FLUID_RESTRICTION}),
}
_INTENTS = {"self-harm": Intent.SELF_HARM, "accidental": Intent.ACCIDENTAL, "undetermined": Intent.UNDETERMINED}
_SEVERITIES = {severity.value: severity for severity in Severity}
_UNSTATED_ACUITY = "liver failure, acuity not stated"
_COMA_GRADE = 4
_CONTRADICTS_NAMES = frozenset(
    {
        *_POISONINGS,
        *_EFFECTS,
        "acetaminophen allergy",
        "acetylcysteine overdose",
        "bronchiolitis obliterans",
        "pregnancy",
    }
)
"""Concepts whose excluded codes say that the entry is not what its name, or a second code, suggests."""


@dataclass(frozen=True, slots=True)
class Poisoning:
    """An overdose a problem tells of: what kind of entry, why, whether repeated, and what else slows absorption."""

    kind: ExposureKind
    intent: Intent = Intent.UNKNOWN
    is_repeated: bool = False
    delaying: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a problem entry says. `effects`: opioid or anticholinergic poisonings, which are co-ingestants."""

    poisoning: Poisoning | None = None
    problems: frozenset[Problem] = frozenset()
    effects: frozenset[str] = frozenset()
    severity: Severity | None = None
    grade: int | None = None
    by_name: bool = False
    unstated_acuity: bool = field(default=False)


@once_for_each
def meaning_of(concept: Concept) -> Meaning:
    """What the entry says of the present. Codes decide; words decide only where no code of ours is there."""
    terms = concept.of_kind("condition")
    if concept.own_text is not None and names.affirmed(concept.own_text) == "":
        return Meaning(problems=_named_reaction(concept))
    if terms:
        return _coded(concept, terms)
    return _named(concept)


def _coded(concept: Concept, terms: tuple[Term, ...]) -> Meaning:
    tags = frozenset(tag for term in terms for tag in term.tags)
    problems = frozenset(problem for term in terms for problem in _DIAGNOSES.get(term.concept, ()))
    if "coma" in tags:
        problems |= {Problem.ENCEPHALOPATHY}
    return Meaning(
        poisoning=None if _is_contradicted(concept) or _is_past(concept) else _coded_poisoning(concept, terms, tags),
        problems=problems | _named_reaction(concept),
        effects=frozenset(effect for term in terms if (effect := _EFFECTS.get(term.concept))),
        severity=next(
            (_SEVERITIES[tag] for tag in sorted(tags) if tag in _SEVERITIES), names.severity_named(concept.all_text)
        ),
        grade=_COMA_GRADE if "coma" in tags else names.grade_named(concept.all_text),
        unstated_acuity=any(term.concept == _UNSTATED_ACUITY for term in terms)
        and not problems - {Problem.ENCEPHALOPATHY},
    )


def _is_contradicted(concept: Concept) -> bool:
    """Whether a code such as T39.1X1D (follow-up) takes back what the rest of the entry says."""
    return any(term.concept in _CONTRADICTS_NAMES for term in concept.of_kind("exclude"))


def _is_past(concept: Concept) -> bool:
    """Whether the author's own words put the entry in the past ("history of ...")."""
    return concept.own_text is not None and names.current(concept.own_text) == ""


def _coded_poisoning(concept: Concept, terms: tuple[Term, ...], tags: frozenset[str]) -> Poisoning | None:
    kinds = {kind for term in terms if (kind := _POISONINGS.get(term.concept))}
    if not kinds:
        return None
    named = names_acetaminophen(concept.all_text)
    kind = ExposureKind.POISONING if ExposureKind.POISONING in kinds or named else ExposureKind.GENERIC_OVERDOSE
    intents = {_INTENTS[tag] for tag in tags if tag in _INTENTS}
    intent = intents.pop() if len(intents) == 1 else names.intent_named(concept.all_text)
    delaying = (tags & {"opioid", "anticholinergic"}) | delaying_effects(concept.all_text)
    return Poisoning(kind, intent, names.says_repeated(concept.all_text), delaying)


def _named_reaction(concept: Concept) -> frozenset[Problem]:
    found = (names.problems_named(written) for written in concept.written)
    return frozenset({Problem.NAC_REACTION}) if any(Problem.NAC_REACTION in named for named in found) else frozenset()


def _named(concept: Concept) -> Meaning:
    """What the words say; an excluded code lets only a reaction to acetylcysteine through."""
    if _is_contradicted(concept):
        return Meaning(problems=_named_reaction(concept))
    problems = frozenset(problem for written in concept.written for problem in names.problems_named(written))
    is_coded_reaction = concept.is_excluded and problems == {Problem.NAC_REACTION}
    poisoning = next((found for written in concept.written if (found := _named_poisoning(written))), None)
    return Meaning(
        poisoning=poisoning,
        problems=problems,
        severity=names.severity_named(concept.all_text),
        grade=names.grade_named(concept.all_text),
        by_name=poisoning is not None or (bool(problems) and not is_coded_reaction),
    )


def _named_poisoning(written: str) -> Poisoning | None:
    present = names.current(written)
    if names.names_acetaminophen_poisoning(present):
        kind = ExposureKind.POISONING
    elif names.names_unstated_overdose(present):
        kind = ExposureKind.GENERIC_OVERDOSE
    else:
        return None
    return Poisoning(kind, names.intent_named(present), names.says_repeated(present), delaying_effects(present))


def reasons_of(concept: Concept) -> frozenset[Problem]:
    """Why a drug was ordered, by codes and by words; poisoning of any kind counts as acetaminophen toxicity."""
    meaning = meaning_of(concept)
    coded = {Problem.MUCOLYTIC_USE for term in concept.terms if term.concept == "bronchiectasis"}
    if meaning.poisoning is not None:
        coded.add(Problem.ACETAMINOPHEN_TOXICITY)
    named = frozenset().union(*(names.reasons_named(written) for written in concept.written))
    return meaning.problems | coded | named
