"""Every page carries the headers that keep everything else out, holds nothing inline, and escapes what it shows."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from cds_service.web.pages import SCRIPTED, SECURITY_HEADERS, markdown_html, page, static_address
from tests.hooks.service import service

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
PAGES = [
    "/",
    "/dashboard",
    "/nomogram",
    "/nomogram/garbage",
    "/how",
    "/docs",
    "/governance",
    "/ehr/b1-above-line-8h",
    "/ehr/no-such-patient",
]
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_shut_in_and_holds_nothing_inline(path: str) -> None:
    async with service(database_url="", clock=lambda: NOW) as client:
        answer = await client.get(path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for name, value in (SECURITY_HEADERS | (SCRIPTED if "ehr.js" in answer.text else {})).items():
        assert answer.headers[name] == value
    assert answer.headers["Cache-Control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", answer.text)
    assert re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(?!/static/)', answer.text) == []
    assert '<html lang="en">' in answer.text
    assert len(re.findall(r"<h1[ >]", answer.text)) == 1
    ids = re.findall(r'\sid="([^"]+)"', answer.text)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("headers", [SECURITY_HEADERS, SCRIPTED])
def test_the_policy_allows_this_origin_alone(headers: dict[str, str]) -> None:
    policy = headers["Content-Security-Policy"]
    sources = {source for rule in policy.split("; ") for source in rule.split()[1:]}
    assert policy.startswith("default-src 'none'; ")
    assert sources == {"'none'", "'self'"}
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    ("name", "media_type"), [("site.css", "text/css"), ("ehr.js", "text/javascript"), ("icon.svg", "image/svg+xml")]
)
async def test_static_files_are_kept_for_ever_under_an_address_of_their_content(name: str, media_type: str) -> None:
    async with service(database_url="") as client:
        answer = await client.get(static_address(name))
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["/static/000000000000/site.css", "/static/x/../pages.py", "/static/x/no-such.css", "/static/x/%2e%2e%2fpages.py"],
)
async def test_nothing_else_is_served_as_static(path: str) -> None:
    async with service(database_url="") as client:
        assert (await client.get(path)).status_code == 404


def test_texts_are_escaped() -> None:
    shown = bytes(page("message.html", title=HOSTILE, words=(HOSTILE,)).body).decode()
    assert "<script>" not in shown
    assert "<img" not in shown
    assert shown.count("&lt;script&gt;") == 3


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:msgbox)",
        "![x](https://evil.example/p.png)",
        '![x](x" onerror="alert(1))',
        "<iframe src=https://evil.example></iframe>",
        "<style>*{display:none}</style>",
        "<p style=position:fixed>x</p>",
        "<form action=https://evil.example><input name=x></form>",
        "<a href=https://x onclick=alert(1)>x</a>",
        "<meta http-equiv=refresh content=0>",
        "</div></section><script>alert(1)</script>",
        "`<script>alert(1)</script>`",
        "| a |\n|---|\n| <script>alert(1)</script> |",
        "<!--><script>alert(1)</script>-->",
        "[x]: javascript:alert(1)\n[x]",
        '[x](https://e.example "onmouseover=alert(1)")',
    ],
)
def test_markdown_of_a_card_can_do_no_harm(hostile: str) -> None:
    html = str(markdown_html(hostile))
    tags = re.findall(r"<\s*/?\s*([a-zA-Z0-9]+)([^>]*)>", html)
    assert {name.lower() for name, _ in tags} <= {"p", "a", "code", "div", "table", "thead", "tbody", "tr", "th", "td"}
    for name, attributes in tags:
        assert name != "a" or re.fullmatch(r'( (href="https?://[^"]*"|title="[^"]*"|rel="noreferrer"))*', attributes), (
            html
        )
        assert name != "div" or "onerror" not in attributes


def test_markdown_keeps_what_a_card_needs() -> None:
    html = str(
        markdown_html("**Dose**\n\n- [label](https://dose.example/x)\n\n| Bag | mg |\n|---|---|\n| 1 | 10,500 |\n")
    )
    assert "<strong>Dose</strong>" in html
    assert '<a href="https://dose.example/x" rel="noreferrer">label</a>' in html
    assert '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>' in html
    assert "<td>10,500</td>" in html


async def test_the_how_page_names_every_rule_and_query() -> None:
    async with service(database_url="") as client:
        shown = (await client.get("/how")).text
    for words in ("B1", "E6", "G3", "us-2023", "transaminases", "AllergyIntolerance", "indicated"):
        assert words in shown


async def test_without_the_playground_there_is_no_mini_ehr() -> None:
    async with service(database_url="", playground=False) as client:
        root, chart = await client.get("/"), await client.get("/ehr/b1-above-line-8h")
        form = await client.post("/ehr/open", data={"patient": "b1-above-line-8h"})
    assert root.headers["content-type"] == "application/json"
    assert (chart.status_code, form.status_code) == (404, 404)
