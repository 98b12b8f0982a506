"""A nomogram link opens for a while, with the same secret, unchanged, and tells nothing to who cannot open it."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cds_service.web.nomogram_view import NomogramView, nomogram_view
from cds_service.web.sealed import LONGEST_TOKEN, Seal, SealError
from tests.clinical.facts_builders import NOW, alt, assessed, level, overdose

SECRET = "s" * 32
LIFETIME = timedelta(minutes=15)


def seal_at(instant: datetime, secret: str = SECRET) -> Seal:
    return Seal(secret, LIFETIME, lambda: instant)


VIEWS = [
    nomogram_view(assessed(overdose(8), level(75, 0)), UTC),
    nomogram_view(assessed(overdose((10, 3)), level("<10", 0), level(120, 2)), UTC),
    nomogram_view(assessed(overdose(None), level(10, 0), alt(20)), UTC),
    nomogram_view(assessed(overdose(2)), UTC),
]


def sealed(view: NomogramView = VIEWS[0]) -> str:
    token = seal_at(NOW).seal(view)
    assert token is not None
    return token


@pytest.mark.parametrize("view", VIEWS)
def test_what_was_sealed_is_what_is_opened(view: NomogramView) -> None:
    assert seal_at(NOW).open(sealed(view)) == view


@pytest.mark.parametrize(
    ("later", "opens"),
    [
        (timedelta(0), True),
        (LIFETIME, True),
        (LIFETIME + timedelta(seconds=1), False),
        (timedelta(days=400), False),
        (timedelta(seconds=-30), True),  # another machine's clock
        (timedelta(hours=-1), False),
    ],
)
def test_a_link_lives_for_a_while(later: timedelta, *, opens: bool) -> None:
    seal = seal_at(NOW + later)
    if opens:
        assert seal.open(sealed()) == VIEWS[0]
    else:
        with pytest.raises(SealError):
            seal.open(sealed())


@pytest.mark.parametrize(
    "token",
    [
        "",
        "A",
        "garbage",
        "gAAAAA",
        "not ascii \N{GREEK SMALL LETTER MU}",
        "\N{LINE SEPARATOR}",
        "." * 100,
        "=" * 8,
        "A" * 1_000_000,
        sealed()[:-4],
        sealed() + "AAAA",
        "B" + sealed()[1:],
        sealed()[::-1],
    ],
)
def test_what_was_not_sealed_here_is_refused(token: str) -> None:
    with pytest.raises(SealError):
        seal_at(NOW).open(token)


@pytest.mark.parametrize("position", range(0, len(sealed()) - 4, 7))
def test_a_changed_letter_is_noticed(position: int) -> None:
    token = sealed()
    changed = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
    with pytest.raises(SealError):
        seal_at(NOW).open(changed)


def test_another_secret_opens_nothing() -> None:
    with pytest.raises(SealError):
        seal_at(NOW, "t" * 32).open(sealed())


@pytest.mark.parametrize("words", [b"mg/L", b"treatment", b"indicated", b"consider", b"04:00", b"marks", b"x\x9c"])
def test_the_address_tells_nothing(words: bytes) -> None:
    token = sealed()
    assert words not in base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def test_two_links_to_the_same_view_differ() -> None:
    assert sealed() != sealed()


def test_the_view_itself_names_no_patient_and_no_resource() -> None:
    shown = repr(VIEWS)
    assert "Observation/" not in shown
    assert "Patient/" not in shown
    assert "Condition/" not in shown


def test_too_many_levels_for_an_address_make_no_link() -> None:
    many = replace(VIEWS[0], marks=tuple(replace(VIEWS[0].marks[0], value=f"{n * 7919 % 997} mg/L", sampled=f"{n}")
                                         for n in range(400)))  # fmt: skip
    assert seal_at(NOW).seal(many) is None
    assert len(sealed()) < LONGEST_TOKEN / 3
