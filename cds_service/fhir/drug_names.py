"""Recognising drugs and routes by their written names, where codes are local or absent.

Pure text: knows spellings seen in charts. What is recognised here was named, not coded. Must not know resources.
"""

from __future__ import annotations

import re
from functools import lru_cache

from cds_service.clinical.facts import Route
from cds_service.fhir.wording import words

ACETAMINOPHEN = words(
    "acetaminophen[a-z]*", "paracetamol[a-z]*", "acetaminofen[a-z]*", "apap", "n-acetyl-p(?:ara)?-aminophenol",
    "tylenol", "panadol(?: osteo)?", "percocet", "vicodin", "norco", "lortab", "xartemis", "endocet", "roxicet",
    "ultracet", "excedrin", "nyquil", "dayquil", "co-?codamol", "co-?dydramol", "mapap", "ofirmev", "perfalgan",
    "calpol", "feverall", "fioricet", "dafalgan", "doliprane", "efferalgan", "midol",
)  # fmt: skip
ACETYLCYSTEINE = words(
    "(?:n-? ?)?acetyl-?(?:l-)?cysteine?",
    "acetilcistein[a-z]*",
    "acetadote",
    "parvolex",
    "mucomyst",
    "fluimucil",
    "cetylev",
    "nac",
)

_CHARCOAL = words(
    "(?:activated|medicinal) charcoal", "charcoal,? activated", "charcoal", "carbo (?:medicinalis|activatus)",
    "actidose[a-z-]*", "carbomix", "charcodote", "insta-?char", "liqui-?char", "norit", "carbosorb[a-z]*",
)  # fmt: skip
_OPIOID = words(
    "(?:dihydro)?codeine", "hydrocodone", "oxycodone", "tramadol", "morphine", "fentanyl", "methadone",
    "hydromorphone", "oxymorphone", "tapentadol", "buprenorphine", "meperidine", "pethidine",
    "(?:dextro)?propoxyphene", "loperamide", "opium", "diphenoxylate", "heroin", "opioids?", "opiates?", "percocet",
    "vicodin", "norco", "lortab", "xartemis", "endocet", "roxicet", "ultracet", "co-?codamol", "co-?dydramol",
    "oxycontin", "tylenol (?:#|no\\.? ?)?[1-4]", "tylenol with codeine",
)  # fmt: skip
_ANTICHOLINERGIC = words(
    "diphenhydramine", "doxylamine", "hydroxyzine", "promethazine", "chlorpheniramine", "scopolamine", "hyoscine",
    "atropine", "benz?tropine", "oxybutynin", "dicyclomine", "hyoscyamine", "amitriptyline", "nortriptyline",
    "anticholinergics?", "tylenol pm", "benadryl", "nyquil", "unisom", "cyclizine", "dimenhydrinate",
)  # fmt: skip
_EXTENDED_RELEASE = words(
    "extended[- ]release", "modified[- ]release", "sustained[- ]release", "slow[- ]release", "prolonged[- ]release",
    "er", "xr", "mr", "(?:8|12)[- ]?(?:hr|hour)s?", "arthritis(?: pain)?", "panadol osteo", "osteo",
)  # fmt: skip


@lru_cache(maxsize=4096)
def names_acetaminophen(written: str) -> bool:
    """Whether the text names acetaminophen or a product that holds it."""
    return ACETAMINOPHEN.search(written) is not None


@lru_cache(maxsize=4096)
def names_acetylcysteine(written: str) -> bool:
    """Whether the text names acetylcysteine."""
    return ACETYLCYSTEINE.search(written) is not None


def names_charcoal(written: str) -> bool:
    """Whether the text names activated charcoal."""
    return _CHARCOAL.search(written) is not None


def delaying_effects(written: str) -> frozenset[str]:
    """The effects "opioid" and "anticholinergic", as far as the text names such a drug."""
    found = {"opioid": _OPIOID, "anticholinergic": _ANTICHOLINERGIC}
    return frozenset(effect for effect, pattern in found.items() if pattern.search(written))


def names_extended_release(written: str) -> bool:
    """Whether a product's text says that it releases slowly. A strength alone (650 mg) says nothing."""
    return _EXTENDED_RELEASE.search(written) is not None


# Routes

_NOT_FOR = re.compile(r"not (?:for|intended for) [a-z ,/]*", re.IGNORECASE)
_ROUTES: tuple[tuple[Route, re.Pattern[str]], ...] = (
    (
        Route.INTRAVENOUS,
        words(r"i\.?v\.?(?:pb)?", r"ivinj[a-z]*", "intravenous(?:ly)?", "infusions?", "infuse",
              "inject(?:ion|able|ions)?",
               "acetadote", "parvolex", "ofirmev", "perfalgan"),
    ),
    (
        Route.ORAL,
        words(r"p\.?o\.?", "oral(?:ly)?", "by mouth", "mouth", "tablets?", "tabs?", "capsules?", "caps?",
              "caplets?", "pills?",
               "effervescent", "chewable", "syrup", "elixir", "sachets?", "granules", "cetylev", "nasogastric",
               "orogastric",
               "ng(?:t| tube)?", "og(?:t| tube)?", "enteral", "gastrostomy"),
    ),
    (Route.INHALED, words("inhal[a-z]*", "nebuli[sz][a-z]*", "neb", "nebs", "respiratory tract", "endotracheal",
    "mucomyst")),
    (
        Route.OTHER,
        words("ophthalmic", "eye", "topical(?:ly)?", "rectal(?:ly)?", "suppositor(?:y|ies)", "subcutaneous(?:ly)?",
               "intramuscular(?:ly)?", "nasal", "otic", "transdermal", "vaginal", "intra-?articular", "epidural",
               "sublingual"),
    ),
)  # fmt: skip


@lru_cache(maxsize=4096)
def route_named(written: str) -> Route:
    """The one route a text names; UNKNOWN when it names none or several. "Not for injection" names none."""
    found = _routes_in(written)
    return next(iter(found)) if len(found) == 1 else Route.UNKNOWN


def _routes_in(written: str) -> set[Route]:
    kept = _NOT_FOR.sub(" ", written)
    return {route for route, pattern in _ROUTES if pattern.search(kept)}


def names_several_routes(written: str) -> bool:
    """Whether the text names more than one route, so that it names none."""
    return len(_routes_in(written)) > 1
