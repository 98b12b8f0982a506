"""Guideline profiles: what a site may choose, as typed constants selected by name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cds_service.clinical.evidence import AGA_2017, ANZ_2019, MHRA_2012, US_CONSENSUS_2023, Evidence


class NonNomogramRule(StrEnum):
    """How level and transaminases combine when the nomogram does not apply."""

    OR = "or"
    """Detectable level or elevated AST/ALT treats: the more sensitive reading."""
    AND = "and"
    """Detectable level and elevated AST/ALT (AGA 2017 verbatim)."""


class NonApapAlf(StrEnum):
    """What to say about NAC in acute liver failure of another established cause."""

    SHOW_BOTH = "show_both"
    TRIAL_ONLY = "trial_only"


class ErRule(StrEnum):
    """How extended-release ingestions below the line are handled."""

    SERIAL = "serial"
    TREAT_TOXIC_DOSE = "treat_toxic_dose"
    NON_NOMOGRAM = "non_nomogram"


class AllergyPolicy(StrEnum):
    """What a previous reaction or asthma adds; no policy ever removes a treatment."""

    SLOWER_FIRST_BAG = "slower_first_bag"
    """Begin with the first bag run slower, then talk to a toxicologist."""
    CONSULT_FIRST = "consult_first"
    """Talk to a toxicologist before the first bag, for asthma too, without delaying it."""


class RegimenName(StrEnum):
    """Intravenous regimens the service can calculate."""

    THREE_BAG = "three-bag"
    TWO_BAG = "two-bag"
    """US label 2024."""
    TWO_BAG_ANZ = "two-bag-anz"
    """Australia and New Zealand."""
    SNAP = "snap"
    """United Kingdom, 12 h."""

    @property
    def words(self) -> str:
        """The name as prescribers write it."""
        return {RegimenName.TWO_BAG_ANZ: "ANZ two-bag", RegimenName.SNAP: "SNAP"}.get(self, self.value)


@dataclass(frozen=True, slots=True)
class PoisonCentre:
    """Whom to call."""

    name: str
    phone: str
    verify_locally: bool = False

    def __str__(self) -> str:
        """As a card says it, with a warning where the number was read second-hand."""
        return f"{self.name} {self.phone}{' (read second-hand: verify locally)' if self.verify_locally else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A guideline profile. Levels in mg/L, times in h, INR without unit; each number has its unit in its name."""

    name: str
    title: str
    source: Evidence
    treatment_line_mg_l: float
    high_risk_line_mg_l: float
    line_inclusive: bool
    acute_span_h: float
    episode_days: float
    context_free_level_mg_l: float
    nonnomogram_rule: NonNomogramRule
    detectable_mg_l: float
    rsi_level_mg_l: float
    alt_uln_fallback_u_l: float
    er_rule: ErRule
    nonapap_alf: NonApapAlf
    inr_alf: float
    regimen: RegimenName
    max_weight_kg: float
    allergy_policy: AllergyPolicy
    high_risk_dose_g: float
    poison_centre: PoisonCentre

    def episode_start(self, now: datetime) -> datetime:
        """From when exposures and results belong to the current episode."""
        return now - timedelta(days=self.episode_days)


US_2023 = Profile(
    name="us-2023",
    title="United States and Canada, 2023 consensus",
    source=US_CONSENSUS_2023,
    treatment_line_mg_l=150,
    high_risk_line_mg_l=300,
    line_inclusive=True,
    acute_span_h=24,
    episode_days=7,
    context_free_level_mg_l=20,
    nonnomogram_rule=NonNomogramRule.OR,
    detectable_mg_l=10,
    rsi_level_mg_l=20,
    alt_uln_fallback_u_l=40,
    er_rule=ErRule.SERIAL,
    nonapap_alf=NonApapAlf.SHOW_BOTH,
    inr_alf=1.5,
    regimen=RegimenName.THREE_BAG,
    max_weight_kg=100,
    allergy_policy=AllergyPolicy.SLOWER_FIRST_BAG,
    high_risk_dose_g=30,
    poison_centre=PoisonCentre("US Poison Help", "1-800-222-1222"),
)

UK_2012 = replace(
    US_2023,
    name="uk-2012",
    title="United Kingdom, MHRA 2012",
    source=MHRA_2012,
    treatment_line_mg_l=100,
    acute_span_h=1,
    regimen=RegimenName.SNAP,
    max_weight_kg=110,
    poison_centre=PoisonCentre(
        "UK National Poisons Information Service (TOXBASE)", "0344 892 0111", verify_locally=True
    ),
)

ANZ_2019_PROFILE = replace(
    US_2023,
    name="anz-2019",
    title="Australia and New Zealand, 2019 guideline",
    source=ANZ_2019,
    alt_uln_fallback_u_l=50,
    er_rule=ErRule.TREAT_TOXIC_DOSE,
    regimen=RegimenName.TWO_BAG_ANZ,
    max_weight_kg=110,
    poison_centre=PoisonCentre(
        "Poisons Information Centre", "13 11 26 (Australia), 0800 764 766 (New Zealand)", verify_locally=True
    ),
)

AGA_2017_PROFILE = replace(
    US_2023,
    name="aga-2017",
    title="American Gastroenterological Association, 2017, verbatim",
    source=AGA_2017,
    nonnomogram_rule=NonNomogramRule.AND,
    er_rule=ErRule.NON_NOMOGRAM,
    nonapap_alf=NonApapAlf.TRIAL_ONLY,
)

PROFILES: dict[str, Profile] = {p.name: p for p in (US_2023, UK_2012, ANZ_2019_PROFILE, AGA_2017_PROFILE)}
