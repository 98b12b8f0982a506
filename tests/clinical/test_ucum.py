"""The one unit table against an independent reading of UCUM (ucumvert and pint) and the periodic table."""

from __future__ import annotations

import re
from functools import cache

import pytest
from ucumvert import InvalidUcumError, PintUcumRegistry  # type: ignore[import-untyped] # it ships no types

from cds_service.clinical.quantity import (
    APAP_MOLAR_MASS_MG_PER_MMOL,
    CANONICAL_UNIT,
    UNITS,
    Analyte,
    in_canonical_unit,
    unit_factor,
)

_UCUM = PintUcumRegistry()

# Folded to lower case in the table, since charts write every case; UCUM itself minds it.
_CASE = {"u": "U", "mu": "mU"}

_ENZYMES = "laboratories write the enzyme unit as international unit; UCUM's [IU] is arbitrary and converts to nothing"
_PLURAL = "a word or a plural; UCUM has symbols only"
_POUND = "UCUM writes the avoirdupois pound in brackets"
_BARE = "no unit at all in UCUM; the quantity is a pure number"

# Spellings in the table that UCUM does not have, or has for something else: what each stands for, and why it is here.
ALIASES: dict[str, tuple[str, str]] = {
    "iu": ("U", _ENZYMES),
    "[iu]": ("U", _ENZYMES),
    "gm": ("g", "gram as many charts abbreviate it"),
    **dict.fromkeys(("mgs", "milligram", "milligrams"), ("mg", _PLURAL)),
    **dict.fromkeys(("gms", "gram", "grams", "gramme", "grammes"), ("g", _PLURAL)),
    **dict.fromkeys(("mls", "milliliter", "milliliters", "millilitre", "millilitres"), ("mL", _PLURAL)),
    "cc": ("mL", "cubic centimetre as charts abbreviate it; UCUM writes cm3"),
    **dict.fromkeys(("liter", "liters", "litre", "litres"), ("L", _PLURAL)),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), ("h", _PLURAL)),
    **dict.fromkeys(("mins", "minute", "minutes"), ("min", _PLURAL)),
    **dict.fromkeys(("lb", "lbs", "lb_av"), ("[lb_av]", _POUND)),
    **dict.fromkeys(("ratio", "inr"), ("1", _BARE)),
    "": ("1", _BARE),
    "ph": ("1", "pH as charts write it; the lower-cased symbol is the phot in UCUM"),
    "[ph]": ("1", "UCUM's pH is an arbitrary scale; the number is used as it is"),
}

# These UCUM knows, as something that is not what a chart means by it.
_OTHERWISE_IN_UCUM = frozenset({"[iu]", "ph"})

# Grams in a mole, from the standard atomic weights (IUPAC 2021, abridged).
_ATOMIC = {"C": 12.011, "H": 1.008, "N": 14.007, "O": 15.999, "P": 30.974}
_MOLECULES = {
    Analyte.ACETAMINOPHEN: "C8H9NO2",
    Analyte.BILIRUBIN: "C33H36N4O6",
    Analyte.CREATININE: "C4H7N3O",
    Analyte.LACTATE: "C3H6O3",
    Analyte.PHOSPHATE: "P",
}
_ROWS = [(analyte, unit) for analyte, table in UNITS.items() for unit in table]


def _molar_mass(formula: str) -> float:
    return sum(_ATOMIC[atom] * int(count or 1) for atom, count in re.findall(r"([A-Z])(\d*)", formula))


def _as_ucum(unit: str) -> str:
    """The UCUM code that a spelling of the table stands for, symbol by symbol."""
    if unit in ALIASES:
        return ALIASES[unit][0]
    if re.fullmatch(r"\{\w+\}", unit):
        return "1"  # UCUM: an annotation alone is the number one
    pieces = re.split(r"(/|\.|\(|\)|-1\b|per)", unit)
    return "".join("/" if piece == "per" else _symbol(piece) if piece else "" for piece in pieces)


def _symbol(piece: str) -> str:
    return ALIASES[piece][0] if piece in ALIASES else _CASE.get(piece, piece)


def _is_ucum(unit: str) -> bool:
    try:
        _UCUM.from_ucum(unit)
    except InvalidUcumError:
        return False
    return True


@cache
def _independent_factor(analyte: Analyte, code: str) -> float:
    """From a UCUM code to the canonical unit, as pint converts it; moles weigh what their atoms weigh."""
    amount = 1.0 * _UCUM.from_ucum(code)
    wanted = 1.0 * _UCUM.from_ucum(CANONICAL_UNIT[analyte] or "1")
    if amount.dimensionality != wanted.dimensionality:
        per_mole = _molar_mass(_MOLECULES[analyte]) * _UCUM.from_ucum("g/mol")
        amount = amount / per_mole if "[mass]" in amount.dimensionality else amount * per_mole
    return float(amount.to(wanted.units).magnitude) / float(wanted.magnitude)


@pytest.mark.parametrize("analyte", Analyte, ids=lambda analyte: analyte.name)
def test_every_factor_of_the_table_is_that_of_ucum(analyte: Analyte) -> None:
    independent = {unit: _independent_factor(analyte, _as_ucum(unit)) for unit in UNITS[analyte]}
    assert UNITS[analyte] == pytest.approx(independent, rel=5e-5)


@pytest.mark.parametrize("unit", sorted(ALIASES))
def test_an_alias_is_no_ucum_code_of_the_same_meaning(unit: str) -> None:
    """It is listed as an alias because UCUM does not have it, or not as a quantity that converts."""
    stands_for, why = ALIASES[unit]
    assert why
    assert _is_ucum(stands_for)
    assert unit in _OTHERWISE_IN_UCUM or not _is_ucum(unit)


def test_every_alias_is_in_use() -> None:
    symbols = {piece for _, unit in _ROWS for piece in (unit, *re.split(r"/|\.|\(|\)|-1\b|per", unit))}
    assert set(ALIASES) - symbols == set()


@pytest.mark.parametrize(
    ("charted", "code"),
    [
        ("mcg/mL", "ug/mL"),
        ("\u00b5g/mL", "ug/mL"),
        ("\u03bcg/mL", "ug/mL"),
        ("\u00b5mol/L", "umol/L"),
        ("MG/L", "mg/L"),
        ("mg / L", "mg/L"),
    ],
)
def test_spellings_that_are_folded_are_no_ucum_codes(charted: str, code: str) -> None:
    """Both micro signs, mcg, capitals and blanks: none is UCUM for the same; each is read as the code beside it."""
    assert unit_factor(Analyte.ACETAMINOPHEN, charted) == unit_factor(Analyte.ACETAMINOPHEN, code)
    assert _is_ucum(code)
    assert not _is_ucum(charted) or _UCUM.from_ucum(charted) != _UCUM.from_ucum(code)


def test_a_mole_of_acetaminophen_weighs_151_163_g() -> None:
    assert pytest.approx(_molar_mass("C8H9NO2"), rel=2e-5) == APAP_MOLAR_MASS_MG_PER_MMOL
    assert in_canonical_unit(Analyte.ACETAMINOPHEN, 1, "mmol/L") == pytest.approx(151.163)
    assert in_canonical_unit(Analyte.ACETAMINOPHEN, 1 / 0.151163, "umol/L") == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("analyte", "unit", "wrong"), [(Analyte.ACETAMINOPHEN, "mg/dL", 1.0), (Analyte.ALT, "nkat/L", 60.0)]
)
def test_a_wrong_factor_would_be_noticed(analyte: Analyte, unit: str, wrong: float) -> None:
    assert wrong != pytest.approx(_independent_factor(analyte, unit), rel=5e-5)
