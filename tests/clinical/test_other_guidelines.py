"""Where the other profiles conclude otherwise, and that judging again is skipped only when it cannot matter."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.clinical.assess import conclusion
from cds_service.clinical.facts import NacSource, Problem
from cds_service.clinical.other_guidelines import differing
from cds_service.clinical.profiles import PROFILES, US_2023
from tests.clinical.facts_builders import (
    NOW,
    Fact,
    alt,
    assessed,
    ast,
    chart,
    has,
    inr,
    level,
    nac,
    overdose,
    took,
)

NORMAL = (alt(20), ast(20))
CHARTS = [
    pytest.param((overdose(9), level(60), *NORMAL), {"uk-2012": "indicated"}, id="between-the-lines"),
    pytest.param((overdose(9), level(80), *NORMAL), {}, id="above-both-lines"),
    pytest.param((overdose(9), level(40), *NORMAL), {}, id="below-both-lines"),
    pytest.param((overdose(9), level(50), *NORMAL), {"uk-2012": "indicated"}, id="on-the-100-line"),
    pytest.param((overdose(None), level(25), *NORMAL), {"aga-2017": "consider"}, id="unknown-time"),
    pytest.param((took(6, 9), took(6, 6), overdose(9), level(20), *NORMAL), {"uk-2012": "indicated"}, id="staggered"),
    pytest.param(
        (took(12, 9, is_extended_release=True), overdose(9), level(40), *NORMAL),
        {"anz-2019": "indicated", "aga-2017": "consider"},
        id="extended-release",
    ),
    pytest.param((overdose(9), level(20), alt(45), ast(20)), {"anz-2019": "not-indicated"}, id="alt-45"),
    pytest.param(
        (inr(2.5), has(Problem.ENCEPHALOPATHY), has(Problem.OTHER_LIVER_CAUSE), level(0)),
        {"aga-2017": "caution"},
        id="failure-of-another-cause",
    ),
    pytest.param((took(6, 9), took(6, 6), overdose(9), level(200), *NORMAL), {}, id="staggered-above-every-line"),
    pytest.param((overdose(9),), {}, id="no-level"),
    pytest.param((overdose(2),), {}, id="too-early"),
    pytest.param((level(3), *NORMAL), {}, id="outside-the-population"),
    pytest.param((overdose(9), level(60), nac(NacSource.ADMINISTRATION, "in-progress")), {}, id="running"),
]


@pytest.mark.parametrize(("facts", "expected"), CHARTS)
def test_differences(facts: tuple[Fact, ...], expected: dict[str, str]) -> None:
    found = differing(assessed(*facts))
    assert {d.profile.name: d.category.value for d in found} == expected
    assert all(d.because for d in found)


@pytest.mark.parametrize(
    ("changes", "facts", "expected"),
    [
        pytest.param({"detectable_mg_l": 12.0}, (overdose(None), level(11), *NORMAL), 3, id="detectable"),
        pytest.param({"context_free_level_mg_l": 30.0}, (level(25), *NORMAL), 0, id="outside-for-this-site"),
    ],
)
def test_a_site_profile_is_compared_too(changes: dict[str, float], facts: tuple[Fact, ...], expected: int) -> None:
    site = replace(US_2023, name="our-site", **changes)  # type: ignore[arg-type]
    found = [d for d in differing(assessed(*facts, profile=site)) if d.category.value in {"indicated", "not-indicated"}]
    assert len(found) == expected


@pytest.mark.parametrize(("facts", "_expected"), CHARTS[:-1])
@pytest.mark.parametrize("own", PROFILES.values(), ids=lambda p: p.name)
def test_nothing_is_skipped_that_would_differ(facts: tuple[Fact, ...], _expected: object, own: object) -> None:
    assert own in PROFILES.values()
    profile = next(p for p in PROFILES.values() if p is own)
    assessment = assessed(*facts, profile=profile)
    others = {p.name: conclusion(chart(*facts), p, NOW)[0] for p in PROFILES.values() if p is not profile}
    different = {n for n, c in others.items() if c is not None and c is not assessment.category}
    assert {d.profile.name for d in differing(assessment)} == (different if assessment.category else set())
