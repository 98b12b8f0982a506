"""The Rumack-Matthew nomogram: exponential lines between 4 and 24 hours, in mg/L.

The lines halve every 4 h. They are computed exactly, never interpolated between printed points
(linear interpolation would put 112.5 instead of 106.07 mg/L at 6 h).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.clinical.thresholds import NOMOGRAM_END, NOMOGRAM_START

if TYPE_CHECKING:
    from cds_service.clinical.profiles import Profile
    from cds_service.clinical.quantity import Bounded, Elapsed

FIRST_HOUR = NOMOGRAM_START.value
LAST_HOUR = NOMOGRAM_END.value
_HALVING_HOURS = 4.0


def line_at(base_mg_l: float, hours: float) -> float:
    """The line that passes `base_mg_l` at 4 h, at `hours` since the first dose (mg/L)."""
    return base_mg_l * 2 ** (-(hours - FIRST_HOUR) / _HALVING_HOURS)


def four_hour_equivalent(level_mg_l: float, hours: float) -> float:
    """The level at 4 h that lies as high above the lines as `level_mg_l` at `hours` (mg/L)."""
    return level_mg_l * 2 ** ((hours - FIRST_HOUR) / _HALVING_HOURS)


def hours_on_line(base_mg_l: float, level_mg_l: float) -> float:
    """t_cross: the hours since ingestion at which `level_mg_l` lies exactly on the line through `base_mg_l`.

    Raises ValueError for a level that is not positive, which no line ever meets.
    """
    if level_mg_l <= 0:
        msg = "a level of zero meets no line"
        raise ValueError(msg)
    return FIRST_HOUR + _HALVING_HOURS * math.log2(base_mg_l / level_mg_l)


@dataclass(frozen=True, slots=True)
class NomogramPoint:
    """One level plotted at one time, with the lines at that time (mg/L).

    On the line is above, unless the profile says otherwise (`line_inclusive` False).
    """

    hours: float
    level: Bounded
    line_mg_l: float
    high_risk_line_mg_l: float
    line_inclusive: bool = True

    @property
    def is_on_or_above_line(self) -> bool | None:
        """Whether the level counts as above the treatment line; None when the report cannot tell."""
        return reaches(self.level, self.line_mg_l, inclusive=self.line_inclusive)

    @property
    def is_on_or_above_high_risk_line(self) -> bool | None:
        """Whether the level counts as above the high-risk line; None when the report cannot tell."""
        return reaches(self.level, self.high_risk_line_mg_l, inclusive=self.line_inclusive)


def reaches(level: Bounded, line_mg_l: float, *, inclusive: bool) -> bool | None:
    """Whether a level counts as above a line: on the line is above unless the profile says otherwise."""
    return level.at_least(line_mg_l) if inclusive else level.above(line_mg_l)


def plot(level: Bounded, elapsed: Elapsed, profile: Profile) -> NomogramPoint:
    """The level at its latest possible time inside the nomogram, where the line is lowest.

    With an uncertain time that is the reading that misses nobody; below there is below everywhere.
    """
    hours = min(max(elapsed.longest_h, FIRST_HOUR), LAST_HOUR)
    return NomogramPoint(
        hours,
        level,
        line_at(profile.treatment_line_mg_l, hours),
        line_at(profile.high_risk_line_mg_l, hours),
        profile.line_inclusive,
    )
