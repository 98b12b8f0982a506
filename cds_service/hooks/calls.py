"""Answering one parsed hook call: server, chart, assessment, cards.

Knows how the pieces fit for one call and which failure is told how. Must not know requests, responses or
the clock: `now` is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from cds_service.clinical.findings import Verdict
from cds_service.evaluation import ChartSource, MissingDataError, evaluate, read_chart
from cds_service.fhir.gather import ForeignPatientError
from cds_service.fhir.servers import FhirServer, is_allowed
from cds_service.hooks.cards import MadeCard, cards_for, topic_of
from cds_service.hooks.errors import InvalidRequestError, Issue, refuse
from cds_service.hooks.models import Hook, HookRequest
from cds_service.hooks.orders import OrderContext, OrderContextError, drafts_from_context
from cds_service.records import CardRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from cds_service.clinical.assessment import Assessment
    from cds_service.clinical.facts import DataGap
    from cds_service.evaluation import Chart, Evaluation
    from cds_service.fhir.client import FhirClient
    from cds_service.fhir.reading import JsonObject
    from cds_service.settings import Settings
    from cds_service.trusted_clients import TrustedClient


@dataclass(frozen=True, slots=True)
class ChartAccess:
    """How the chart may be read for one call: with which client, within how many seconds, on whose behalf.

    `caller`: the trusted client that limits which FHIR servers may be read; None where the site lists none.
    """

    client: FhirClient | None
    seconds_left: float
    caller: TrustedClient | None = None


class UnansweredError(InvalidRequestError):
    """The call could not be answered for lack of required data (412); `chart` and `gaps` say what was read."""

    def __init__(self, chart: Chart, gaps: tuple[DataGap, ...], issues: Iterable[Issue]) -> None:
        """Keep what was read beside the issues."""
        super().__init__(HTTPStatus.PRECONDITION_FAILED, *issues)
        self.chart = chart
        self.gaps = gaps


@dataclass(frozen=True, slots=True)
class Answer:
    """The cards of one call, each with its rules, and the evaluation behind them."""

    made: list[MadeCard]
    evaluation: Evaluation

    @property
    def cards(self) -> list[JsonObject]:
        """The cards as the caller gets them."""
        return [made.card for made in self.made]

    @property
    def met_rules(self) -> tuple[str, ...]:
        """Ids of the rules whose condition holds, cautions on orders included."""
        assessment = self.evaluation.assessment
        judged = (*assessment.judged, *(caution.judged for caution in assessment.cautions))
        return tuple(each.rule.id for each in judged if each.finding.verdict is Verdict.MET)

    @property
    def topics(self) -> tuple[str, ...]:
        """The topic codes of the cards, in order."""
        return tuple(topic_of(card) for card in self.cards)

    @property
    def card_records(self) -> tuple[CardRecord, ...]:
        """What is kept of the cards, so that feedback on them can be told by rule."""
        return tuple(CardRecord(made.card["uuid"], topic_of(made.card), made.rules) for made in self.made)

    @property
    def silence(self) -> str | None:
        """Why there is no card; None when there is one."""
        if self.cards:
            return None
        return "outside the population" if self.evaluation.assessment.category is None else "no card for this order"


async def answer_call(
    call: HookRequest,
    *,
    settings: Settings,
    access: ChartAccess,
    now: datetime,
    links_for: Callable[[Assessment], tuple[JsonObject, ...]] = lambda _: (),
) -> Answer:
    """The answer to one call. `links_for`: the links of the primary card to pages of this service.

    Raises `InvalidRequestError`: 400 for another patient's data or unusable draft orders, 412 (`UnansweredError`)
    when required data are missing.
    """
    drafts = _order_context(call)
    source = ChartSource(
        call.patient_id, call.prefetch, access.client, _server(call, settings, access.caller), access.seconds_left
    )
    try:
        chart = await read_chart(source, references=() if drafts is None else drafts.unresolved)
        drafts = _order_context(call, chart.resources)
        evaluation = evaluate(
            chart,
            orders=() if drafts is None else drafts.selected_drugs,
            unselected=() if drafts is None else drafts.unselected_drugs,
            profile=settings.clinical_profile,
            now=now,
        )
    except ForeignPatientError:
        refuse("prefetch.patient is another patient than context.patientId", "prefetch.patient", code="value")
    except MissingDataError as error:
        raise _missing_data(error, call, settings, access.caller) from None
    made = cards_for(
        evaluation.assessment,
        order_context=drafts,
        base_url=settings.base_url,
        zone=settings.zone,
        encounter_id=call.encounter_id,
        links=links_for(evaluation.assessment),
    )
    return Answer(made, evaluation)


def _order_context(call: HookRequest, resources: Iterable[JsonObject] = ()) -> OrderContext | None:
    if call.hook is Hook.PATIENT_VIEW:
        return None
    try:
        return drafts_from_context(call.context, call.patient_id, resources, hook=call.hook.value)
    except OrderContextError as error:
        refuse(str(error), error.expression)


def _server(call: HookRequest, settings: Settings, caller: TrustedClient | None) -> FhirServer | None:
    """The server this call may read from.

    A server that is not allowed is never replaced by the default one: there the same id is another person. So the
    default one, too, must be one that the caller may name.
    """
    base, token = call.fhir_server, call.access_token
    if base is None:
        base, token = settings.default_fhir_server, None
    if base is None or not _may_be_read(base, settings, caller):
        return None
    return FhirServer(base, token, permits_plain_http=True)


def _may_be_read(base: str, settings: Settings, caller: TrustedClient | None) -> bool:
    bases = settings.fhir_bases
    return is_allowed(base, bases) if caller is None else caller.may_name(base, bases)


def _missing_data(
    error: MissingDataError, call: HookRequest, settings: Settings, caller: TrustedClient | None
) -> UnansweredError:
    """412 with one issue per missing key, and why the named server was not asked."""
    issues = [Issue("incomplete", error.reason(key), f"prefetch.{key}") for key in error.keys]
    if call.fhir_server is not None and _server(call, settings, caller) is None:
        why = "The FHIR server named in the request is not one this service may ask; send the missing data as prefetch."
        issues.append(Issue("security", why, "fhirServer"))
    return UnansweredError(error.chart, error.gaps, issues)
