"""The keys of a guideline profile: name, unit, allowed values, and how a chosen value is checked.

Knows what a site may choose and in which range. Must not know where the choice was written down.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING

from cds_service.clinical.evidence import Evidence
from cds_service.clinical.profiles import AllergyPolicy, ErRule, NonApapAlf, NonNomogramRule, PoisonCentre, RegimenName
from cds_service.clinical.quantity import plain
from cds_service.clinical.regimens import REGIMENS

if TYPE_CHECKING:
    from cds_service.clinical.profiles import Profile


@dataclass(frozen=True, slots=True)
class Key:
    """One key: `name` as a site writes it, `field` of `Profile`, and what it may hold."""

    name: str
    field: str
    unit: str = ""
    between: tuple[float, float] | None = None
    one_of: tuple[float, ...] = ()
    choices: type[StrEnum] | None = None

    @property
    def allowed(self) -> str:
        """What the key may hold, in words."""
        if self.choices is not None:
            return f"one of {', '.join(choice.value for choice in self.choices)}"
        unit = f" {self.unit}" if self.unit else ""
        if self.one_of:
            return f"one of {', '.join(plain(value) for value in self.one_of)}{unit}"
        if self.between is not None:
            return f"a number from {plain(self.between[0])} to {plain(self.between[1])}{unit}"
        return "true or false"

    def read(self, value: object) -> float | bool | StrEnum:
        """The value as the profile holds it. Raises ValueError for what is not allowed; the message is `allowed`."""
        if self.choices is not None and isinstance(value, str) and value in {choice.value for choice in self.choices}:
            return self.choices(value)
        if isinstance(value, bool) and self.is_flag:
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool) and self._permits(value):
            return float(value)
        raise ValueError(self.allowed)

    @property
    def is_flag(self) -> bool:
        """Whether the key is true or false."""
        return self.choices is None and not self.one_of and self.between is None

    def _permits(self, value: float) -> bool:
        if self.between is not None:
            return self.between[0] <= value <= self.between[1]
        return value in self.one_of


KEYS: tuple[Key, ...] = (
    Key("treatment_line", "treatment_line_mg_l", "mg/L", one_of=(100, 150, 200)),
    Key("high_risk_line", "high_risk_line_mg_l", "mg/L", between=(200, 500)),
    Key("line_inclusive", "line_inclusive"),
    Key("acute_span_h", "acute_span_h", "h", between=(1, 24)),
    Key("episode_days", "episode_days", "days", between=(1, 30)),
    Key("context_free_level", "context_free_level_mg_l", "mg/L", between=(10, 50)),
    Key("nonnomogram_rule", "nonnomogram_rule", choices=NonNomogramRule),
    Key("detectable", "detectable_mg_l", "mg/L", between=(1, 20)),
    Key("rsi_level", "rsi_level_mg_l", "mg/L", between=(1, 30)),
    Key("alt_uln_fallback", "alt_uln_fallback_u_l", "U/L", between=(20, 80)),
    Key("er_rule", "er_rule", choices=ErRule),
    Key("nonapap_alf", "nonapap_alf", choices=NonApapAlf),
    Key("inr_alf", "inr_alf", between=(1.2, 2.0)),
    Key("regimen", "regimen", choices=RegimenName),
    Key("max_weight_kg", "max_weight_kg", "kg", between=(80, 110)),
    Key("allergy_policy", "allergy_policy", choices=AllergyPolicy),
    Key("high_risk_dose_g", "high_risk_dose_g", "g", between=(10, 60)),
)
KEY_BY_NAME = {key.name: key for key in KEYS}

POISON_CENTRE = "poison_centre"


def conflicts(profile: Profile) -> tuple[str, ...]:
    """Choices that are each allowed and do not go together, in words that name the keys."""
    cap = REGIMENS[profile.regimen].highest_cap_kg
    detectable, line = plain(profile.detectable_mg_l), plain(profile.treatment_line_mg_l)
    rows = (
        (_must("high_risk_line", profile.high_risk_line_mg_l, f"be above treatment_line ({line} mg/L)"),
         profile.high_risk_line_mg_l <= profile.treatment_line_mg_l),
        (_must("rsi_level", profile.rsi_level_mg_l, f"be at least detectable ({detectable} mg/L)"),
         profile.rsi_level_mg_l < profile.detectable_mg_l),
        (_must("context_free_level", profile.context_free_level_mg_l, f"be at least detectable ({detectable} mg/L)"),
         profile.context_free_level_mg_l < profile.detectable_mg_l),
        (_must("max_weight_kg", profile.max_weight_kg, f"be at most {plain(cap)} for regimen {profile.regimen.value}"),
         profile.max_weight_kg > cap),
    )  # fmt: skip
    return tuple(words for words, holds in rows if holds)


def _must(key: str, value: float, words: str) -> str:
    return f"{key} = {plain(value)}: must {words}"


def rows(profile: Profile) -> tuple[tuple[str, str], ...]:
    """Every key of the profile with its value and unit, in the order of the class."""
    by_field = {key.field: key for key in KEYS}
    return tuple(
        (
            by_field[f.name].name if f.name in by_field else f.name,
            _shown(getattr(profile, f.name), by_field.get(f.name)),
        )
        for f in fields(profile)
    )


def _shown(value: object, key: Key | None) -> str:
    match value:
        case Evidence():
            return value.citation + (" †" if value.verify_locally else "")
        case PoisonCentre():
            return f"{value.name}, {value.phone}" + (" †" if value.verify_locally else "")
        case StrEnum():
            return value.value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"{value:g} {key.unit if key else ''}".rstrip()
        case _:
            return str(value)
