"""Published keys: fetched from the address of the entry, seldom, and from nowhere else."""

from __future__ import annotations

import asyncio
import gzip
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cds_service.hooks.jwks import KeyLimits, KeysUnavailableError, PublishedKeys
from tests.hooks.service import (
    NOW,
    VIEW,
    Json,
    prefetch,
    topics,
    view,
)
from tests.hooks.tokens import (
    AT,
    BASE,
    JWKS_URL,
    KEY,
    NEXT_KEY,
    SMALL_KEY,
    STRANGER,
    assert_refused,
    assert_told,
    bearing,
    gated,
    jwks,
    publishing_entry,
    signed,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

P = pytest.param


class KeyHost:
    """A host that publishes keys: each request gets the next answer, the last one again and again."""

    def __init__(self, *answers: Json | httpx.Response | Exception) -> None:
        self.asked: list[str] = []
        self._answers = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)


async def test_published_keys_are_fetched_once_from_the_entrys_address(tmp_path: Path) -> None:
    host = KeyHost(jwks(KEY))
    async with gated(tmp_path, publishing_entry(), handler=host) as client:
        for number in range(3):
            named = {"jku": JWKS_URL} if number else {}
            answer = await client.post(VIEW, json=view(), headers=bearing(signed(head=named, jti=str(number))))
            assert topics(answer) == ["not-indicated"]
    assert host.asked == [JWKS_URL]


async def test_a_new_key_is_found_by_asking_again(tmp_path: Path) -> None:
    host = KeyHost(jwks(KEY), jwks(NEXT_KEY))
    async with gated(tmp_path, publishing_entry(), handler=host) as client:
        first = await client.post(VIEW, json=view(), headers=bearing(signed(jti="1")))
        rotated = await client.post(VIEW, json=view(), headers=bearing(signed(NEXT_KEY, {"kid": "two"}, jti="2")))
        withdrawn = await client.post(VIEW, json=view(), headers=bearing(signed(jti="3")))
    assert [answer.status_code for answer in (first, rotated, withdrawn)] == [200, 200, 401]


HOSTILE_KEY_HOSTS = [
    P(httpx.Response(500), "answered HTTP 500", id="down"),
    P(httpx.Response(302, headers={"Location": "https://evil.test"}), "not followed", id="redirect"),
    P(httpx.ConnectError("secret words"), "could not be fetched (ConnectError)", id="unreachable"),
    P(httpx.ReadTimeout("slow"), "could not be fetched (ReadTimeout)", id="slow"),
    P(httpx.Response(200, content=b" " * 300_000), "larger than", id="huge"),
    P(httpx.Response(200, content=b"<html>"), "no JSON Web Key Set", id="not JSON"),
    P({"keys": {}}, "no JSON Web Key Set", id="keys as an object"),
    P({"keys": [{}] * 101}, "no JSON Web Key Set", id="too many keys"),
    P({"keys": []}, "no key of this id", id="no keys"),
    P(jwks(KEY, KEY), "several keys of this id", id="one id for two keys"),
    P(jwks(STRANGER), "signature does not verify", id="a stranger's key under the id"),
]


@pytest.mark.parametrize(("answer", "reason"), HOSTILE_KEY_HOSTS)
async def test_a_host_of_keys_that_fails_lets_nobody_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, answer: Any, reason: str
) -> None:
    host = KeyHost(answer)
    async with gated(tmp_path, publishing_entry(), handler=host) as client:
        assert_refused(await client.post(VIEW, json=view(), headers=bearing(signed())))
    assert reason in caplog.text
    assert "secret words" not in caplog.text
    assert host.asked == [JWKS_URL]


NEVER_FETCHED = [
    P({"jku": "https://evil.test/jwks.json"}, {}, "another key set (jku)", id="jku elsewhere"),
    P({"jku": f"{JWKS_URL}?x"}, {}, "another key set (jku)", id="jku nearly the same"),
    P({}, {"exp": AT - 61, "iat": AT - 120}, "expired", id="expired"),
    P({}, {"aud": BASE}, "audience", id="wrong audience"),
    P({"alg": "ES256"}, {}, "algorithm", id="wrong algorithm"),
]


@pytest.mark.parametrize(("head", "body", "reason"), NEVER_FETCHED)
async def test_a_token_that_cannot_be_good_makes_nobody_fetch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, head: Json, body: Json, reason: str
) -> None:
    text = signed(SMALL_KEY if head.get("alg") else KEY, head, **body)
    async with gated(tmp_path, publishing_entry()) as client:
        assert_refused(await client.post(VIEW, json=view(), headers=bearing(text)))
    assert_told(caplog, reason, "evil.test")


async def test_a_treatment_is_still_told_to_a_client_that_waited(tmp_path: Path) -> None:
    async with gated(tmp_path, publishing_entry(), handler=KeyHost(jwks(KEY)), clock=lambda: NOW) as client:
        answer = await client.post(VIEW, json=view(prefetch=prefetch(level=120)), headers=bearing(signed()))
    assert topics(answer) == ["indicated"]


# --- the shelf of keys over time ------------------------------------------------------------------

