"""Codes as types that refuse, and the terminology table as typed lookups.

Knows code systems and `terminology.csv` (concept, system, code, display, kind, confidence, note), keyed on
concept + system + code: the same digits in another system mean something else (161 is acetaminophen in
RxNorm and an influenza vaccine in CVX). Must not know resources. Rows of kind "wrong" and "gap" never
match; rows of kind "exclude" are recognised, so that they are neither used nor reported as unmapped.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class CodeError(ValueError):
    """The code has a shape its system does not allow, or its system is not one of ours."""


class System(StrEnum):
    """The code systems the table uses, by canonical address."""

    LOINC = "http://loinc.org"
    SNOMED_CT = "http://snomed.info/sct"
    ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
    ICD_10 = "http://hl7.org/fhir/sid/icd-10"
    RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
    ATC = "http://www.whocc.no/atc"
    NDC = "http://hl7.org/fhir/sid/ndc"
    UNII = "http://fdasis.nlm.nih.gov"
    HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
    V3_ROUTE = "http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration"


_SYNONYMS: dict[str, System] = {system.value: system for system in System} | {
    "https://loinc.org": System.LOINC,
    "urn:oid:2.16.840.1.113883.6.1": System.LOINC,
    "urn:oid:2.16.840.1.113883.6.96": System.SNOMED_CT,
    "https://snomed.info/sct": System.SNOMED_CT,
    "urn:oid:2.16.840.1.113883.6.90": System.ICD_10_CM,
    "https://hl7.org/fhir/sid/icd-10-cm": System.ICD_10_CM,
    "urn:oid:2.16.840.1.113883.6.3": System.ICD_10,
    "http://hl7.org/fhir/sid/icd-10-gm": System.ICD_10,
    "http://fhir.de/CodeSystem/bfarm/icd-10-gm": System.ICD_10,
    "http://hl7.org/fhir/sid/icd-10-am": System.ICD_10,
    "http://hl7.org/fhir/sid/icd-10-uk": System.ICD_10,
    "http://id.who.int/icd/release/10": System.ICD_10,
    "urn:oid:2.16.840.1.113883.6.88": System.RXNORM,
    "https://www.nlm.nih.gov/research/umls/rxnorm": System.RXNORM,
    "http://www.whocc.no/atc/": System.ATC,
    "https://www.whocc.no/atc": System.ATC,
    "http://whocc.no/atc": System.ATC,
    "whocc": System.ATC,
    "urn:oid:2.16.840.1.113883.6.73": System.ATC,
    "urn:oid:2.16.840.1.113883.6.69": System.NDC,
    "http://fdasis.nlm.nih.gov/": System.UNII,
    "urn:oid:2.16.840.1.113883.4.9": System.UNII,
    "urn:oid:2.16.840.1.113883.6.285": System.HCPCS,
    "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": System.HCPCS,
    "http://hl7.org/fhir/v3/RouteOfAdministration": System.V3_ROUTE,
    "urn:oid:2.16.840.1.113883.5.112": System.V3_ROUTE,
}

_ICD = re.compile(r"[A-Z][0-9][0-9A-Z](?:\.[0-9A-Z]{1,4})?", re.ASCII)
_SHAPES: dict[System, re.Pattern[str]] = {
    System.LOINC: re.compile(r"[0-9]{1,7}-[0-9]", re.ASCII),
    System.SNOMED_CT: re.compile(r"[1-9][0-9]{5,17}", re.ASCII),
    System.ICD_10_CM: _ICD,
    System.ICD_10: _ICD,
    System.RXNORM: re.compile(r"[1-9][0-9]{0,8}", re.ASCII),
    System.ATC: re.compile(r"[A-Z](?:[0-9]{2}(?:[A-Z](?:[A-Z](?:[0-9]{2})?)?)?)?", re.ASCII),
    System.NDC: re.compile(r"[0-9]{5}-[0-9]{4}", re.ASCII),
    System.UNII: re.compile(r"[0-9A-Z]{10}", re.ASCII),
    System.HCPCS: re.compile(r"[A-Z][0-9]{4}", re.ASCII),
    System.V3_ROUTE: re.compile(r"[A-Z]+", re.ASCII),
}

# Verhoeff's dihedral multiplication and permutation, as SNOMED International publishes them.
_DIHEDRAL = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PERMUTED = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


# A deprecated INR code that was issued and is still sent, although its check digit should be 8.
_ISSUED_AGAINST_THE_RULE = frozenset({"5895-7"})


def _loinc_digits_hold(code: str) -> bool:
    """Modulus-10 check digit: digits in odd places from the right, doubled as one number, plus the rest."""
    if code in _ISSUED_AGAINST_THE_RULE:
        return True
    body, _, check = code.partition("-")
    odd = body[::-2]
    total = sum(int(digit) for digit in str(int(odd) * 2)) + sum(int(digit) for digit in body[-2::-2])
    return -total % 10 == int(check)


def _verhoeff_holds(code: str) -> bool:
    """The SNOMED CT identifier's check digit."""
    state = 0
    for place, digit in enumerate(reversed(code)):
        state = int(_DIHEDRAL[state][int(_PERMUTED[place % 8][int(digit)])])
    return state == 0


