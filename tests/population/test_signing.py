"""What the order hook would have said of the orders in a chart: together with what, before what."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cds_service.hooks.order_cases import OrderKind
from cds_service.population.rows import ORDER_COLUMNS, order_rows
from tests import builders
from tests.builders import Amount
from tests.population.test_replaying import alt, hours, level, nac, overdose, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cds_service.population.signing import Signing

Json = dict[str, Any]


def order(
    at: float | None,
    *texts: str,
    name: str = "order",
    code: builders.Code = builders.NAC_INJECTION,
    route: builders.Code = builders.INTRAVENOUS,
    status: str = "active",
    **changes: Any,
) -> Json:
    made = builders.medication_request(name, "p", code, status=status, route=route)
    if at is not None:
        made["authoredOn"] = hours(at).isoformat()
    (dosage,) = made["dosageInstruction"]
    made["dosageInstruction"] = [dosage | {"text": text} for text in texts] or [dosage]
    return made | changes


def weight() -> Json:
    return builders.observation(
        "weight", "p", builders.BODY_WEIGHT, value=Amount(70, "kg", "kg"), at=hours(0), issued=hours(0)
    )


RIGHT = ("10500 mg in 200 mL D5W over 1 h", "3500 mg in 500 mL D5W over 4 h", "7000 mg in 1 L D5W over 16 h")
TENFOLD = ("105000 mg in 200 mL D5W over 1 h", *RIGHT[1:])
COPD = [{"text": "COPD exacerbation, mucolytic"}]
ABOVE = (overdose(), level(160, 1), alt(1), weight())
BELOW = (overdose(), level(20, 1), alt(1), weight())

# chart, orders, topics, rules of cautions, rules of dose checks, critical
SAID = [
    pytest.param(ABOVE, [order(3, *RIGHT)], ("indicated",), (), (), False, id="as it should be"),
    pytest.param(
        ABOVE, [order(3, *TENFOLD)], ("indicated", "dose-check"), (), ("F1-dose-off-regimen",), True, id="ten times"
    ),
    pytest.param(
        BELOW, [order(3, *RIGHT)], ("caution",), ("E5-iv-not-indicated-on-current-data",), (), False, id="needless"
    ),
    pytest.param(
        (), [order(3, reasonCode=COPD)], ("caution",), ("E1-iv-for-airway-disease",), (), False, id="for the lungs"
    ),
    pytest.param(
        ABOVE,
        [order(3, code=builders.APAP_500_TABLET, route=builders.ORAL)],
        ("indicated", "caution"),
        ("E6-acetaminophen-during-toxicity",),
        (),
        False,
        id="acetaminophen while treatment is indicated",
    ),
    pytest.param(
        ABOVE,
        [order(3, RIGHT[0], name="a"), order(3, RIGHT[1], name="b"), order(3, RIGHT[2], name="c")],
        ("indicated",),
        (),
        (),
        False,
        id="three orders signed together are one set of bags",
    ),
    pytest.param(BELOW, [order(1, *RIGHT)], ("data-needed",), (), (), False, id="before the level was back"),
    pytest.param(
        BELOW,
        [order(3, *RIGHT), nac(3)],
        ("caution",),
        ("E5-iv-not-indicated-on-current-data",),
        (),
        False,
        id="the infusion of the same instant is not there yet",
    ),
    pytest.param(
        BELOW, [nac(3)], ("caution",), ("E5-iv-not-indicated-on-current-data",), (), False, id="given, never ordered"
    ),
    pytest.param(
        BELOW,
        [order(3, *RIGHT, status="cancelled")],
        ("caution",),
        ("E5-iv-not-indicated-on-current-data",),
        (),
        False,
        id="cancelled later, signed nevertheless",
    ),
]


def only(resources: Sequence[Json]) -> Signing:
    (signing,) = told(*resources).signings
    return signing


@pytest.mark.parametrize(("chart", "orders", "topics", "cautions", "dose_checks", "critical"), SAID)
def test_what_would_have_been_said(
    chart: Sequence[Json],
    orders: Sequence[Json],
    topics: tuple[str, ...],
    cautions: tuple[str, ...],
    dose_checks: tuple[str, ...],
    critical: bool,  # noqa: FBT001 -- a column
) -> None:
    said = only([*chart, *orders])
    assert said.topics[: len(topics)] == topics
    assert (said.cautions, said.dose_checks, said.is_critical) == (cautions, dose_checks, critical)


NOT_SIGNED = [
    pytest.param(order(3, status="draft"), 0, id="a draft"),
    pytest.param(order(3, intent="proposal"), 0, id="a proposal"),
    pytest.param(order(3, status="entered-in-error"), 0, id="an error"),
    pytest.param(order(3, doNotPerform=True), 0, id="a prohibition"),
    pytest.param(order(3, code=builders.AMOXICILLIN, route=builders.ORAL), 0, id="another drug"),
    pytest.param(order(None), 1, id="no instant"),
]


@pytest.mark.parametrize(("resource", "unread"), NOT_SIGNED)
def test_what_was_not_signed_is_not_judged(resource: Json, unread: int) -> None:
    history = told(*BELOW, resource)
    assert (history.signings, history.unread_orders) == ((), unread)


def test_an_order_is_judged_once_however_often_it_was_changed() -> None:
    later = (hours(8) + timedelta(minutes=1)).isoformat()
    first = order(3, *RIGHT, meta={"versionId": "1", "lastUpdated": hours(3).isoformat()})
    second = order(3, *RIGHT, status="completed", meta={"versionId": "2", "lastUpdated": later})
    assert only([*BELOW, second, first]).at == hours(3)


def test_the_drug_as_given_is_judged_only_where_nothing_was_ordered() -> None:
    said = only([*BELOW, order(2.5, *RIGHT), nac(3)])
    assert (said.orders, said.was_ordered) == (("MedicationRequest/order",), True)
    given = only([*BELOW, nac(3)])
    assert (given.orders, given.was_ordered) == (("MedicationAdministration/nac",), False)
    assert given.kinds == (OrderKind.IV_NAC,)


def test_rows_have_the_columns_of_the_table_and_no_words_of_the_chart() -> None:
    (row,) = order_rows(told(*BELOW, order(3, "10500 mg as told by Mr Smith")))
    assert set(row) == set(ORDER_COLUMNS)
    assert "Smith" not in str(row)
