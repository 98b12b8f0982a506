"""Pages as responses: templates, the stylesheet and scripts of our own, and the headers that keep everything else out.

Knows Jinja and HTTP headers. Every text from a chart is escaped by the templates; Markdown of cards becomes HTML here,
sanitised once more. Must not know what a page is about.
"""

from __future__ import annotations

import hashlib
import mimetypes
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from cds_service import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Environment
    from markdown_it import MarkdownIt
    from starlette.requests import Request

_STATIC = Path(__file__).parent / "static"
STATIC_PATH = "/static"

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_NEVER_KEPT = {"Cache-Control": "no-store"}
SHUT_IN = SECURITY_HEADERS | _NEVER_KEPT
"""Of what is for one reader: nothing is run or loaded by it, and no cache keeps it."""
_LOWEST_HEADING = 6
_TAGS = {"a", "blockquote", "br", "code", "em", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "strong"}
_TAGS |= {"table", "tbody", "td", "th", "thead", "tr", "ul"}

# A wide table scrolls by itself, and can be reached with the keyboard to do so.
_TABLE_FRAME = '<div class="scroll" tabindex="0" role="group" aria-label="Table">'


# The one page with a module of our own.
SCRIPTED = {"Content-Security-Policy": f"{_POLICY}; script-src 'self'; connect-src 'self'"}
# A drawing shown as a picture carries its own style and nothing else.
_DRAWING_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}


def page(
    template: str, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None, **values: Any
) -> HTMLResponse:
    """A page from a template. Never kept by a cache: it may show a patient."""
    html = _environment().get_template(template).render(version=__version__, **values)
    return HTMLResponse(html, status, SHUT_IN | dict(headers or {}))


def message_page(
    title: str, *words: str, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """A page that says one thing."""
    return page("message.html", status, headers, title=title, words=words)


def drawing(svg: bytes) -> Response:
    """An SVG to be shown as an image."""
    return Response(svg, headers=SHUT_IN | _DRAWING_POLICY, media_type="image/svg+xml")


@cache
def _environment() -> Environment:
    from jinja2 import ChainableUndefined, Environment, PackageLoader  # noqa: PLC0415 - loads with the first page

    environment = Environment(
        loader=PackageLoader("cds_service.web"),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["markdown"] = markdown_html
    environment.globals["static"] = static_address
    return environment


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - loads with the first page

    return MarkdownIt("commonmark", {"html": False}).enable("table")


def markdown_html(text: str, *, levels_down: int = 0) -> Markup:
    """Markdown as HTML that holds no script, style, picture or address other than http(s).

    `levels_down`: by how much its headings stand below what they say, where it is part of a page.
    """
    import nh3  # noqa: PLC0415 - loads with the first page

    markdown = _markdown()
    tokens = markdown.parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1:]) + levels_down, _LOWEST_HEADING)}"
    html = nh3.clean(
        markdown.renderer.render(tokens, markdown.options, {}),
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https"},
        link_rel="noreferrer",
    )
    framed = html.replace("<table>", f"{_TABLE_FRAME}<table>").replace("</table>", "</table></div>")
    return Markup(framed)  # noqa: S704 - sanitised above; the frame is our own


@cache
def _content(name: str) -> bytes:
    return (_STATIC / name).read_bytes()


@cache
def static_address(name: str) -> str:
    """The address of a static file; it changes with the content, so that it may be kept for ever."""
    return f"{STATIC_PATH}/{hashlib.sha256(_content(name)).hexdigest()[:12]}/{name}"


def static_routes() -> list[Route]:
    """The files under `static/`, and nothing else."""
    known = {path.name for path in _STATIC.iterdir() if path.is_file()}

    async def static_file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in known or static_address(name) != request.url.path:
            return Response(status_code=HTTPStatus.NOT_FOUND, headers=SECURITY_HEADERS)
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        headers = SECURITY_HEADERS | {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(_content(name), media_type=media_type, headers=headers)

    return [Route(f"{STATIC_PATH}/{{digest}}/{{name}}", static_file, methods=["GET", "HEAD"])]
