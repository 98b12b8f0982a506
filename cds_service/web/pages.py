"""Rendering pages: the templates, and the headers every page carries.

Nothing on a page is fetched from elsewhere and nothing on it runs.
"""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.responses import Response

from cds_service import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Environment

STYLE_PATH = "/pages.css"
_SAFE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
# A drawing carries its own style and nothing else.
_DRAWING_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - no start waits for it

    templates = Environment(
        loader=PackageLoader("cds_service.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals.update(style_path=STYLE_PATH, version=__version__)
    return templates


def page(
    template: str, content: Mapping[str, object], status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """A page from one of the templates; every text in `content` is escaped."""
    html = _templates().get_template(template).render(content)
    kept = {**_SAFE, "Content-Security-Policy": _PAGE_POLICY, **(headers or {})}
    return Response(html, status, kept, media_type="text/html")


def message_page(title: str, words: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """A page that says one thing."""
    return page("message.html", {"title": title, "words": words}, status, headers)


def drawing(svg: bytes) -> Response:
    """An SVG to be shown as an image."""
    return Response(svg, headers={**_SAFE, "Content-Security-Policy": _DRAWING_POLICY}, media_type="image/svg+xml")


def style_sheet() -> Response:
    """The style of every page."""
    style = files("cds_service.web").joinpath("static", "pages.css").read_bytes()
    headers = {"Cache-Control": "max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(style, headers=headers, media_type="text/css")
