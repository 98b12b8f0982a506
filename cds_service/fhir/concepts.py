"""Reading a CodeableConcept: which known terms it holds, and what is written beside them.

Pure. Knows codings and texts; must not know what a resource does with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any, TypeVar

from cds_service.fhir.codes import Code, Term, code_from_text, term_of
from cds_service.fhir.reading import elements, text

if TYPE_CHECKING:
    from collections.abc import Callable

_R = TypeVar("_R")
_Key = tuple[tuple[str, str, str], ...]
# What is read once and kept is bounded in number and in size, whatever is sent.
_MOST_KEPT = 16
_LONGEST_PART = 600


@dataclass(frozen=True, slots=True, eq=False)
class Concept:
    """A concept as charted; equal only to itself, for the same concept is read once.

    `terms`: what the terminology table says of its codes. `codes`: every code of a known system and valid
    shape. `own_text`: what a person wrote (`text`). `written`: that and the codings' displays.
    `bare`: codes given without a usable system, which name nothing. `charted_code`: its first code as charted,
    "system|code", known or not. `is_kept`: whether it is small enough to be kept beyond a call.
    """

    terms: tuple[Term, ...] = ()
    codes: tuple[Code, ...] = ()
    own_text: str | None = None
    written: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    charted_code: str | None = None
    is_kept: bool = True

    @property
    def name(self) -> str:
        """What to call it on a card: the text, else a display, else a code, else "unnamed"."""
        if self.written:
            return self.written[0]
        return self.codes[0].code if self.codes else next(iter(self.bare), "unnamed")

    @property
    def is_empty(self) -> bool:
        """Whether neither a code nor a word is there."""
        return not (self.codes or self.written or self.bare)

    @property
    def all_text(self) -> str:
        """Everything written, as one text."""
        return " | ".join(self.written)

    def of_kind(self, *kinds: str) -> tuple[Term, ...]:
        """The terms of these kinds."""
        return tuple(term for term in self.terms if term.kind in kinds)

    @property
    def is_excluded(self) -> bool:
        """Whether one of its codes says that it is not what its name may suggest."""
        return any(term.kind == "exclude" for term in self.terms)


EMPTY = Concept()


def concept_from(value: Any) -> Concept:
    """The concept in a CodeableConcept; a lone Coding or a plain text is taken for one."""
    if not isinstance(value, dict):
        return _concept((), text(value))
    codings = value.get("coding")
    if codings is None and "code" in value:
        codings = value
    keys = tuple([_coding_key(coding) for coding in elements(codings)])
    own_text = text(value.get("text"))
    return _concept(keys, own_text) if len(keys) <= _MOST_KEPT else _concept.__wrapped__(keys, own_text)


def _coding_key(coding: dict[str, Any]) -> tuple[str, str, str]:
    system, code, display = coding.get("system"), coding.get("code"), coding.get("display")
    # No code, system or display that means anything is longer than what is kept.
    return (
        system[:_LONGEST_PART] if isinstance(system, str) else "",
        code[:_LONGEST_PART] if isinstance(code, str) else "",
        display[:_LONGEST_PART] if isinstance(display, str) else "",
    )


@lru_cache(maxsize=4096)
def _concept(codings: _Key, own_text: str | None) -> Concept:
    read = [
        (code, written_code) for system, written_code, _ in codings for code in (code_from_text(system, written_code),)
    ]
    codes = tuple(dict.fromkeys(code for code, _ in read if code is not None))
    bare = tuple(dict.fromkeys(stripped for code, written in read if code is None and (stripped := written.strip())))
    displays = (text(display) for *_, display in codings)
    written = tuple(dict.fromkeys(piece for piece in (own_text, *displays) if piece))
    terms = tuple(dict.fromkeys(term for term in map(term_of, codes) if term is not None))
    charted = next((f"{system}|{code}" for system, code, _ in codings if code), None)
    return Concept(terms, codes, own_text, written, bare, charted, len(codings) <= _MOST_KEPT)


def once_for_each(reading: Callable[[Concept], _R]) -> Callable[[Concept], _R]:
    """A function of a concept that is worked out once for each that is kept."""
    kept = lru_cache(maxsize=4096)(reading)

    @wraps(reading)
    def read(concept: Concept) -> _R:
        return kept(concept) if concept.is_kept else reading(concept)

    return read


def concepts_from(value: Any) -> tuple[Concept, ...]:
    """The concepts in a list of CodeableConcepts; a lone one or a plain text stands for a list of one."""
    items = value if isinstance(value, list) else [value]
    found = (concept_from(item) for item in items)
    return tuple(concept for concept in found if not concept.is_empty)


def words_of(value: Any) -> frozenset[str]:
    """The codes and the text of concepts that hold a status or a category, in lower case, systems ignored."""
    words: set[str] = set()
    for concept in concepts_from(value):
        words.update(code.code.casefold() for code in concept.codes)
        words.update(code.casefold() for code in concept.bare)
        words.update(written.casefold() for written in concept.written)
    return frozenset(words)