LIMITS = KeyLimits(fresh_seconds=300, stale_seconds=3600, pause_seconds=10)


class Watch:
    """A clock of seconds that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@asynccontextmanager
async def published(host: KeyHost, watch: Watch) -> AsyncIterator[PublishedKeys]:
    keys = PublishedKeys(lambda: httpx.AsyncClient(transport=httpx.MockTransport(host)), LIMITS, watch)
    yield keys
    await keys.aclose()


DOWN = httpx.Response(503)
# what the host answers, (second, kid) of each look-up, and how often the host was asked after each
LOOK_UPS = [
    P([jwks(KEY)], [(0, "one", 1), (299, "one", 1), (301, "one", 2)], id="asked again when no longer fresh"),
    P(
        [jwks(KEY)],
        [(0, "one", 1), (1, "x", 2), (2, "y", 2), (10, "z", 2), (12, "z", 3)],
        id="strangers cannot hurry it",
    ),
    P([jwks(KEY)], [(0, "x", 1), (5, "one", 1), (11, "one", 1)], id="what is held needs no question"),
    P(
        [jwks(KEY), DOWN],
        [(0, "one", 1), (301, "one", 2), (305, "one", 2), (3599, "one", 3)],
        id="stale keys while down",
    ),
    P([jwks(KEY), DOWN, jwks(NEXT_KEY)], [(0, "one", 1), (301, "one", 2), (312, "two", 3)], id="back with another key"),
]


@pytest.mark.parametrize(("answers", "look_ups"), LOOK_UPS)
async def test_when_the_host_of_keys_is_asked(answers: list[Any], look_ups: list[tuple[float, str, int]]) -> None:
    host, watch = KeyHost(*answers), Watch()
    async with published(host, watch) as keys:
        for second, kid, asked in look_ups:
            watch.seconds = second
            found = await keys.keys_at(JWKS_URL, kid)
            assert found
            assert len(host.asked) == asked, f"at second {second}"
        assert any(key.kid == kid for key in found) is (kid in {"one", "two"})


async def test_keys_that_are_too_old_are_no_longer_believed() -> None:
    host, watch = KeyHost(jwks(KEY), DOWN), Watch()
    async with published(host, watch) as keys:
        assert await keys.keys_at(JWKS_URL, "one")
        watch.seconds = 3601
        for _ in range(2):
            with pytest.raises(KeysUnavailableError, match="HTTP 503"):
                await keys.keys_at(JWKS_URL, "one")
    assert len(host.asked) == 2


async def test_a_host_that_was_down_at_first_is_asked_after_a_pause() -> None:
    host, watch = KeyHost(DOWN, jwks(KEY)), Watch()
    async with published(host, watch) as keys:
        for second in (0, 9):
            watch.seconds = second
            with pytest.raises(KeysUnavailableError):
                await keys.keys_at(JWKS_URL, "one")
        watch.seconds = 10
        assert await keys.keys_at(JWKS_URL, "one")
    assert len(host.asked) == 2


async def test_callers_at_once_share_one_request() -> None:
    arrived, release = asyncio.Event(), asyncio.Event()
    asked = 0

    async def handle(_: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        arrived.set()
        await release.wait()
        return httpx.Response(200, json=jwks(KEY))

    keys = PublishedKeys(lambda: httpx.AsyncClient(transport=httpx.MockTransport(handle)))
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(keys.keys_at(JWKS_URL, "one")) for _ in range(20)]
        await arrived.wait()
        calls[0].cancel()  # whoever asked first goes away: the next one asks
        release.set()
    await keys.aclose()
    assert calls[0].cancelled()
    assert all(call.result()[0].kid == "one" for call in calls[1:])
    assert asked == 2


async def test_a_host_that_hangs_costs_the_limit_and_no_more() -> None:
    async def hang(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    limits = KeyLimits(fetch_seconds=0.05)
    keys = PublishedKeys(lambda: httpx.AsyncClient(transport=httpx.MockTransport(hang)), limits)
    with pytest.raises(KeysUnavailableError, match="TimeoutError"):
        await keys.keys_at(JWKS_URL, "one")
    await keys.aclose()


async def test_an_answer_compressed_unasked_is_not_unpacked() -> None:
    packed = gzip.compress(b" " * 1_000_000)
    host, watch = KeyHost(httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=packed)), Watch()
    async with published(host, watch) as keys:
        with pytest.raises(KeysUnavailableError, match="compressed"):
            await keys.keys_at(JWKS_URL, "one")


async def test_keys_that_cannot_be_used_are_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    weak = {"kty": "RSA", "kid": "weak", "e": "AQAB", "n": "_" * 170 + "8"}
    told = {"keys": [weak, {"kty": "AKP", "kid": "later"}, *jwks(KEY)["keys"], "nonsense"]}
    async with published(KeyHost(told), Watch()) as keys:
        found = await keys.keys_at(JWKS_URL, "one")
    assert [key.kid for key in found] == ["one"]
    assert "number 1 is left out: RSA of 1024 bits" in caplog.text
    assert "number 2 is left out: neither RSA nor EC" in caplog.text
    assert "number 4 is left out: not a JSON Web Key" in caplog.text
