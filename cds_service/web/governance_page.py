"""`/governance`: the governance pack as one page to read and print, and as JSON.

Knows routes. Must not know who may see them: that check is given.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi.params import Depends

    from cds_service.clinical.profiles import Profile


def governance_routes(profile: Profile, *, dependencies: Sequence[Depends] = ()) -> APIRouter:
    """The page and its JSON. `dependencies`: the check of who may see them, run before each."""
    router = APIRouter(tags=["Operations"], dependencies=dependencies)

    # Neither is `async`: the first rendering takes a moment and must not hold up calls.
    @router.get("/governance", summary="The governance pack of the rules in force", response_class=Response)
    def governance() -> Response:
        page, _, headers = _made(profile)
        return Response(page, media_type="text/html; charset=utf-8", headers=headers)

    @router.get("/governance.json", summary="The same for machines", response_class=Response)
    def governance_json() -> Response:
        _, for_machines, headers = _made(profile)
        return Response(for_machines, media_type="application/json", headers=headers)

    return router


@cache
def _made(profile: Profile) -> tuple[bytes, bytes, dict[str, str]]:
    """The page, its JSON, and their headers."""
    from cds_service.web import governance_html as made  # noqa: PLC0415 - what renders them loads with the first

    return made.governance_html(profile).encode(), made.governance_json(profile).encode(), made.headers()