_CHECKS = {System.LOINC: _loinc_digits_hold, System.SNOMED_CT: _verhoeff_holds}


@dataclass(frozen=True, slots=True, order=True)
class Code:
    """A code of a known system, of a possible shape, with its check digit verified. Refuses with `CodeError`."""

    system: System
    code: str

    def __post_init__(self) -> None:
        """Refuse what cannot be a code of this system."""
        if _SHAPES[self.system].fullmatch(self.code) is None:
            msg = f"{self.code!r} is not a {self.system.name} code"
            raise CodeError(msg)
        check = _CHECKS.get(self.system)
        if check is not None and not check(self.code):
            msg = f"{self.code!r} has a wrong check digit for {self.system.name}"
            raise CodeError(msg)


def system_from_uri(uri: str) -> System | None:
    """The system an address or OID means, versioned SNOMED CT addresses included; None when not ours."""
    known = _SYNONYMS.get(uri)
    if known is None and uri.startswith("http://snomed.info/sct/"):
        return System.SNOMED_CT
    return known


@lru_cache(maxsize=16384)
def code_from_text(uri: str, code: str) -> Code | None:
    """The code in its canonical spelling (ICD with its dot, NDC as 5-4); None when refused or of a foreign system."""
    system = system_from_uri(uri.strip())
    if system is None:
        return None
    try:
        return Code(system, _canonical(system, code.strip()))
    except CodeError:
        return None


def _canonical(system: System, code: str) -> str:
    if system in {System.ICD_10_CM, System.ICD_10}:
        bare = code.upper().replace(".", "")
        return f"{bare[:3]}.{bare[3:]}" if len(bare) > 3 else bare  # noqa: PLR2004 -- the dot follows the category
    if system is System.NDC:
        return _product_ndc(code)
    return code if system is System.SNOMED_CT else code.upper()


def _product_ndc(code: str) -> str:
    """Labeler and product of an NDC, padded to 5-4; ten digits without hyphens are ambiguous and stay as they are."""
    segments = code.split("-")
    if len(segments) in {2, 3}:
        return f"{segments[0].zfill(5)}-{segments[1].zfill(4)}"
    return f"{code[:5]}-{code[5:9]}" if len(code) == 11 else code  # noqa: PLR2004 -- digits of a full NDC


@dataclass(frozen=True, slots=True)
class Term:
    """A row of the table that matches: its concept, its kind, and further tags such as "opioid"."""

    concept: str
    kind: str
    tags: frozenset[str]
    display: str


@dataclass(frozen=True, slots=True)
class _Table:
    exact: dict[Code, Term]
    prefixes: tuple[tuple[Code, Term], ...]
    codes_by_concept: dict[str, tuple[Code, ...]]


_NEVER_MATCHED = frozenset({"wrong", "gap"})
_PREFIX_KINDS = frozenset({"prefix", "drug-prefix"})


def _rows() -> Iterator[dict[str, str]]:
    written = files("cds_service.fhir").joinpath("terminology.csv").read_text(encoding="utf-8")
    yield from csv.DictReader(io.StringIO(written))


