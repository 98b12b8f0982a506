"""Recognising problems by their written names, and the words that turn an entry into its opposite or its past.

Pure text. What is recognised here was named, not coded, so that callers also report it as an unmapped code.
Must not know resources.
"""

from __future__ import annotations

import re
from functools import lru_cache

from cds_service.clinical.facts import Intent, Problem, Severity
from cds_service.fhir.drug_names import names_acetaminophen, names_acetylcysteine
from cds_service.fhir.wording import words

_OVERDOSE = words(
    "overdos(?:e|es|ed|ing|age)", "over-dos(?:e|ed|ing)", "od", "poison(?:ing|ed|ings)?", "self-?poison(?:ing|ed)?",
    "toxic(?:ity|osis)?", "intoxication", "ingest(?:ion|ions|ed)", "supratherapeutic", "hepatotoxic(?:ity)?", "rsi",
)  # fmt: skip
_GENERIC_OVERDOSE = re.compile(
    r"\W*(?:(?:acute|intentional|unintentional|accidental|deliberate|suspected|possible|probable|polysubstance|multiple|multi-?drugs?"
    r"|mixed|unknown|unspecified|undetermined|drugs?|medications?|medicines?|pills?|tablets?|analgesics?|substances?|polydrug|self"
    r"|toxic|attempted|suicid\w*|attempt|by|with|of|an?|in|status|post|s/p)[\s,/()-]+)*"
    r"(?:overdos(?:e|age)|od|self-?poisoning|poisoning|ingestion)"
    r"(?:[\s,/()-]+(?:of|with|by|an?|unknown|unspecified|undetermined|drugs?|medications?|medicines?|pills?|tablets?|analgesics?"
    r"|substances?|intentional|accidental|deliberate|suspected|possible|multiple|self-?harm|intent|suicide|attempt))*\W*",
    re.IGNORECASE,
)
_NEGATED = words(
    "no (?:[a-z]+ )?(?:evidence|sign|signs|suspicion|history|known)", "no",
    "not (?:an?|due|acute|overdose|poisoning|taken|ingested|pregnant)", "den(?:y|ies|ied)", "negative for", "ruled out",
    "unlikely", "refuted", "without", "at risk", "risk (?:of|for)", "family history", "fh(?:x| of)?", "fear of",
    "prevention", "education", "counsell?ing", "screening", "allerg(?:y|ic)", "adverse effect", "underdos[a-z]*",
)  # fmt: skip
_PAST = words(
    "history of(?! present)", "h/o", "hx(?: of)?", "pmh(?:x)?", "past(?! (?:[0-9]|few|several|hour|day|night))",
    "previous(?:ly)?", "prior(?! to)", "remote", "resolved", "sequelae?", "subsequent encounter",
    "in childhood", "years? ago",
)  # fmt: skip


_CLAUSE_END = re.compile(r"[;,.()]| [-\u2013\u2014] |\bbut\b", re.IGNORECASE)
_CONTENT = re.compile(r"[A-Za-z]{3,}")


def affirmed(written: str) -> str:
    """The text without what it says is "not so", "another's" or "only feared"; empty when that is all of it."""
    return _without(written, _NEGATED)


def current(written: str) -> str:
    """What the text affirms of the present: `affirmed` without what it says of the past."""
    return _without(affirmed(written), _PAST)


def _without(written: str, marker: re.Pattern[str]) -> str:
    """The text without what its markers reach: a clause that is nothing but a marker reaches the whole text."""
    if marker.search(written) is None:
        return written
    clauses = [_out_of_reach(clause, marker) for clause in _CLAUSE_END.split(written)]
    return "" if None in clauses else ", ".join(clause for clause in clauses if clause)


def _out_of_reach(clause: str, marker: re.Pattern[str]) -> str | None:
    """A clause without what its marker reaches: what follows it ("denies pain"), or else what precedes it.

    None when there is nothing but the marker.
    """
    found = marker.search(clause)
    if found is None:
        return clause.strip()
    before, after = clause[: found.start()].strip(), marker.sub(" ", clause[found.start() :])
    if _CONTENT.search(after):
        return before
    return "" if _CONTENT.search(before) else None


def names_acetaminophen_poisoning(written: str) -> bool:
    """Whether the text names both acetaminophen and an overdose, and is not about the antidote's own effects."""
    return names_acetaminophen(written) and _OVERDOSE.search(written) is not None


def names_unstated_overdose(written: str) -> bool:
    """Whether the whole text is an overdose of a drug it does not name."""
    return _GENERIC_OVERDOSE.fullmatch(written) is not None


