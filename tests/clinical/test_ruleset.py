"""The hash of the rule set: the same everywhere, and another one after any change that matters."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cds_service import __version__
from cds_service.clinical.canonical import canonical
from cds_service.clinical.evidence import ALL_EVIDENCE
from cds_service.clinical.findings import Category, Overlay, Rule
from cds_service.clinical.profiles import PROFILES, US_2023, PoisonCentre, Profile, RegimenName
from cds_service.clinical.ruleset import (
    RULE_SET_HASH,
    RULE_SET_VERSION,
    SHIPPED,
    RuleSet,
    content_hash,
    profile_hash,
    ruleset_id,
)
from cds_service.clinical.thresholds import Side, Threshold

if TYPE_CHECKING:
    from cds_service.clinical.profile_keys import Key
    from cds_service.clinical.regimens import Regimen

ROOT = Path(__file__).parents[2]
FIRST = SHIPPED.indications[0]
LEVEL = SHIPPED.thresholds["HEPATOTOXICITY"]
BAGS = SHIPPED.regimens[RegimenName.THREE_BAG]


def with_rule(rule: Rule) -> RuleSet:
    return replace(SHIPPED, indications=(rule, *SHIPPED.indications[1:]))


def with_threshold(threshold: Threshold) -> RuleSet:
    return replace(SHIPPED, thresholds={**SHIPPED.thresholds, "HEPATOTOXICITY": threshold})


def with_regimen(regimen: Regimen) -> RuleSet:
    return replace(SHIPPED, regimens={**SHIPPED.regimens, RegimenName.THREE_BAG: regimen})


def with_profile(profile: Profile) -> RuleSet:
    return replace(SHIPPED, profiles={**SHIPPED.profiles, "us-2023": profile})


def with_key(key: Key) -> RuleSet:
    return replace(SHIPPED, keys=(key, *SHIPPED.keys[1:]))


CHANGES = {
    "a rule's text": with_rule(replace(FIRST, statement=FIRST.statement + ".")),
    "a rule's id": with_rule(replace(FIRST, id="A1-renamed")),
    "a rule's outcome": with_rule(replace(FIRST, category=Category.CONSIDER)),
    "a rule's overlays": with_rule(replace(FIRST, overlays=frozenset({Overlay.CONSULT}))),
    "a rule's sources": with_rule(replace(FIRST, evidence=ALL_EVIDENCE[:1] + ALL_EVIDENCE[2:3])),
    "a rule's founding statements": with_rule(replace(FIRST, statements=())),
    "a rule less": replace(SHIPPED, indications=SHIPPED.indications[1:]),
    "the order of rules": replace(SHIPPED, indications=SHIPPED.indications[::-1]),
    "a caution": replace(SHIPPED, cautions=(replace(SHIPPED.cautions[0], warns=False), *SHIPPED.cautions[1:])),
    "a review rule": replace(SHIPPED, reviews=(replace(SHIPPED.reviews[0], statement="x"), *SHIPPED.reviews[1:])),
    "an overlay": replace(SHIPPED, overlays=(replace(SHIPPED.overlays[0], overlays=()), *SHIPPED.overlays[1:])),
    "a threshold's value": with_threshold(replace(LEVEL, value=1000.0001)),
    "a threshold's unit": with_threshold(replace(LEVEL, unit="ukat/L")),
    "a threshold's side": with_threshold(replace(LEVEL, side=Side.AT_LEAST)),
    "a threshold's place in its source": with_threshold(replace(LEVEL, locator="elsewhere")),
    "a threshold's review": with_threshold(replace(LEVEL, reviewed=LEVEL.reviewed.replace(year=2030))),
    "a grade of evidence": replace(SHIPPED, evidence=(replace(ALL_EVIDENCE[0], strength="weak"), *ALL_EVIDENCE[1:])),
    "a dose": with_regimen(replace(BAGS, recipes=(replace(BAGS.recipes[0], mg_per_kg=151), *BAGS.recipes[1:]))),
    "a weight cap": with_regimen(replace(BAGS, cap_kg=110)),
    "the concentrate": replace(SHIPPED, concentrate_mg_ml=100),
    "a shipped profile": with_profile(replace(US_2023, rsi_level_mg_l=10)),
    "what a key may hold": with_key(replace(SHIPPED.keys[0], one_of=(100, 150))),
}

# field of a profile -> another value it could hold
OTHER_VALUES: dict[str, object] = {
    "name": "st-elsewhere",
    "title": "St Elsewhere",
    "source": ALL_EVIDENCE[0],
    "poison_centre": PoisonCentre("Regional poison centre", "555-0100"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_of_the_tables_is_another_rule_set(change: str) -> None:
    assert content_hash(CHANGES[change]) != RULE_SET_HASH


@pytest.mark.parametrize("field", [field.name for field in fields(Profile)])
def test_any_key_of_a_profile_changes_its_hash(field: str) -> None:
    value = getattr(US_2023, field)
    kind = type(value)
    number = isinstance(value, (int, float))
    other = OTHER_VALUES.get(field) or (value + 1 if number else next((m for m in kind if m is not value), "another"))
    changed: dict[str, Any] = {field: other}
    assert profile_hash(replace(US_2023, **changed)) != profile_hash(US_2023)


def test_every_table_is_in_the_hash() -> None:
    emptied = {field.name: type(getattr(SHIPPED, field.name))() for field in fields(RuleSet)}
    hashes = {content_hash(replace(SHIPPED, **{name: empty})) for name, empty in emptied.items()}
    assert len(hashes) == len(emptied)
    assert RULE_SET_HASH not in hashes


def test_the_same_number_written_otherwise_is_the_same() -> None:
    assert with_threshold(replace(LEVEL, value=1000.0)) == SHIPPED
    assert content_hash(with_threshold(replace(LEVEL, value=float(LEVEL.value)))) == RULE_SET_HASH
    assert profile_hash(replace(US_2023, treatment_line_mg_l=150.0)) == profile_hash(US_2023)


def test_it_is_the_same_in_every_process() -> None:
    show = "from cds_service.clinical.ruleset import RULE_SET_HASH; print(RULE_SET_HASH)"
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", show],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == RULE_SET_HASH


def test_the_identity_names_release_rules_and_profile() -> None:
    assert f"{__version__}+{RULE_SET_HASH[:8]}" == RULE_SET_VERSION
    assert {ruleset_id(profile) for profile in PROFILES.values()} == {
        f"{RULE_SET_VERSION}.{name}.{profile_hash(profile)[:8]}" for name, profile in PROFILES.items()
    }


def test_what_has_no_spelling_is_refused() -> None:
    with pytest.raises(TypeError, match="no spelling for object"):
        canonical(object())


@pytest.mark.parametrize(
    ("one", "other"),
    [("ab", ("a", "b")), (1, True), (0, None), ("1", 1), (("a", "bc"), ("ab", "c")), (Category.CAUTION, "caution")],
)
def test_different_values_have_different_spellings(one: object, other: object) -> None:
    assert canonical(one) != canonical(other)
