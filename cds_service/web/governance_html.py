"""The governance pack as one page to read and print, as JSON, and the headers of both.

Knows Markdown and HTML. Nothing on the page comes from a patient; what a site wrote in its profile is shown as text.
"""

from __future__ import annotations

import base64
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt

from cds_service.governance.documents import RULES, TITLES, as_json, documents
from cds_service.governance.pack import governance_pack

if TYPE_CHECKING:
    from jinja2 import Template

    from cds_service.clinical.profiles import Profile

_LOWEST_HEADING = 6


def governance_html(profile: Profile) -> str:
    """The whole pack as one page of HTML."""
    markdown = _reader()
    texts = documents(governance_pack(profile))
    sections = [
        {"name": name, "title": title, "html": _one_level_down(markdown, texts[name])}
        for name, title in {**TITLES, RULES: "Rules"}.items()
    ]
    return _template("governance.html").render(sections=sections, profile=profile, style=_style())


def governance_json(profile: Profile) -> str:
    """The whole pack for machines."""
    return as_json(governance_pack(profile))


def headers() -> dict[str, str]:
    """Nothing is loaded, run, framed or sent anywhere; the one style is named by its hash."""
    digest = base64.b64encode(sha256(_style().encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }


def _reader() -> MarkdownIt:
    """Markdown with tables; HTML within it stays text, and nothing is embedded."""
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def _one_level_down(markdown: MarkdownIt, text: str) -> str:
    """The document as HTML whose headings stand below the page's own."""
    tokens = markdown.parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1:]) + 1, _LOWEST_HEADING)}"
    return str(markdown.renderer.render(tokens, markdown.options, {}))


@cache
def _style() -> str:
    return _template("governance.css").render()


def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("cds_service.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(name)