_REPEATED = words("supra-?therapeutic", "rsi", "chronic", "repeated", "staggered over (?:several )?days")
_INTENTS: tuple[tuple[Intent, re.Pattern[str]], ...] = (
    (
        Intent.ACCIDENTAL,
        words("accident(?:al|ally)?", "unintentional(?:ly)?", "inadvertent(?:ly)?", "therapeutic misadventure"),
    ),
    (
        Intent.SELF_HARM,
        words("intentional(?:ly)?", "deliberate(?:ly)?", "suicid[a-z]*", "self-?[ -]?harm", "self-?[ -]?poison[a-z]*"),
    ),
    (Intent.UNDETERMINED, words("undetermined")),
)


def says_repeated(written: str) -> bool:
    """Whether an acetaminophen entry tells of repeated supratherapeutic ingestion."""
    return _REPEATED.search(written) is not None


def intent_named(written: str) -> Intent:
    """The one intent a text names; UNKNOWN when it names none or several."""
    found = [intent for intent, pattern in _INTENTS if pattern.search(written)]
    return found[0] if len(found) == 1 else Intent.UNKNOWN


_CHRONIC = frozenset(
    {
        Problem.COPD,
        Problem.COPD_EXACERBATION,
        Problem.CHRONIC_BRONCHITIS,
        Problem.CYSTIC_FIBROSIS,
        Problem.ASTHMA,
        Problem.CIRRHOSIS,
        Problem.NAC_REACTION,
        Problem.DIALYSIS,
        Problem.FLUID_RESTRICTION,
    }
)
"""Problems that a text in the past tense ("history of COPD") still tells of."""

_PROBLEMS: dict[Problem, re.Pattern[str]] = {
    Problem.ACUTE_LIVER_FAILURE: words(
        "acute (?:liver|hepatic) failure",
        "fulminant (?:liver failure|hepatic failure|hepatitis)",
        "alf",
    ),
    Problem.ENCEPHALOPATHY: words(
        "hepatic (?:encephalopathy|coma)",
        "(?:portosystemic|liver) encephalopathy",
    ),
    Problem.CIRRHOSIS: words("cirrhosis"),
    Problem.RIGHT_UPPER_QUADRANT_PAIN: words(
        "(?:right[- ]upper[- ]quadrant|ruq) (?:abdominal )?(?:pain|tenderness)",
        "(?:pain|tenderness)(?: in)?(?: the)? (?:right[- ]upper[- ]quadrant|ruq)",
    ),
    Problem.JAUNDICE: words("(?<!neonatal )jaundice(?! (?:of|in) (?:the )?newborn)", "icterus"),
    Problem.PERSISTENT_VOMITING: words(
        "(?:persistent|intractable|protracted) (?:nausea and )?vomiting",
        "vomiting,? ?(?:persistent|intractable|protracted)",
    ),
    Problem.COPD_EXACERBATION: words(
        "exacerbations? of (?:copd|chronic obstructive[a-z ]*)",
        r"copd (?:with )?(?:\(?acute\)? )?exacerbations?",
        r"chronic obstructive (?:pulmonary|lung|airways?) disease with \(?acute\)? exacerbation",
        "aecopd",
    ),
    Problem.COPD: words("copd", "aecopd", "chronic obstructive (?:pulmonary|lung|airways?) disease", "emphysema"),
    Problem.CHRONIC_BRONCHITIS: words("chronic bronchitis"),
    Problem.CYSTIC_FIBROSIS: words("cystic fibrosis", "mucoviscidosis", "cf"),
    Problem.CONTRAST_PROPHYLAXIS: words(
        "contrast[- ](?:induced|associated|media)[a-z -]* (?:nephropathy|nephrotoxicity|aki|acute kidney injury)",
        "contrast (?:nephropathy|nephrotoxicity|prophylaxis)",
    ),
    Problem.ASTHMA: words("asthma", "asthmatic"),
    Problem.PREGNANCY: words("pregnant(?: state)?", "intrauterine pregnancy", "(?:normal |current )?pregnancy"),
    Problem.SELF_HARM: words("suicid(?:e|al)", "self-?[ -]?harm", "self-?[ -]?injur[a-z]*"),
    Problem.DIALYSIS: words("(?:hemo|haemo)?dialysis"),
    Problem.ALTERED_MENTAL_STATUS: words(
        "altered (?:mental status|level of consciousness)",
        "reduced (?:level of )?consciousness",
        "obtunded",
        "(?:acute )?confusion(?:al state)?",
        "confused",
        "somnolen(?:t|ce)",
        "stupor",
        "drows(?:y|iness)",
        "delirium",
        "coma(?:tose)?",
    ),
    Problem.FLUID_RESTRICTION: words(
        "(?:congestive )?(?:heart|cardiac) failure",
        "chf",
        "hf[rp]ef",
        "fluid restrict(?:ion|ed)",
        "restricted fluid intake",
    ),
}
_USES: dict[Problem, re.Pattern[str]] = {
    Problem.MUCOLYTIC_USE: words(
        "mucoly(?:tic|sis)[a-z]*",
        "mucus",
        "secretions",
        "(?:thick|tenacious|viscid) sputum",
        "bronchiectasis",
        "expectorant",
    ),
    Problem.CONTRAST_PROPHYLAXIS: words("(?:iodinated |radio)?contrast", "cin prophylaxis", "ci-?aki"),
}
"""Why a drug is ordered, where that is a use and not a disease."""

