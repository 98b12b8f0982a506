"""The service as the public CDS Hooks sandbox, and clients built like it, use it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from cds_service.embedded import FHIR_BASE, in_process
from cds_service.sandbox.fixtures import FixtureCase, load_cases
from cds_service.sandbox.store import ResourceStore
from cds_service.settings import Settings
from tests.hooks.public_sandbox import PublicSandbox
from tests.hooks.service import SELECT, VIEW, order, prefetch, service, topics, view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CASES = {case.slug: case for case in load_cases()}
IV_NAC = {"name": "acetylcysteine 200 MG/ML Injectable Solution", "id": "465377"}
ACETAMINOPHEN = {"name": "Acetaminophen 500 MG Oral Tablet [Mapap]", "id": "209443"}
Json = dict[str, Any]


@asynccontextmanager
async def tab(slug: str) -> AsyncIterator[PublicSandbox]:
    """The sandbox at a fixture patient, which has discovered the services."""
    case: FixtureCase = CASES[slug]
    settings = Settings(database_url="", playground=False)
    async with in_process(settings, ResourceStore(case.resources()), lambda: case.anchor) as client:
        opened = PublicSandbox(client, FHIR_BASE, slug)
        await opened.discover()
        yield opened


def shown(cards: list[Json]) -> list[str]:
    return [card["source"]["topic"]["code"] for card in cards]


async def test_discovery_offers_a_service_for_each_hook_it_knows() -> None:
    async with tab("b1-above-line-8h") as sandbox:
        assert [each["hook"] for each in sandbox.services.values()] == ["patient-view", "order-select", "order-sign"]


@pytest.mark.parametrize(
    ("slug", "drug", "expected"),
    [
        ("b1-above-line-8h", None, {"patient-view": ["indicated"]}),
        # A pill a day is no dose of an infusion: while ordering it is only begun, when signing it is checked.
        ("b1-above-line-8h", IV_NAC, {"order-select": ["indicated"], "order-sign": ["indicated", "dose-check"]}),
        (
            "b1-above-line-8h",
            ACETAMINOPHEN,
            {"order-select": ["caution", "indicated"], "order-sign": ["caution", "indicated"]},
        ),
        ("e1-copd-eligible-for-oral-nac", IV_NAC, {"order-select": ["caution"], "order-sign": ["caution"]}),
        ("unrelated-patient", ACETAMINOPHEN, {"patient-view": [], "order-select": [], "order-sign": []}),
    ],
)
async def test_the_hooks_are_answered(slug: str, drug: Json | None, expected: dict[str, list[str]]) -> None:
    async with tab(slug) as sandbox:
        sandbox.prescribable = drug
        for hook, topics_ in expected.items():
            assert sorted(shown(await sandbox.call(hook))) == sorted(topics_)


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
async def test_a_prescription_without_a_drug_is_no_reason_to_fail(hook: str) -> None:
    """The sandbox calls before a drug is chosen: an order without one is not taken for anything."""
    async with tab("b1-above-line-8h") as sandbox:
        cards = await sandbox.call(hook)
    assert "dose-check" not in shown(cards)


async def test_taking_the_suggestion_of_treatment_puts_the_drug_into_the_prescription() -> None:
    async with tab("b1-above-line-8h") as sandbox:
        (card,) = await sandbox.call("patient-view")
        (draft, *_) = card["suggestions"]
        await sandbox.take(card, draft)
        assert sandbox.prescribable is not None
        assert "acetylcysteine" in sandbox.prescribable["name"].lower()
        assert sandbox.complaints == []
        # It remembers name and code alone; the next call must still find IV acetylcysteine in them.
        after = await sandbox.call("order-select")
    assert shown(after) == ["indicated"]
    assert "IV NAC is indicated" in after[0]["summary"]
    assert "suggestions" not in after[0]  # it is ordered already


async def test_taking_the_suggestion_of_a_caution_changes_or_clears_the_prescription() -> None:
    async with tab("e1-copd-eligible-for-oral-nac") as sandbox:
        sandbox.prescribable = dict(IV_NAC)
        (card,) = await sandbox.call("order-select")
        for suggestion in card["suggestions"]:
            sandbox.prescribable = dict(IV_NAC)
            await sandbox.take(card, suggestion)
            assert sandbox.prescribable != IV_NAC
    assert sandbox.complaints == []


@pytest.mark.parametrize(
    "slug", ["b1-above-line-8h", "b8-sample-before-4h", "b3-below-line-8h-normal-alt", "c2-no-level-2h"]
)
async def test_every_card_can_be_dismissed_with_each_of_its_reasons(slug: str) -> None:
    """Stored where feedback is; refused in words where it is not; never a failure of the service."""
    async with tab(slug) as sandbox:
        for card in await sandbox.call("patient-view"):
            assert card["overrideReasons"]
            for reason in [None, *card["overrideReasons"]]:
                answer = await sandbox.dismiss(card, reason)
                assert answer.status_code in {200, 404}
                assert reason is None or {"code", "system", "display"} == set(reason)


@pytest.mark.parametrize("slug", [slug for slug in CASES if slug.startswith(("b1-", "b8-", "e1-", "f1-", "c1-"))])
async def test_nothing_on_a_card_makes_it_complain(slug: str) -> None:
    async with tab(slug) as sandbox:
        sandbox.prescribable = dict(IV_NAC)
        for hook in ("patient-view", "order-select"):
            for card in await sandbox.call(hook):
                assert card["uuid"]
                assert card["source"]["label"]
                for suggestion in card.get("suggestions", ()):
                    assert suggestion["label"]
                    assert suggestion["uuid"]
                    await sandbox.take(card, suggestion)
    assert set(sandbox.complaints) <= {"Suggested resource does not have a medicationCodeableConcept"}


IMAGING = {
    "resourceType": "ServiceRequest",
    "id": "example-request-id",
    "status": "draft",
    "intent": "plan",
    "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "70450"}], "text": "CT head"},
    "subject": {"reference": "Patient/p1"},
    "reasonCode": [{"coding": [{"code": "13200003"}], "text": "Headache"}],
}


def drafted(resource: Json, **context: Any) -> Json:
    return order(draftOrders={"resourceType": "Bundle", "entry": [{"resource": resource}]},
                 selections=[f"{resource['resourceType']}/{resource['id']}"], **context)  # fmt: skip


DSTU2 = {
    "resourceType": "MedicationOrder",
    "id": "order-123",
    "status": "draft",
    "patient": {"reference": "Patient/p1"},
    "dateWritten": "2026-01-15",
    "medicationCodeableConcept": {"text": "acetylcysteine", "coding": [{"display": "acetylcysteine",
        "system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "465377"}]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        (VIEW, view(), ["not-indicated"]),
        (VIEW, view(prefetch=prefetch(120.0)), ["indicated"]),
        (VIEW, view(context={"patientId": "p1", "userId": "Practitioner/1", "encounterId": None}), ["not-indicated"]),
        (VIEW, view(context={"patientId": "p1"}), ["not-indicated"]),
        (VIEW, view(hookVersion="2.0", user="Dr 1", fhirServer=None, extension={"x": [1]}), ["not-indicated"]),
        (SELECT, drafted(IMAGING), []),
        (SELECT, drafted(DSTU2), ["caution"]),
        (SELECT, order(encounterId="e1", orders=[]), ["caution"]),
        (SELECT, order() | {"prefetch": prefetch(120.0, otherLabs={"resourceType": "Bundle", "total": 0})},
         ["indicated"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json+fhir", "application/fhir+json; charset=utf-8"]
)
async def test_other_clients_shapes(path: str, body: Json, expected: list[str], media_type: str) -> None:
    async with service(database_url="", playground=False) as client:
        answer = await client.post(path, json=body, headers={"Content-Type": media_type})
    assert answer.status_code == 200, answer.text
    assert sorted(topics(answer)) == sorted(expected)


async def test_a_browser_client_may_call_from_its_own_origin() -> None:
    """The preflight of every address it uses, the feedback's too."""
    asked = {"Origin": "https://sandbox.cds-hooks.org", "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "authorization,content-type"}  # fmt: skip
    async with service(database_url="", playground=False) as client:
        for path in (VIEW, SELECT, f"{VIEW}/feedback"):
            answer = await client.options(path, headers=asked)
            assert answer.status_code == 200
            assert answer.headers["access-control-allow-origin"] == "*"
            assert "authorization" in answer.headers["access-control-allow-headers"].lower()
