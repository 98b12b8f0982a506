"""Malformed and hostile requests: each a clear OperationOutcome, or a named gap; never a traceback or a false calm."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests import builders
from tests.builders import Amount
from tests.hooks.service import (
    HOOK_INSTANCE,
    SELECT,
    SIGN,
    VIEW,
    Json,
    bundle,
    issues,
    level_result,
    order,
    prefetch,
    service,
    topics,
    view,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOT_A_BODY = [
    pytest.param(b"", id="empty"),
    pytest.param(b"{", id="cut short"),
    pytest.param(b"hook=patient-view", id="a form"),
    pytest.param(b'{"hook": NaN}', id="NaN"),
    pytest.param(b'{"hook": -Infinity}', id="infinity"),
    pytest.param(b'{"hook": 1e999}', id="beyond a double"),
    pytest.param(b'{"hook": "\xff"}', id="not UTF-8"),
    pytest.param(b'{"hook": "\\ud800"}', id="lone surrogate"),
    pytest.param(b"[" * 65 + b"]" * 65, id="65 levels"),
    pytest.param(b'{"a":' * 500 + b"1" + b"}" * 500, id="500 levels"),
    pytest.param(b"[" * 100_000, id="100,000 levels"),
    pytest.param(b"[]", id="array"),
    pytest.param(b'"patient-view"', id="string"),
    pytest.param(b"null", id="null"),
]


@pytest.mark.parametrize("body", NOT_A_BODY)
async def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    async with service() as client:
        answer = await client.post(VIEW, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert len(issues(answer)) == 1


ENVELOPE = [
    pytest.param(view(hook=...), "hook", id="hook missing"),
    pytest.param(view(hook=7), "hook", id="hook a number"),
    pytest.param(view(hook="medication-prescribe"), "hook", id="hook of another version"),
    pytest.param(order(), "hook", id="hook of another service"),
    pytest.param(view(hookInstance=...), "hookInstance", id="hookInstance missing"),
    pytest.param(view(hookInstance=" "), "hookInstance", id="hookInstance blank"),
    pytest.param(view(hookInstance={}), "hookInstance", id="hookInstance an object"),
    pytest.param(view(context=...), "context", id="context missing"),
    pytest.param(view(context=[]), "context", id="context an array"),
    pytest.param(view(context={"userId": "Practitioner/1"}), "context.patientId", id="patientId missing"),
    pytest.param(view(context={"patientId": "  "}), "context.patientId", id="patientId blank"),
    pytest.param(view(context={"patientId": None}), "context.patientId", id="patientId null"),
    pytest.param(view(context={"patientId": 123}), "context.patientId", id="patientId a number"),
    pytest.param(view(context={"patientId": "Patient/"}), "context.patientId", id="patientId without an id"),
    pytest.param(view(context={"patientId": "p1/../p2"}), "context.patientId", id="patientId a path"),
    pytest.param(view(context={"patientId": ".."}), "context.patientId", id="patientId the folder above"),
    pytest.param(view(context={"patientId": "p1&_id=p2"}), "context.patientId", id="patientId a query"),
    pytest.param(view(context={"patientId": "p1\n" * 2}), "context.patientId", id="patientId with line breaks"),
    pytest.param(view(context={"patientId": "p1", "encounterId": 5}), "context.encounterId", id="encounterId a number"),
    pytest.param(view(fhirServer=1), "fhirServer", id="fhirServer a number"),
    pytest.param(view(fhirAuthorization="token"), "fhirAuthorization", id="fhirAuthorization a string"),
    pytest.param(view(fhirAuthorization={}), "fhirAuthorization.access_token", id="token missing"),
    pytest.param(
        view(fhirAuthorization={"access_token": "a\r\nX-Evil: 1"}),
        "fhirAuthorization.access_token",
        id="token a header",
    ),
    pytest.param(
        view(fhirAuthorization={"access_token": "a", "token_type": "MAC"}),
        "fhirAuthorization.token_type",
        id="token of another type",
    ),
    pytest.param(view(prefetch=[]), "prefetch", id="prefetch an array"),
    pytest.param(view(prefetch="{}"), "prefetch", id="prefetch a string"),
    pytest.param(
        view(prefetch=prefetch(patient=builders.patient("p2", name="Other", birth_date=None))),
        "prefetch.patient",
        id="another patient's prefetch",
    ),
]


@pytest.mark.parametrize(("body", "expression"), ENVELOPE)
async def test_the_place_of_the_fault_is_named(body: Json, expression: str) -> None:
    async with service() as client:
        answer = await client.post(VIEW, json=body)
    assert answer.status_code == 400
    assert issues(answer)[0]["expression"] == [expression]


def _foreign_draft() -> Json:
    return {"resourceType": "Bundle", "entry": [{"resource": builders.draft_order("iv-nac", "p2")}]}


ORDERS = [
    pytest.param(order(draftOrders=...), "context.draftOrders", id="draftOrders missing"),
    pytest.param(order(draftOrders=[]), "context.draftOrders", id="draftOrders an array"),
    pytest.param(order(draftOrders={"resourceType": "Patient"}), "context.draftOrders", id="draftOrders no Bundle"),
    pytest.param(
        order(draftOrders={"resourceType": "Bundle", "entry": "x"}), "context.draftOrders", id="entry no array"
    ),
    pytest.param(order(draftOrders=_foreign_draft()), "context.draftOrders", id="another patient's draft"),
    pytest.param(order(selections=...), "context.selections", id="selections missing"),
    pytest.param(order(selections="MedicationRequest/draft-iv-nac"), "context.selections", id="selections a string"),
    pytest.param(order(selections=["MedicationRequest/other"]), "context.selections", id="selection of nothing"),
]


@pytest.mark.parametrize(("body", "expression"), ORDERS)
async def test_unusable_draft_orders_are_refused(body: Json, expression: str) -> None:
    async with service() as client:
        answer = await client.post(SELECT, json=body)
    assert answer.status_code == 400
    assert issues(answer)[0]["expression"] == [expression]


async def test_signing_needs_no_selections() -> None:
    async with service() as client:
        answer = await client.post(SIGN, json=order(hook="order-sign", selections=...))
    assert topics(answer) == ["caution"]


async def test_an_order_of_an_older_fhir_version_is_still_read() -> None:
    draft = builders.draft_order("iv-nac", "p1")
    older = {"patient" if name == "subject" else name: value for name, value in draft.items()}
    older |= {"resourceType": "MedicationOrder"}
    drafts = {"resourceType": "Bundle", "entry": [{"resource": older}]}
    body = order(draftOrders=drafts, selections=[f"MedicationOrder/{draft['id']}"])
    async with service() as client:
        answer = await client.post(SELECT, json=body)
    assert topics(answer) == ["caution"]


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "streamed"])
async def test_a_body_of_20_mb_is_refused(announced: bool) -> None:  # noqa: FBT001 - a table column
    body = json.dumps(view(padding="x" * 20_000_000)).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    async with service() as client:
        answer = await client.post(VIEW, content=body if announced else pieces())
    assert answer.status_code == 413
    assert issues(answer)[0]["code"] == "too-long"


@pytest.mark.parametrize("media_type", ["text/html", "application/x-www-form-urlencoded", "application/xml"])
async def test_other_media_types_are_refused(media_type: str) -> None:
    async with service() as client:
        answer = await client.post(VIEW, content=json.dumps(view()), headers={"Content-Type": media_type})
    assert answer.status_code == 415
    assert issues(answer)[0]["code"] == "not-supported"


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "application/json+fhir", "application/fhir+json", "text/json", ""]
)
async def test_json_under_any_of_its_names_is_read(media_type: str) -> None:
    async with service() as client:
        answer = await client.post(VIEW, content=json.dumps(view()), headers={"Content-Type": media_type})
    assert topics(answer) == ["not-indicated"]


async def test_of_a_member_given_twice_the_last_counts() -> None:
    text = json.dumps(view())
    twice = text[:-1] + ', "hook": "order-sign"}'
    async with service() as client:
        answer = await client.post(VIEW, content=twice)
    assert issues(answer)[0]["expression"] == ["hook"]


async def test_unknown_members_are_accepted_everywhere() -> None:
    body = view(extension={"x": [1]}, future=None)
    body["context"]["more"] = {"a": "b"}
    body["prefetch"]["unasked"] = "text"
    async with service() as client:
        answer = await client.post(VIEW, json=body)
    assert topics(answer) == ["not-indicated"]


async def test_brackets_within_texts_are_not_nesting() -> None:
    async with service() as client:
        answer = await client.post(VIEW, json=view(note='["' + "[{" * 200 + '\\"'))
    assert topics(answer) == ["not-indicated"]


def _quantity(**value: Any) -> Json:
    return level_result(40, valueQuantity=value)


# A patient who is "not indicated" when everything is known; each row takes away what that rests on.
UNUSABLE = [
    pytest.param({"levels": bundle(_quantity(value=40))}, id="level without a unit"),
    pytest.param({"levels": bundle(_quantity(value=40, unit="furlongs"))}, id="level in an unknown unit"),
    pytest.param({"levels": bundle(_quantity(value="40", unit="mg/L"))}, id="level a string"),
    pytest.param({"levels": bundle(_quantity(value=True, unit="mg/L"))}, id="level a boolean"),
    pytest.param({"levels": bundle(_quantity(value=-1, unit="mg/L"))}, id="level negative"),
    pytest.param({"levels": bundle(_quantity(value=10**40, unit="mg/L"))}, id="level a huge integer"),
    pytest.param({"levels": bundle(_quantity(unit="mg/L"))}, id="level blank"),
    pytest.param({"levels": bundle(level_result(40, effectiveDateTime="2026-01-15T11:00:00"))}, id="naive time"),
    pytest.param({"levels": bundle(level_result(40, effectiveDateTime=...))}, id="level without a time"),
    pytest.param({"levels": bundle(level_result(40, effectiveDateTime="yesterday"))}, id="time no time"),
    pytest.param({"levels": bundle(level_result(40, subject={"reference": "Patient/p2"}))}, id="another's level"),
    pytest.param({"levels": None}, id="no levels"),
    pytest.param({"transaminases": None}, id="no AST or ALT"),
    pytest.param(
        {
            "transaminases": bundle(
                builders.observation("alt", "p1", builders.ALT, value=Amount(20, None), at="2026-01-15T11:00:00Z")
            )
        },
        id="ALT without a unit",
    ),
]


@pytest.mark.parametrize("changes", UNUSABLE)
async def test_unusable_data_are_never_read_as_not_indicated(changes: Json) -> None:
    async with service() as client:
        answer = await client.post(VIEW, json=view(prefetch=prefetch(**changes)))
    assert answer.status_code == 200
    assert topics(answer)
    assert topics(answer) != ["not-indicated"]


FAILED_KEYS = [
    pytest.param(..., id="absent"),
    pytest.param("text", id="string"),
    pytest.param([], id="array"),
    pytest.param(5, id="number"),
    pytest.param({}, id="object without a type"),
    pytest.param({"resourceType": "OperationOutcome", "issue": []}, id="OperationOutcome"),
    pytest.param({"resourceType": "Bundle", "entry": {}}, id="entry an object"),
    pytest.param({"resourceType": "Bundle", "entry": ["x"]}, id="entries of garbage"),
    pytest.param({"resourceType": "Practitioner", "id": "x"}, id="another resource"),
]


@pytest.mark.parametrize("value", FAILED_KEYS)
@pytest.mark.parametrize("key", ["levels", "transaminases", "exposures", "problems", "patient"])
async def test_a_required_key_that_failed_is_named(key: str, value: Any) -> None:
    # Without a level, an overdose 9 h ago alone calls for treatment, and an error must not hide that.
    otherwise = {"problems": None} if key == "levels" else {}
    async with service() as client:
        answer = await client.post(VIEW, json=view(prefetch=prefetch(5, **(otherwise | {key: value}))))
    assert answer.status_code == 412
    assert [issue["expression"] for issue in issues(answer)] == [[f"prefetch.{key}"]]


async def test_an_unknown_service_is_not_found() -> None:
    async with service() as client:
        answer = await client.post("/cds-services/iv-nac-other", json=view())
    assert answer.status_code == 404
    assert issues(answer)[0]["code"] == "not-found"


async def test_the_hook_instance_may_be_any_text() -> None:
    async with service() as client:
        answer = await client.post(VIEW, json=view(hookInstance=HOOK_INSTANCE.replace("-", "")))
    assert answer.status_code == 200


def _problem(**changes: Any) -> Json:
    made = builders.condition("overdose", "p1", *builders.SELF_POISONING, recorded="2026-01-15T03:00:00Z")
    return {name: value for name, value in (made | changes).items() if value is not ...}


REFUTED = {"coding": [{"code": "refuted"}]}
NO_NAMES: list[Any] = [..., None, {}, [], "", 7, {"coding": []}, {"text": " "}]
NAMELESS = [pytest.param(code, id=repr(code)) for code in NO_NAMES]


@pytest.mark.parametrize("code", NAMELESS)
async def test_a_problem_that_does_not_say_what_it_is_is_never_read_as_none(code: Any) -> None:
    async with service() as client:
        for level in (None, bundle(level_result(5))):
            charted = prefetch(levels=level, problems=bundle(_problem(code=code)))
            answer = await client.post(VIEW, json=view(prefetch=charted))
            assert answer.status_code == 412
            (issue,) = issues(answer)
            assert issue["expression"] == ["prefetch.problems"]
            assert issue["diagnostics"] == "1 of the problems and diagnoses do not say what they are"


async def test_a_refuted_problem_needs_no_name() -> None:
    charted = prefetch(levels=None, problems=bundle(_problem(code=None, verificationStatus=REFUTED)))
    async with service() as client:
        answer = await client.post(VIEW, json=view(prefetch=charted))
    assert answer.json() == {"cards": []}


@pytest.mark.parametrize("subject", ["", 7, [], {"reference": ""}, {"reference": {}}, {"reference": "urn:uuid:1"}])
async def test_a_problem_whose_subject_names_nobody_is_the_patients(subject: Any) -> None:
    charted = prefetch(levels=None, problems=bundle(_problem(subject=subject)))
    async with service() as client:
        answer = await client.post(VIEW, json=view(prefetch=charted))
    assert topics(answer) == ["indicated"]
