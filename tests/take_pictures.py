"""Takes the pictures of the README from the running pages: `make pictures`. The same pages give the same pictures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.browser.visitor import chromium, running_site, visitor

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect, Locator

    from tests.browser.visitor import Visitor

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
LARGEST_BYTES = 120 * 1024
_ABOVE = "/ehr/b1-above-line-8h"
_TALLEST = {"mini-ehr": 1000.0, "dose-check": 820.0, "nomogram": 1000.0}
_LOOK: dict[str, Any] = {
    "viewport": {"width": 1000, "height": 1000},
    "color_scheme": "light",
    "reduced_motion": "reduce",
}


def mini_ehr(someone: Visitor) -> Locator:
    """A chart at the moment the level is back, with its card."""
    page = someone.open("/ehr/g1-criteria-met")
    page.evaluate("minutes => { document.querySelector('#minutes').value = minutes; }", -25 * 60)
    someone.press("Go to that time")
    return page.locator("body")


def dose_check(someone: Visitor) -> Locator:
    """A tenfold dose, caught before it is signed: the head of its card."""
    page = someone.open(_ABOVE)
    someone.order("iv-nac", dose="105000", duration_h="1")
    return page.locator('article[data-topic="dose-check"]')


def nomogram(someone: Visitor) -> Locator:
    """A level of uncertain time against the lines."""
    page = someone.open("/nomogram")
    for name, text in {"level": "82", "hours_from": "6", "hours_to": "10", "alt": "25", "weight": "70"}.items():
        page.fill(f"#{name}", text)
    someone.press("Assess")
    return page.locator("svg.nomogram")


def _upper_part(shown: Locator, tallest: float) -> FloatRect:
    """Where it lies on the page, cut at a height that fits a README."""
    shown.page.evaluate("scrollTo(0, 0)")
    box = shown.bounding_box()
    assert box is not None, "not on the page"
    return {**box, "height": min(box["height"], tallest)}


def take(folder: Path) -> list[Path]:
    """Every picture, written into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with chromium() as browser, running_site() as base:
        for name, scene in {"mini-ehr": mini_ehr, "dose-check": dose_check, "nomogram": nomogram}.items():
            with visitor(browser, base, **_LOOK) as someone:
                path = folder / f"{name}.png"
                clip = _upper_part(scene(someone), _TALLEST[name])
                someone.page.screenshot(path=path, clip=clip, full_page=True, animations="disabled")
                written.append(path)
    return written


def main() -> int:
    """Take the pictures; 1 when one is too large for a README."""
    too_large = [path for path in take(PICTURES) if path.stat().st_size > LARGEST_BYTES]
    for path in too_large:
        sys.stderr.write(f"{path} is larger than {LARGEST_BYTES} bytes\n")
    return 1 if too_large else 0


if __name__ == "__main__":
    sys.exit(main())
