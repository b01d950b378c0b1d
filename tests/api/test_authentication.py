"""Stored credentials on the way to somebody's server: bearer, HMAC, OAuth 2.0."""

import base64
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from gateway.api.authentication import Authentication, NotAuthenticated

OAUTH = {"type": "oauth2", "url": "https://id.example/token", "clientId": "us",
         "clientSecret": "hush", "scope": "calls"}  # fmt: skip


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Identity:
    """A token server."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.answer: Callable[[int], httpx.Response] = lambda n: httpx.Response(
            200, json={"access_token": f"token-{n}", "expires_in": 100}
        )

    def __call__(self, request: httpx.Request) -> httpx.Response:
        form = parse_qs(request.content.decode())
        self.asked.append((request.headers.get("authorization", ""), form))
        return self.answer(len(self.asked))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def identity() -> Identity:
    return Identity()


STORED: dict[str, Any] = {
    "bearer": {"authenticationPlan": {"type": "bearer", "token": "t"}},
    "plain": {
        "authenticationPlan": {"token": "t", "headerName": "X-Key", "bearerPrefixEnabled": False}
    },
    "hmac": {"authenticationPlan": {"secretKey": "k", "algorithm": "sha256"}},
    "oauth": {"authenticationPlan": OAUTH},
    "trunk": {"gateways": []},
    "odd": {"authenticationPlan": {"type": "aws-iam"}},
    "wrong": {
        "authenticationPlan": {"secretKey": "*", "secretIsBase64": True, "algorithm": "sha1"}
    },
}


@pytest.fixture
async def who(clock: Clock, identity: Identity) -> AsyncIterator[Authentication]:
    async def lookup(org_id: str, credential_id: str) -> Any:
        return STORED.get(credential_id)

    async with httpx.AsyncClient(transport=httpx.MockTransport(identity)) as http:
        yield Authentication(lookup, http, clock)


async def show(who: Authentication, credential: str) -> dict[str, str]:
    return await who.headers(credential, b"{}", url="https://server.example/")


async def test_a_bearer_token_in_its_header(who: Authentication) -> None:
    assert await show(who, "bearer") == {"Authorization": "Bearer t"}
    assert await show(who, "plain") == {"X-Key": "t"}


async def test_a_signature(who: Authentication) -> None:
    assert set(await show(who, "hmac")) == {"x-signature", "x-timestamp"}


async def test_a_token_is_kept_until_shortly_before_its_end(
    who: Authentication, clock: Clock, identity: Identity
) -> None:
    assert await show(who, "oauth") == {"Authorization": "Bearer token-1"}
    login = "Basic " + base64.b64encode(b"us:hush").decode()
    assert identity.asked == [(login, {"grant_type": ["client_credentials"], "scope": ["calls"]})]
    clock.now += 69
    assert await show(who, "oauth") == {"Authorization": "Bearer token-1"}
    clock.now += 2
    assert await show(who, "oauth") == {"Authorization": "Bearer token-2"}


async def test_a_token_that_was_refused_is_not_shown_again(who: Authentication) -> None:
    await show(who, "oauth")
    assert who.refused("oauth")
    assert not who.refused("oauth")
    assert not who.refused("bearer")
    assert await show(who, "oauth") == {"Authorization": "Bearer token-2"}


async def test_a_server_that_wants_the_secret_in_the_form_gets_it_there(
    who: Authentication, identity: Identity
) -> None:
    tokens = identity.answer
    identity.answer = lambda n: httpx.Response(401) if n == 1 else tokens(n)
    assert await show(who, "oauth") == {"Authorization": "Bearer token-2"}
    assert identity.asked[1][1]["client_secret"] == ["hush"]


@pytest.mark.parametrize(
    ("credential", "said"),
    [
        ("gone", "there is no credential gone"),
        ("trunk", "trunk has no authenticationPlan"),
        ("odd", "not known here"),
        ("wrong", "secretKey is not base64"),
    ],
)
async def test_what_cannot_be_used_is_named(
    who: Authentication, credential: str, said: str
) -> None:
    with pytest.raises(NotAuthenticated, match=said):
        await show(who, credential)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(500), "HTTP status 500"),
        (httpx.Response(200, text="<html>"), "Expecting value"),
        (httpx.Response(200, json=["x"]), "no access_token"),
        (httpx.Response(200, json={"access_token": "x", "expires_in": "soon"}), "could not conv"),
    ],
)
async def test_a_token_server_that_fails_is_named(
    who: Authentication, identity: Identity, answer: httpx.Response, said: str
) -> None:
    identity.answer = lambda n: answer
    with pytest.raises(NotAuthenticated, match=said):
        await show(who, "oauth")
