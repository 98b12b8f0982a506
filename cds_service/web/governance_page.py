"""`/governance`: the governance pack as one page to read and print, and as JSON.

Nothing on the page comes from a patient; what a site wrote in its profile is shown as text. Must not know who may see
it: that check is given.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response

from cds_service.web.pages import SHUT_IN, markdown_html, page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi.params import Depends
    from fastapi.responses import HTMLResponse

    from cds_service.clinical.profiles import Profile


def governance_routes(profile: Profile, *, dependencies: Sequence[Depends] = ()) -> APIRouter:
    """The page and its JSON. `dependencies`: the check of who may see them, run before each."""
    router = APIRouter(tags=["Operations"], dependencies=dependencies)

    @cache
    def made() -> HTMLResponse:
        return governance_page(profile)

    @cache
    def for_machines() -> str:
        from cds_service.governance.documents import as_json  # noqa: PLC0415 - loads with the first page
        from cds_service.governance.pack import governance_pack  # noqa: PLC0415

        return as_json(governance_pack(profile))

    # No `async`: the first rendering takes a moment and must not hold up calls.
    @router.get("/governance", summary="The governance pack of the rules in force", response_class=Response)
    def governance() -> Response:
        return made()

    @router.get("/governance.json", summary="The same for machines", response_class=Response)
    def governance_json() -> Response:
        return Response(for_machines(), media_type="application/json", headers=SHUT_IN)

    return router


def governance_page(profile: Profile) -> HTMLResponse:
    """The whole pack as one page."""
    from cds_service.governance.documents import RULES, TITLES, documents  # noqa: PLC0415 - loads with the first page
    from cds_service.governance.pack import governance_pack  # noqa: PLC0415

    texts = documents(governance_pack(profile))
    sections = [
        {"name": name, "title": title, "html": markdown_html(texts[name], levels_down=1)}
        for name, title in {**TITLES, RULES: "Rules"}.items()
    ]
    return page("governance.html", sections=sections, profile=profile)