_REACTION = words(
    "allerg[a-z]*",
    "anaphyla[a-z]*",
    "reactions?",
    "hypersensitiv[a-z]*",
    "intoleran[a-z]*",
    "angio-?o?edema",
    "adverse [a-z]+",
    "urticaria",
    "rash",
    "bronchospasm",
)
_NO_REACTION = words("no", "not", "den(?:y|ies|ied)", "without", "ruled out", "family history")


def names_allergy_to_acetylcysteine(written: str) -> bool:
    """Whether an allergy entry's text names acetylcysteine and does not deny it."""
    return names_acetylcysteine(written) and _NO_REACTION.search(written) is None


@lru_cache(maxsize=4096)
def problems_named(written: str) -> frozenset[Problem]:
    """The problems a text names as present. Acute ones in the past tense are not; chronic ones remain."""
    if names_acetylcysteine(written) and _REACTION.search(written):
        return frozenset() if _NO_REACTION.search(written) else frozenset({Problem.NAC_REACTION})
    present, ever = _found_in(current(written)), _found_in(affirmed(written))
    return frozenset(present | (ever & _CHRONIC))


def _found_in(written: str) -> set[Problem]:
    return {problem for problem, pattern in _PROBLEMS.items() if pattern.search(written)}


@lru_cache(maxsize=1024)
def reasons_named(written: str) -> frozenset[Problem]:
    """Why a drug is ordered, as far as a text says; a use ("mucolytic") counts as well as a disease."""
    kept = affirmed(written)
    found = _found_in(kept) | {problem for problem, pattern in _USES.items() if pattern.search(written)}
    if names_acetaminophen_poisoning(kept) or names_unstated_overdose(kept):
        found.add(Problem.ACETAMINOPHEN_TOXICITY)
    return frozenset(found)


_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4}
_GRADE = re.compile(
    r"(?:grade|stage|west[- ]haven|wh)\W*(?:grade|stage|criteria)?\W*(?P<low>iv|iii|ii|i|[1-4])"
    r"(?:\s*(?:-|\u2013|to|/|or)\s*(?P<high>iv|iii|ii|i|[1-4]))?(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_GOLD = re.compile(r"gold\W*(?:stage|grade)?\W*(iv|iii|ii|i|[1-4])(?![A-Za-z0-9])", re.IGNORECASE)
_SEVERITIES = (
    (words("severe", "end[- ]stage"), Severity.SEVERE),
    (words("moderate"), Severity.MODERATE),
    (words("mild"), Severity.MILD),
)
_GOLD_SEVERITY = {1: Severity.MILD, 2: Severity.MODERATE, 3: Severity.SEVERE, 4: Severity.SEVERE}


def grade_named(written: str) -> int | None:
    """The West Haven grade (1-4) a text gives; of a range ("2-3") the higher."""
    found = _GRADE.search(written)
    if found is None:
        return None
    grades = [_arabic(found[group]) for group in ("low", "high") if found[group]]
    return max(grades)


def _arabic(written: str) -> int:
    return _ROMAN.get(written.casefold()) or int(written)


def severity_named(written: str) -> Severity | None:
    """The severity of COPD a text gives, in words or as a GOLD stage (not the GOLD group letter)."""
    gold = _GOLD.search(written)
    if gold is not None:
        return _GOLD_SEVERITY[_arabic(gold[1])]
    return next((severity for pattern, severity in _SEVERITIES if pattern.search(written)), None)
