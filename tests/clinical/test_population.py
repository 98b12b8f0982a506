"""Who gets any card without an order, and who is left in peace."""

from __future__ import annotations

import pytest

from cds_service.clinical.facts import DataGap, GapKind, NacSource, Problem, Route
from tests.clinical.facts_builders import (
    Fact,
    alert,
    alt,
    assessed,
    course,
    dose_time,
    given,
    has,
    inr,
    level,
    nac,
    overdose,
    took,
    unstated_overdose,
)

TWO_YEARS_H = 2 * 8766
OLD = overdose(TWO_YEARS_H, charted=TWO_YEARS_H)
UNREAD_ALT = (alt(None, reference="Observation/a"), DataGap(GapKind.UNREADABLE, "ALT", "no number", "Observation/a"))
UNKNOWN_UNIT = (alt(None, reference="Observation/a"), DataGap(GapKind.UNKNOWN_UNIT, "ALT", "no unit", "Observation/a"))
PENDING_ALT = (
    alt(None, reference="Observation/a", status="registered"),
    DataGap(GapKind.MISSING, "ALT", "no result yet", "Observation/a"),
)
BLANK_ALT = (alt(None, reference="Observation/a"), DataGap(GapKind.MISSING, "ALT", "no value", "Observation/a"))
OLD_ALT = (alt(None, 200, reference="Observation/a"), DataGap(GapKind.UNREADABLE, "ALT", "no number", "Observation/a"))
UNREAD_INR = DataGap(GapKind.UNREADABLE, "INR", "the value is not a number", "Observation/inr")
UNREAD_LIST = DataGap(GapKind.NOT_FETCHED, "medications", "medication statements could not be read")
UNKNOWN_DRUG = DataGap(GapKind.UNMAPPED_CODE, "medications", "a drug was read by its name")


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param((), id="nobody"),
        pytest.param((alt(20), inr(1.0), alert()), id="unrelated-results"),
        pytest.param((has(Problem.COPD), has(Problem.CIRRHOSIS)), id="unrelated-problems"),
        pytest.param((OLD,), id="overdose-two-years-ago"),
        pytest.param((overdose(169, charted=169),), id="overdose-eight-days-ago"),
        pytest.param((OLD, alt(300)), id="old-overdose-with-raised-alt"),
        pytest.param((course(4, (96, 1)), level(15), alt(20)), id="therapeutic-use"),
        pytest.param((course(None, 9000), level(20), alt(40)), id="therapeutic-use-at-the-limits"),
        pytest.param((took(1, 5), level(12), alt(20)), id="one-labelled-dose"),
        pytest.param((given(1, 5), given(1, 11), level(15), alt(20)), id="ward-doses"),
        pytest.param((dose_time(5),), id="a-dose-time-alone"),
        pytest.param((alt(3000),), id="injury-without-acetaminophen"),
        pytest.param((has(Problem.ENCEPHALOPATHY), inr(2.0), has(Problem.CIRRHOSIS)), id="cirrhosis"),
        pytest.param((nac(NacSource.ADMINISTRATION, "in-progress", route=Route.ORAL),), id="oral-nac"),
        pytest.param((level(30, 169),), id="level-older-than-the-episode"),
        pytest.param((DataGap(GapKind.MISSING, "weight", "no weight"),), id="a-gap-about-something-else"),
        pytest.param((level(15), UNREAD_INR), id="detectable-level-with-an-unread-inr"),
        pytest.param(UNREAD_ALT, id="unread-alt-without-acetaminophen"),
        pytest.param((level(9.9), *UNREAD_ALT), id="undetectable-level-with-an-unread-alt"),
        pytest.param((level(15), *PENDING_ALT), id="detectable-level-with-a-pending-alt"),
        pytest.param((level(15), alt(None), DataGap(GapKind.UNREADABLE, "ALT", "x", "other")), id="another-gap"),
        pytest.param((level(15), *OLD_ALT), id="detectable-level-with-an-unread-alt-of-long-ago"),
        pytest.param((level(15), alt(20), DataGap(GapKind.NOT_FETCHED, "weight", "no")), id="detectable-normal-alt"),
        pytest.param((alt(1000), UNREAD_LIST), id="alt-1000-with-an-unread-medication-list"),
        pytest.param((alt(3000), UNKNOWN_DRUG), id="injury-with-a-drug-read-by-its-name"),
        pytest.param((alt(3000), DataGap(GapKind.NOT_FETCHED, "allergies", "no")), id="injury-with-unread-allergies"),
    ],
)
def test_silence(facts: tuple[Fact, ...]) -> None:
    found = assessed(*facts)
    assert not found.membership.is_member
    assert (found.category, found.primary, found.asks, found.start_by) == (None, None, (), None)
    assert found.judged


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        pytest.param((overdose(9),), "poisoning or exposure", id="overdose"),
        pytest.param((unstated_overdose(9),), "poisoning or exposure", id="unstated"),
        pytest.param((course(8, (72, 1)),), "poisoning or exposure", id="repeated"),
        pytest.param((level(20.5),), "beyond therapeutic use", id="level-20.5"),
        pytest.param((level(">20"),), "beyond therapeutic use", id="level-over-20"),
        pytest.param((level(">=15"),), "beyond therapeutic use", id="level-15-or-more"),
        pytest.param((level(10), alt(41)), "detectable level with elevated", id="detectable-and-raised"),
        pytest.param((level(10), *UNREAD_ALT), "AST or ALT that could not be read", id="detectable-and-unread-alt"),
        pytest.param((level(10), *BLANK_ALT), "AST or ALT that could not be read", id="detectable-and-blank-alt"),
        pytest.param((course(4, (96, 1)), *UNKNOWN_UNIT), "AST or ALT that could", id="therapeutic-use-and-unread-alt"),
        pytest.param((alt(1001), UNREAD_LIST), "medications that could not be read", id="injury-and-unread-list"),
        pytest.param((has(Problem.ACUTE_LIVER_FAILURE),), "acute liver failure", id="alf"),
        pytest.param((has(Problem.ENCEPHALOPATHY), inr(1.5)), "acute liver failure", id="alf-by-inr"),
        pytest.param((OLD, alt(1001)), "above 1000", id="history-and-hepatotoxicity"),
        pytest.param((nac(NacSource.ADMINISTRATION, "in-progress"),), "acetylcysteine", id="running"),
        pytest.param((nac(NacSource.REQUEST, "active"),), "acetylcysteine", id="ordered"),
        pytest.param(
            (DataGap(GapKind.UNKNOWN_UNIT, "acetaminophen", "a level in arbitrary units"),),
            "could not be read",
            id="unread-level",
        ),
    ],
)
def test_members(facts: tuple[Fact, ...], reason: str) -> None:
    found = assessed(*facts)
    assert found.membership.is_member
    assert any(reason in words for words in found.membership.reasons)
    assert found.category is not None
