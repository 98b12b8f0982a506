"""The hazard log, in the order of the hazards' numbers. A number is never used again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.governance.hazards_judging import JUDGING
from cds_service.governance.hazards_running import RUNNING
from cds_service.governance.hazards_treating import TREATING

if TYPE_CHECKING:
    from cds_service.governance.hazard import Hazard

HAZARDS: tuple[Hazard, ...] = tuple(sorted((*JUDGING, *TREATING, *RUNNING), key=lambda hazard: hazard.id))
