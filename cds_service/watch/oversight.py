"""What looks over one application: chosen where a process starts, and different for a server, a test and a canary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cds_service.watch.canaries import CanaryWatch
    from cds_service.watch.tracing import CallTracer


@dataclass(frozen=True, slots=True)
class Oversight:
    """`canaries`: asked while the application runs; /readyz waits for them. `tracer`: told of every call.

    `is_internal`: only this process asks the application (its canaries do); counted apart, and nobody's calls to audit.
    """

    canaries: CanaryWatch | None = None
    tracer: CallTracer | None = None
    is_internal: bool = False


NONE = Oversight()
"""No canaries and no traces: an application within a test or a demonstration."""
