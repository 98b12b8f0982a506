"""Damaged charts through the whole service: an answer of the right shape, and never calm where treatment was due.

`MUTATED_CHARTS=5000 pytest tests/faults/test_mutated_charts.py` tries as many as asked for.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from cds_service.fhir.queries import QUERIES, prefetch_templates
from cds_service.sandbox.fixtures import FixtureCase, load_cases
from tests.builders import draft_order
from tests.conformance.schemas import OUTCOME, RESPONSE, complaints
from tests.ehr import call, satisfied
from tests.faults.mutation import GARBAGE, GONE, Damage, Json, Path, at, damaged, disturbed, places
from tests.hooks.service import service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    import httpx

CASES = load_cases()
REQUIRED = [query.key for query in QUERIES if query.required]
HOOKS = ("patient-view", "order-select", "order-sign")
CALM: tuple[list[str], ...] = ([], ["not-indicated"])
EXAMPLES = settings(
    max_examples=int(os.environ.get("MUTATED_CHARTS", "200")),
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),  # whole charts are large
)
# Under the us-2023 profile acetaminophen counts as detected from here, mg/L.
DETECTED_MG_L = 10.0


class Asked:
    """The service in memory, its clock at the anchor of the case that is asked about."""

    def __init__(self, client: httpx.AsyncClient, standing: list[datetime], runner: asyncio.Runner) -> None:
        self._client, self._standing, self._runner = client, standing, runner

    def answer(self, case: FixtureCase, hook: str, body: Any) -> tuple[int, Any]:
        """Status and body of the answer; the request may hold NaN, which JSON does not know."""
        self._standing.append(case.anchor)
        content = json.dumps(body).encode("utf-8", "surrogatepass")
        posted = self._client.post(f"/cds-services/iv-nac-{hook}", content=content)
        answer = self._runner.run(_done(posted))
        return answer.status_code, answer.json()

    def topics(self, case: FixtureCase, prefetch: Json) -> list[str] | int:
        """The topics of the cards on opening the chart; the status where there are none for a failure."""
        status, body = self.answer(case, "patient-view", call("patient-view", case.slug, prefetch))
        return [card["source"]["topic"]["code"] for card in body["cards"]] if status == 200 else status


async def _done(awaitable: Any) -> Any:
    return await awaitable


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    standing: list[datetime] = []
    opened = service(clock=lambda: standing[-1])
    with asyncio.Runner() as runner:
        yield Asked(runner.run(_done(opened.__aenter__())), standing, runner)
        runner.run(_done(opened.__aexit__(None, None, None)))


def prefetched(case: FixtureCase) -> Json:
    """The complete prefetch of a case."""
    return satisfied(prefetch_templates(), {"patientId": case.slug}, case.resources())


@EXAMPLES
@given(data=st.data(), case=st.sampled_from(CASES), hook=st.sampled_from(HOOKS))
def test_whatever_is_damaged_the_answer_has_the_right_shape(
    asked: Asked, data: st.DataObject, case: FixtureCase, hook: str
) -> None:
    order = draft_order(
        data.draw(st.sampled_from(["iv-nac", "oral-nac", "acetaminophen", "unidentifiable"])), case.slug
    )
    body = data.draw(damaged(call(hook, case.slug, prefetched(case), [order])))
    status, answer = asked.answer(case, hook, body)
    event(f"status {status}")
    assert status in {200, 400, 412}
    assert complaints(RESPONSE if status == 200 else OUTCOME, answer) == []


@EXAMPLES
@given(data=st.data(), case=st.sampled_from(CASES))
def test_disorder_changes_nothing(asked: Asked, data: st.DataObject, case: FixtureCase) -> None:
    prefetch = prefetched(case)
    assert asked.topics(case, data.draw(disturbed(prefetch))) == asked.topics(case, prefetch)


# Their level is above the line by a Specimen's time only, and a prefetch without a server holds no Specimen.
BY_SPECIMEN = {"specimen-time-puts-level-above-line"}


def _is_indicated(case: FixtureCase) -> bool:
    first = case.expected["calls"][0]
    if case.slug in BY_SPECIMEN:
        return False
    return first["hook"] == "patient-view" and first["topics"] == ["indicated"] and "profile" not in first


TO_TREAT = [case for case in CASES if _is_indicated(case)]


@EXAMPLES
@given(data=st.data(), case=st.sampled_from(TO_TREAT))
def test_garbling_never_calms_a_chart_to_treat(asked: Asked, data: st.DataObject, case: FixtureCase) -> None:
    prefetch = prefetched(case)
    assert asked.topics(case, prefetch) == ["indicated"]
    for _ in range(data.draw(st.integers(1, 2))):
        where = [place for place in places(prefetch) if place[0] in REQUIRED and len(place) > 1]
        damage = Damage(data.draw(st.sampled_from(where)), data.draw(st.sampled_from(GARBAGE)))
        if makes_another_patient(case, prefetch, damage):
            event("another patient")
            return
        prefetch = damage.done_to(prefetch)
    topics = asked.topics(case, prefetch)
    event(f"answer {topics}")
    assert topics not in CALM


def makes_another_patient(case: FixtureCase, prefetch: Json, damage: Damage) -> bool:
    """Whether what is left is a complete chart of somebody who is not the patient that was to be treated.

    - An entry, or all entries, taken away or emptied: nothing tells that there ever was one.
    - A result or problem under other words, in part or in whole: it is one whose name or code nobody knows.
    - A subject turned into the id of somebody else, or an entry into one of another type.
    - A status taken from an entry that did not count, which then counts.
    - The time of ingestion, where no level is detectable: an unknown time is judged by detection alone.
    """
    entry_place = next((n for n, key in enumerate(damage.path) if key == "resource"), None)
    if entry_place is None:
        return damage.value is GONE or damage.value in ([], {}, None)
    resource = at(prefetch, damage.path[: entry_place + 1])
    within = damage.path[entry_place + 1 :]
    if not within or not isinstance(resource, dict):
        return False
    if within[0] in {"status", "verificationStatus", "clinicalStatus"}:
        return not _counts(resource)
    if within[0] == "code":
        return _says_something(damage.done_to(prefetch), damage.path[: entry_place + 2])
    if within[0] in {"subject", "resourceType"}:
        return isinstance(damage.value, str) and re.fullmatch(r"[A-Za-z0-9.-]+", damage.value) is not None
    return _is_time_of_ingestion(resource, within) and not _has_detectable_level(case)


def _says_something(prefetch: Json, path: Path) -> bool:
    """Whether a code or a word is left at this place."""
    code = at(prefetch, path[:-1]).get(path[-1])
    return any(isinstance(at(code, place), str) and at(code, place).strip() for place in places(code)) or (
        isinstance(code, str) and bool(code.strip())
    )


def _counts(resource: Json) -> bool:
    """Whether an entry is neither mistaken, refuted, cancelled nor over."""
    states = json.dumps([resource.get(name) for name in ("status", "verificationStatus", "clinicalStatus")])
    return not any(
        f'"{state}"' in states for state in ("entered-in-error", "refuted", "cancelled", "resolved", "registered")
    )


def _is_time_of_ingestion(resource: Json, within: Path) -> bool:
    return resource.get("resourceType") == "Condition" and str(within[0]).startswith(("onset", "recorded"))


def _has_detectable_level(case: FixtureCase) -> bool:
    """Whether the undamaged chart holds a number that counts as detected, taken for a level in mg/L."""
    resources = [entry["resource"] for entry in prefetched(case)["levels"]["entry"]]
    values = [resource.get("valueQuantity", {}).get("value") for resource in resources]
    return any(isinstance(value, int | float) and value >= DETECTED_MG_L for value in values)