def _loaded() -> _Table:
    exact: dict[Code, Term] = {}
    prefixes: list[tuple[Code, Term]] = []
    by_concept: defaultdict[str, list[Code]] = defaultdict(list)
    for row in _rows():
        kind, *tags = row["kind"].split()
        if kind in _NEVER_MATCHED:
            continue
        code = Code(System(row["system"]), _canonical(System(row["system"]), row["code"]))
        term = Term(row["concept"], kind.removesuffix("-prefix"), frozenset(tags), row["display"])
        if kind in _PREFIX_KINDS:
            prefixes.append(
                (code, Term(term.concept, "condition" if kind == "prefix" else "drug", term.tags, term.display))
            )
        else:
            exact[code] = term
        by_concept[term.concept].append(code)
    prefixes.sort(key=lambda row: -len(row[0].code))
    return _Table(exact, tuple(prefixes), {concept: tuple(codes) for concept, codes in by_concept.items()})


_TABLE = _loaded()


def loinc(code: str) -> tuple[str, str, str]:
    """System, code and display of a LOINC code of the table. Raises KeyError for one that is not in it."""
    known = Code(System.LOINC, code)
    return known.system.value, known.code, _TABLE.exact[known].display


def known_codes() -> int:
    """How many codes, and prefixes of codes, the table knows."""
    return len(_TABLE.exact) + len(_TABLE.prefixes)


@lru_cache(maxsize=16384)
def term_of(code: Code) -> Term | None:
    """What the table says of a code: its own row, else its T39.1X pattern, else the longest prefix row.

    WHO ICD-10 categories mean what the ICD-10-CM codes of the same characters mean; the reverse does not hold.
    """
    term = _TABLE.exact.get(code) or _poisoning_term(code) or _prefix_term(code)
    if term is None and code.system is System.ICD_10:
        return term_of(Code(System.ICD_10_CM, code.code))
    return term


def _prefix_term(code: Code) -> Term | None:
    for prefix, term in _TABLE.prefixes:
        if prefix.system is code.system and code.code.startswith(prefix.code):
            return term
    return None


def codes_of(concept: str, kind: str | None = None) -> tuple[Code, ...]:
    """The codes of a concept (of one kind); an unknown concept is a `KeyError`."""
    codes = _TABLE.codes_by_concept[concept]
    return tuple(code for code in codes if kind is None or _TABLE.exact[code].kind == kind)


# ICD-10 poisoning codes: T, three digits, drug, intent (1-6), encounter (A, D, S).

_INTENTS = {"1": "accidental", "2": "self-harm", "3": "assault", "4": "undetermined"}
_POISONING = re.compile(
    r"(?:(?P<acetaminophen>T39\.1)X?|(?P<unstated>T50\.9[01]|T39\.9(?=[1-6]))|(?P<opioid>T40\.[02346][X0-9]?)"
    r"|(?P<anticholinergic>T44\.3X?|T45\.0X?))(?P<intent>[1-6])?X?(?P<encounter>[A-Z])?",
    re.ASCII,
)


def _poisoning_term(code: Code) -> Term | None:
    """A poisoning by acetaminophen, an unstated drug, an opioid or an anticholinergic; "exclude" if it never counts."""
    if code.system not in {System.ICD_10_CM, System.ICD_10}:
        return None
    found = _POISONING.fullmatch(code.code)
    if found is None:
        return None
    concept = _poisoning_concept(found)
    if found["encounter"] not in {None, "A"} or found["intent"] in {"5", "6"}:
        return Term(concept, "exclude", frozenset(), code.code)
    intent = _INTENTS.get(found["intent"] or "")
    return Term(concept, "condition", frozenset({intent} if intent else ()), f"Poisoning ({code.code})")


def _poisoning_concept(found: re.Match[str]) -> str:
    if found["acetaminophen"]:
        return "acetaminophen poisoning"
    if found["unstated"]:
        return "overdose of an unstated drug"
    return "opioid poisoning" if found["opioid"] else "anticholinergic poisoning"
