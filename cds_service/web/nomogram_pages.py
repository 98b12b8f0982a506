"""`/nomogram`: the calculator, and the nomogram of a card behind its sealed link.

Knows the routes and their forms. Reads the clock it is given. Typed numbers travel in the body, never in an address.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from cds_service.clinical.findings import Verdict
from cds_service.clinical.profiles import PROFILES
from cds_service.hooks.cards import cards_for
from cds_service.web import nomogram_plot
from cds_service.web.calculator import (
    INTENTS,
    LEVEL_UNITS,
    PRODUCTS,
    WEIGHT_UNITS,
    Entry,
    assessed,
    entry_from_form,
)
from cds_service.web.entry import EntryError
from cds_service.web.forms import FormError, typed_fields
from cds_service.web.nomogram_plot import letter, plot
from cds_service.web.nomogram_view import has_nomogram, nomogram_view
from cds_service.web.pages import message_page, page
from cds_service.web.sealed import SealError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from starlette.requests import Request
    from starlette.responses import Response

    from cds_service.clinical.assessment import Assessment
    from cds_service.fhir.reading import JsonObject
    from cds_service.settings import Settings
    from cds_service.web.nomogram_view import NomogramView
    from cds_service.web.sealed import Seal

PATH = "/nomogram"
_LARGEST_FORM_BYTES = 8 * 1024
_SIZE = {"width": nomogram_plot.WIDTH, "height": nomogram_plot.HEIGHT, "left": nomogram_plot.LEFT,
         "right": nomogram_plot.RIGHT, "top": nomogram_plot.TOP, "bottom": nomogram_plot.BOTTOM}  # fmt: skip


@dataclass(frozen=True, slots=True)
class NomogramDesk:
    """What the pages need: settings, the clock, and the seal of the links."""

    settings: Settings
    clock: Callable[[], datetime]
    seal: Seal

    def link(self, assessment: Assessment) -> JsonObject | None:
        """The link of a card to its nomogram; None when there is nothing to draw, or too much for an address."""
        if not has_nomogram(assessment):
            return None
        token = self.seal.seal(nomogram_view(assessment, self.settings.zone))
        if token is None:
            return None
        return {"label": "Show on the nomogram", "url": f"{self.settings.base_url}{PATH}/{token}", "type": "absolute"}


def nomogram_routes(desk: NomogramDesk) -> list[Route]:
    """The routes of the nomogram."""

    async def form(_: Request) -> Response:
        return _calculator(desk, Entry(profile=desk.settings.clinical_profile.name))

    async def calculate(request: Request) -> Response:
        try:
            entry = entry_from_form(dict(await typed_fields(request, _LARGEST_FORM_BYTES)))
        except FormError:
            words = "The form is too large or could not be read."
            return message_page("Not calculated", words, status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return _result(desk, entry)

    async def sealed(request: Request) -> Response:
        try:
            view = desk.seal.open(request.path_params["token"])
        except SealError:
            words = ("This link has expired or was changed.", "Open the patient's chart again for a new one.")
            return message_page("Link no longer valid", *words, status=HTTPStatus.GONE)
        return page("nomogram.html", **drawing(view))

    return [
        Route(PATH, form, methods=["GET", "HEAD"]),
        Route(PATH, calculate, methods=["POST"]),
        Route(f"{PATH}/{{token}}", sealed, methods=["GET", "HEAD"]),
    ]


def drawing(view: NomogramView) -> dict[str, Any]:
    """What the nomogram templates need of a view."""
    lettered = [(letter(index), moment) for index, moment in enumerate(view.moments)]
    return {"view": view, "drawn": plot(view), "size": _SIZE, "lettered": lettered}


def _calculator(desk: NomogramDesk, entry: Entry, status: int = HTTPStatus.OK, **result: Any) -> Response:
    own = desk.settings.clinical_profile
    profiles = {own.name: own.title} | {name: profile.title for name, profile in PROFILES.items()}
    choices: dict[str, Any] = {
        "level_units": LEVEL_UNITS,
        "weight_units": WEIGHT_UNITS,
        "products": {key: words for key, (words, _, _) in PRODUCTS.items()},
        "intents": {key: words for key, (words, _) in INTENTS.items()},
        "profiles": profiles,
    }
    told: dict[str, Any] = {"problems": {}, "cards": None, "view": None, "rules": ()} | result
    return page("calculator.html", status, entry=entry, shadow=desk.settings.shadow, **choices, **told)


def _result(desk: NomogramDesk, entry: Entry) -> Response:
    now = desk.clock()
    try:
        assessment = assessed(entry, desk.settings.clinical_profile, now)
    except EntryError as error:
        return _calculator(desk, entry, HTTPStatus.UNPROCESSABLE_ENTITY, problems=error.problems)
    zone = desk.settings.zone
    made = cards_for(assessment, order_context=None, base_url=desk.settings.base_url, zone=zone)
    view = nomogram_view(assessment, zone)
    return _calculator(desk, entry, cards=[each.card for each in made], rules=rule_rows(assessment), **drawing(view))


def rule_rows(assessment: Assessment) -> tuple[dict[str, str], ...]:
    """Every rule with its verdict, the ones that hold first, then those that cannot be settled."""
    order = (Verdict.MET, Verdict.UNKNOWN, Verdict.NOT_MET)
    rows = sorted(assessment.judged, key=lambda judged: order.index(judged.finding.verdict))
    return tuple(
        {
            "id": judged.rule.id,
            "statement": judged.rule.statement,
            "verdict": judged.finding.verdict.value,
            "because": judged.finding.because,
            "missing": "; ".join(judged.finding.missing),
        }
        for judged in rows
    )
