"""`/how`: how a card is made, drawn from the tables the service runs on: queries, rules, thresholds, evidence.

Knows the tables. Nothing is told here that another page or file would have to repeat.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from starlette.routing import Route

from cds_service.clinical.findings import Category
from cds_service.clinical.rules_md import rules_markdown
from cds_service.fhir.queries import QUERIES
from cds_service.web.pages import markdown_html, page

if TYPE_CHECKING:
    from markupsafe import Markup
    from starlette.requests import Request
    from starlette.responses import Response

    from cds_service.clinical.profiles import Profile

PATH = "/how"


def how_routes(profile: Profile) -> list[Route]:
    """The page."""

    async def how(_: Request) -> Response:
        categories = [category.value for category in sorted(Category, key=lambda each: each.urgency)]
        return page("how.html", queries=QUERIES, categories=categories, profile=profile, rules=_rules())

    return [Route(PATH, how, methods=["GET", "HEAD"])]


@cache
def _rules() -> Markup:
    """The rule tables, without the heading and the note for those who edit the file."""
    return markdown_html(rules_markdown().partition("by hand.\n")[2])
