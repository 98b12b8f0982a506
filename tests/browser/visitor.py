"""A real browser at a real service: what the browser tests and the pictures of the README share.

Whatever changes a page is done through the `Visitor`, who returns when the page shows what came of it, so that
the next line may read it. A test holds the others to that: none of them clicks, or presses a key that sends something.
"""

from __future__ import annotations

import re
import shutil
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect, sync_playwright

from cds_service.app import FHIR_PATH, create_app
from cds_service.sandbox.store import ResourceStore
from cds_service.settings import Settings
from tests.integration.conftest import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request

    from cds_service.fhir.reading import JsonObject

    Visit = Callable[..., AbstractContextManager["Visitor"]]

CLOCK = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
ABOVE = "/ehr/b1-above-line-8h"
HOSTILE = '<img src=x onerror="window.__harm=1"><script>window.__harm=1</script>\'"[x](javascript:window.__harm=1)`'
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
_PATIENCE_MS = 30_000
# Chromium takes no picture of more than 16384 pixels, and a telephone has two for each of the page.
_TALLEST = 8000
# The browser says so by itself of every page that is itself an answer of 4xx.
_OWN_STATUS = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d ")


@contextmanager
def running_site(resources: Iterable[JsonObject] = ()) -> Iterator[str]:
    """The service with its pages, and a FHIR server with these resources beside it; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with TemporaryDirectory() as folder:
        settings = Settings(
            base_url=base,
            database_url=f"sqlite:///{folder}/feedback.db",
            default_fhir_server=f"{base}{FHIR_PATH}",
            fhir_timeout_seconds=30,
            deadline_seconds=60,
        )
        with served(create_app(settings, clock=lambda: CLOCK, sandbox=ResourceStore(resources)), listener):
            yield base


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    expect.set_options(timeout=_PATIENCE_MS)
    path = shutil.which("chromium")
    assert path, "chromium is not installed"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watch:
    """What a page must never do: complain, throw, open a dialog, or ask another origin for anything."""

    base: str
    complaints: list[str] = field(default_factory=list)
    others: tuple[str, ...] = ()

    def over(self, context: BrowserContext) -> None:
        """Watch every page of a context."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(f"error: {error.error}"))
        context.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        context.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _OWN_STATUS.match(message.text):
            self.complaints.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.base}/", "data:", "blob:", *self.others)):
            self.complaints.append(f"request: {request.url}")


@dataclass
class Visitor:
    """A page in the browser, with the site's address at hand. What it does is over, and seen, when it returns."""

    page: Page
    base: str
    runs_scripts: bool = True

    def open(self, path: str) -> Page:
        """Go to a path of the site."""
        self.page.goto(f"{self.base}{path}")
        return self.page

    def keep(self, name: str) -> None:
        """Keep a screenshot of the whole page as build output; of a book-length page what fits the window."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        height = self.page.evaluate("document.documentElement.scrollHeight")
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=height <= _TALLEST)

    def follow(self, link: str | Locator) -> Page:
        """Follow the first such link, by its words or as found."""
        found = self.page.get_by_role("link", name=link) if isinstance(link, str) else link
        with self.page.expect_navigation():
            found.first.click()
        return self.page

    def press(self, button: str | Locator) -> None:
        """Press the first such button, by its words or as found; it sends its form."""
        found = self.page.get_by_role("button", name=button) if isinstance(button, str) else button
        with self._answered(is_live=bool(found.first.evaluate("each => Boolean(each.form?.matches('[data-live]'))"))):
            found.first.click()

    def unfold(self, summary: str | Locator) -> None:
        """Open what is folded under the first such summary, by its words or as found."""
        found = self.page.locator("summary", has_text=summary) if isinstance(summary, str) else summary
        found.first.click()
        expect(found.first.locator("xpath=..")).to_have_attribute("open", "")

    def send_by_key(self, key: str) -> None:
        """Press a key that follows the focused link, or sends the form of the focused field."""
        is_live = self.page.evaluate("Boolean(document.activeElement.form?.matches('[data-live]'))")
        with self._answered(is_live=bool(is_live)):
            self.page.keyboard.press(key)

    def unfold_by_key(self) -> None:
        """Press Enter on the focused summary."""
        self.page.keyboard.press("Enter")
        expect(self.page.locator("details[open] > summary:focus")).to_have_count(1)

    @contextmanager
    def _answered(self, *, is_live: bool) -> Iterator[None]:
        """Do what sends something; wait for the answer to be shown, in place (`is_live`, with scripts) or as a page."""
        if not (is_live and self.runs_scripts):
            with self.page.expect_navigation():
                yield
            return
        with self.page.expect_response(lambda answer: answer.request.method == "POST"):
            yield
        # Busy from before the request was sent until its answer is shown.
        expect(self.page.locator("main")).not_to_have_attribute("aria-busy", "true")

    def topics(self) -> list[str]:
        """The topics of the cards on the page."""
        return [str(card.get_attribute("data-topic")) for card in self.page.locator("article.card").all()]

    def drafts(self) -> list[str]:
        """The draft orders in words."""
        return [text.strip() for text in self.page.locator(".drafts label").all_inner_texts()]

    def order(self, order: str, **fields: str) -> None:
        """Fill in the order form and add it."""
        self.page.select_option("#order", order)
        for name, text in fields.items():
            self.page.fill(f"#{name}", text)
        self.press("Add and select")


@contextmanager
def visitor(browser: Browser, base: str, others: tuple[str, ...] = (), **options: Any) -> Iterator[Visitor]:
    """A page in a fresh context; on leaving, it must have done nothing it must never do.

    `others`: where else it may go, such as to an authorization server.
    """
    context = browser.new_context(**options)
    context.set_default_timeout(_PATIENCE_MS)
    watch = Watch(base, others=others)
    watch.over(context)
    try:
        yield Visitor(context.new_page(), base, options.get("java_script_enabled", True))
    finally:
        context.close()
    assert watch.complaints == []


def calculate(someone: Visitor, **fields: str) -> Page:
    """Type into the calculator and ask for the assessment."""
    page = someone.open("/nomogram")
    for name, text in fields.items():
        page.fill(f"#{name}", text)
    someone.press("Assess")
    return page


def open_details(page: Page) -> None:
    """Open everything that is folded."""
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
