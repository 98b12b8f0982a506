"""The request: what a service has to accept from clients of any vendor, and what it may refuse."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests import builders
from tests.conformance.requirement import HOOK, Level, shows
from tests.hooks.service import PATIENT, SELECT, SIGN, VIEW, Json, issues, order, topics, view

if TYPE_CHECKING:
    import httpx

pytestmark = pytest.mark.asyncio(loop_scope="module")

ODD: list[Any] = [
    None,
    0,
    "",
    "text",
    [],
    {},
    {"a": [None, {"b": []}]},
    ["x", 1],
    "x" * 10_000,
    "\u202e\u0000\U0001f480",
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every object in a JSON value, as a path."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    own = [path] if isinstance(value, dict) else []
    return own + [place for key, inner in items for place in places(inner, (*path, key))]


def with_everywhere(body: Json, members: Json) -> Json:
    """The body with these members added to each of its objects."""
    made = copy.deepcopy(body)
    for place in places(body):
        at = made
        for key in place:
            at = at[key]
        at.update(members)
    return made


@shows(
    "R1", "Calling a CDS Service", Level.MUST, "A POST of the required members to {base}/cds-services/{id} is answered."
)
async def test_the_smallest_complete_call(client: httpx.AsyncClient) -> None:
    body = {name: view()[name] for name in ("hook", "hookInstance", "context", "prefetch")}
    answer = await client.post(VIEW, json=body)
    assert answer.status_code == 200
    assert topics(answer) == ["not-indicated"]


@shows(
    "R2", "Calling a CDS Service", Level.MUST, "`hook`, `hookInstance` and `context` are required: without one, 400."
)
@pytest.mark.parametrize("name", ["hook", "hookInstance", "context"])
@pytest.mark.parametrize("value", [..., None, 5, [], ""], ids=["absent", "null", "number", "array", "blank"])
async def test_a_call_without_a_required_member_is_refused(client: httpx.AsyncClient, name: str, value: Any) -> None:
    answer = await client.post(VIEW, json=view(**{name: value}))
    assert answer.status_code == 400
    assert issues(answer)[0]["expression"] == [name]


@shows("R3", "patient-view, order-select, order-sign", Level.MUST, "`context.patientId` is required.", source=HOOK)
@pytest.mark.parametrize("context", [{}, {"userId": "Practitioner/1"}, {"patientId": None}, {"PatientId": PATIENT}])
async def test_a_call_without_a_patient_is_refused(client: httpx.AsyncClient, context: Json) -> None:
    answer = await client.post(VIEW, json=view(context=context))
    assert answer.status_code == 400
    assert issues(answer)[0]["expression"] == ["context.patientId"]


@shows("R4", "Extensions", Level.MUST, "`extension` with any content is accepted wherever an object stands.")
@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
async def test_extensions_are_accepted_everywhere(client: httpx.AsyncClient, value: Any) -> None:
    plain = await client.post(SELECT, json=order())
    extended = await client.post(SELECT, json=with_everywhere(order(), {"extension": value}))
    assert plain.status_code == 200
    assert topics(plain) == topics(extended)


@shows("R5", "Extensions", Level.MUST, "Members no version defines are accepted wherever an object stands.")
@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
async def test_unknown_members_are_accepted_everywhere(client: httpx.AsyncClient, value: Any) -> None:
    answer = await client.post(SELECT, json=with_everywhere(order(), {"futureMember": value, "_future": value}))
    assert topics(answer) == ["caution"]


@shows("R6", "Data Types", Level.MUST, "Member names are case-sensitive, as in all JSON.")
@pytest.mark.parametrize(
    ("name", "written"), [("hook", "Hook"), ("hookInstance", "hookinstance"), ("context", "CONTEXT")]
)
async def test_names_in_another_case_are_other_names(client: httpx.AsyncClient, name: str, written: str) -> None:
    answer = await client.post(VIEW, json=view(**{name: ..., written: view()[name]}))
    assert answer.status_code == 400
    assert issues(answer)[0]["expression"] == [name]


@shows(
    "R7", "Calling a CDS Service", Level.MUST, "Service ids are case-sensitive: another spelling is another service."
)
@pytest.mark.parametrize("service_id", ["IV-NAC-patient-view", "iv-nac-Patient-View", "iv-nac", "iv-nac-patient-view2"])
async def test_an_id_in_another_spelling_is_not_found(client: httpx.AsyncClient, service_id: str) -> None:
    answer = await client.post(f"/cds-services/{service_id}", json=view())
    assert answer.status_code == 404
    assert issues(answer)[0]["code"] == "not-found"


@shows("R8", "Data Types", Level.HOUSE, "Of a member given twice the last counts, at every level; nothing is merged.")
async def test_of_members_given_twice_the_last_counts(client: httpx.AsyncClient) -> None:
    text = json.dumps(view())
    twice = text.replace('"patientId": "p1"', '"patientId": "someone-else", "patientId": "p1"')
    reversed_order = text.replace('"patientId": "p1"', '"patientId": "p1", "patientId": "someone-else"')
    assert twice != text != reversed_order
    last_is_right = await client.post(VIEW, content=twice)
    last_is_wrong = await client.post(VIEW, content=reversed_order)
    assert topics(last_is_right) == ["not-indicated"]
    assert issues(last_is_wrong)[0]["expression"] == ["prefetch.patient"]


@shows("R9", "Calling a CDS Service", Level.MUST, "A hook the service is not registered for is refused.")
@pytest.mark.parametrize("hook", ["order-sign", "encounter-start", "Patient-View", "patient_view", "org.example.hook"])
async def test_another_hook_is_refused(client: httpx.AsyncClient, hook: str) -> None:
    answer = await client.post(VIEW, json=view(hook=hook))
    assert answer.status_code == 400
    assert issues(answer)[0]["expression"] == ["hook"]


@shows("R10", "hookInstance", Level.MUST, "Each call is answered for itself, even under a `hookInstance` seen before.")
async def test_the_same_call_twice(client: httpx.AsyncClient) -> None:
    first, second = [(await client.post(VIEW, json=view())).json()["cards"] for _ in range(2)]
    assert [card["summary"] for card in first] == [card["summary"] for card in second]
    assert {card["uuid"] for card in first}.isdisjoint(card["uuid"] for card in second)


@shows(
    "R11",
    "order-select, order-sign",
    Level.MUST,
    "`draftOrders` and, to select, `selections` are required.",
    source=HOOK,
)
@pytest.mark.parametrize(("path", "hook", "name"), [
    (SELECT, "order-select", "draftOrders"),
    (SELECT, "order-select", "selections"),
    (SIGN, "order-sign", "draftOrders"),
])  # fmt: skip
async def test_an_order_call_without_its_orders_is_refused(
    client: httpx.AsyncClient, path: str, hook: str, name: str
) -> None:
    answer = await client.post(path, json=order("iv-nac", hook, **{name: ...}))
    assert answer.status_code == 400
    assert issues(answer)[0]["expression"] == [f"context.{name}"]


@shows("R12", "order-select", Level.MUST, "Guidance is about the selected orders; the others are context.", source=HOOK)
async def test_only_the_selected_order_is_judged(client: httpx.AsyncClient) -> None:
    drafts = [builders.draft_order(name, PATIENT) for name in ("iv-nac", "amoxicillin")]
    body = order(
        draftOrders={"resourceType": "Bundle", "entry": [{"resource": draft} for draft in drafts]},
        selections=["MedicationRequest/draft-amoxicillin"],
    )
    other = await client.post(SELECT, json=body)
    body["context"]["selections"] = ["MedicationRequest/draft-iv-nac"]
    chosen = await client.post(SELECT, json=body)
    assert topics(other) == []
    assert topics(chosen) == ["caution"]


@shows("R13", "order-sign", Level.MUST, "Every draft order is about to be signed, selected or not.", source=HOOK)
async def test_signing_is_about_every_draft(client: httpx.AsyncClient) -> None:
    answer = await client.post(SIGN, json=order(hook="order-sign", selections=[]))
    assert topics(answer) == ["caution"]


@shows(
    "R14", "FHIR resources in context", Level.HOUSE, "Drafts of DSTU2 and STU3 clients, and untyped Bundles, are read."
)
@pytest.mark.parametrize("kind", ["MedicationRequest", "MedicationOrder"])
async def test_drafts_of_other_fhir_versions_are_read(client: httpx.AsyncClient, kind: str) -> None:
    draft = builders.draft_order("iv-nac", PATIENT) | {"resourceType": kind}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": draft}]}
    answer = await client.post(SELECT, json=order(draftOrders=bundle, selections=[f"{kind}/{draft['id']}"]))
    assert topics(answer) == ["caution"]


@shows("R15", "Passing the Access Token", Level.MUST, "Tokens are bearer tokens; another kind, or none, is refused.")
@pytest.mark.parametrize(
    "authorization",
    [{}, {"access_token": ""}, {"access_token": None}, {"access_token": "x", "token_type": "mac"}, [], "x", 5],
)
async def test_an_unusable_authorization_is_refused(client: httpx.AsyncClient, authorization: Any) -> None:
    answer = await client.post(VIEW, json=view(fhirServer="https://fhir.test/r4", fhirAuthorization=authorization))
    assert answer.status_code == 400
    assert issues(answer)[0]["expression"][0].startswith("fhirAuthorization")


@shows("R16", "Passing the Access Token", Level.HOUSE, "No answer, and no error, repeats the access token.")
async def test_the_token_is_not_repeated(client: httpx.AsyncClient) -> None:
    body = view(
        fhirServer="https://fhir.test/r4", fhirAuthorization={"access_token": "s3cret-t0ken", "token_type": "Bearer"}
    )
    changed: list[Json] = [{}, {"hook": "x"}, {"prefetch": None}, {"context": {}}]
    answers = [await client.post(VIEW, json=body | changes) for changes in changed]
    assert [answer.status_code for answer in answers] == [200, 400, 412, 400]
    assert not any("s3cret" in answer.text for answer in answers)
