"""Whose key opens a vendor: the assistant's, its organisation's, else the operator's."""

from typing import Any

import httpx
import pytest

from gateway.agent.brief import VendorKey
from gateway.api.casting import cast
from gateway.api.unusable import Unusable
from gateway.api.vendor_keys import FIELDS, key_of, keys_of
from gateway.store import Store
from gateway.store.tables import THE_ORG
from tests.api.maximal import maximal

OPENAI = {"provider": "openai", "model": "gpt-4o"}
ANN: dict[str, Any] = {"name": "Ann", "model": OPENAI}


async def keep(store: Store, provider: str, key: str, org_id: str = THE_ORG) -> str:
    credential = {"provider": provider, "apiKey": key}
    return (await store.of(org_id).credentials.create(credential)).id


async def opened(store: Store, assistant: dict[str, Any]) -> dict[str, str]:
    found = await keys_of(assistant, store.of(THE_ORG))
    return {vendor: key.api_key for vendor, key in found.items()}


async def test_the_assistant_s_own_key_wins_over_the_stored_ones(store: Store) -> None:
    assert await opened(store, ANN) == {}
    old = await keep(store, "openai", "old")
    await keep(store, "openai", "new")
    await keep(store, "anthropic", "not needed")
    await keep(store, "openai", "another's", "another organisation")
    assert await opened(store, ANN) == {"openai": "new"}
    assert await opened(store, ANN | {"credentialIds": [old]}) == {"openai": "old"}
    assert await opened(store, ANN | {"credentialIds": ["no such"]}) == {}
    inline = [{"provider": "openai", "apiKey": "own"}, {"provider": "openai", "apiKey": "second"}]
    assert await opened(store, ANN | {"credentials": inline}) == {"openai": "own"}


async def test_every_part_and_every_substitute_has_its_key(store: Store) -> None:
    names = ("openai", "deepgram", "cartesia", "groq", "gladia", "11labs")
    for name in names:
        await keep(store, name, f"key of {name}")
    assistant = {
        "model": {**OPENAI, "fallbackPlan": {"models": [{"provider": "groq", "model": "m"}]}},
        "transcriber": {
            "provider": "deepgram",
            "fallbackPlan": {"transcribers": [{"provider": "gladia"}]},
        },
        "voice": {"provider": "cartesia", "fallbackPlan": {"voices": [{"provider": "11labs"}]}},
    }
    assert await opened(store, assistant) == {name: f"key of {name}" for name in names}


async def test_a_call_is_placed_with_them_and_nobody_is_shown_them(
    api: httpx.AsyncClient, switchboard: Any
) -> None:
    await api.post("/credential", json={"provider": "openai", "apiKey": "sk-secret"})
    order = {"assistant": ANN, "customer": {"sipUri": "sip:al@example.org"}}
    placed = await api.post("/call", json=order)
    assert placed.status_code == 201
    (made,) = switchboard.orders
    assert made.brief.keys == {"openai": VendorKey(api_key="sk-secret")}
    assert "sk-secret" not in placed.text + str(made.papers) + repr(made.brief)


async def test_a_member_of_a_squad_has_them_too(store: Store) -> None:
    await keep(store, "openai", "k")
    found = await cast({"squad": {"members": [{"assistant": ANN}]}}, store.of(THE_ORG))
    assert found.keys["openai"].api_key == "k"


# Amazon's is no key but a plan by which requests are signed: test_introductions.py.
KEYED = [provider for provider, fields in FIELDS.items() if "api_key" in fields.values()]


@pytest.mark.parametrize("provider", KEYED)
def test_every_provider_s_documented_credential_becomes_a_key(provider: str) -> None:
    name = provider.replace("-", "_")
    credential = maximal({"$ref": f"#/$defs/Credential_{name}"})
    credential |= {"apiUrl": None, "openAIEndpoint": None}
    written = credential["openAIKey" if provider == "azure-openai" else "apiKey"]
    assert key_of(credential).api_key == str(written)


@pytest.mark.parametrize(
    ("provider", "field", "url", "known"),
    [
        ("deepgram", "apiUrl", "https://api.eu.deepgram.com/", "https://api.eu.deepgram.com"),
        ("deepgram", "apiUrl", "api.eu.deepgram.com", "https://api.eu.deepgram.com"),
        ("azure-openai", "openAIEndpoint", "https://x.openai.azure.com/",
         "https://x.openai.azure.com/openai/v1"),
        ("azure-openai", "openAIEndpoint", "https://x.openai.azure.com/openai/v1",
         "https://x.openai.azure.com/openai/v1"),
        ("deepgram", "apiUrl", "http://api.eu.deepgram.com", None),
        ("deepgram", "apiUrl", "https://169.254.169.254", None),
        ("deepgram", "apiUrl", "https://deepgram.com.evil.example", None),
        ("deepgram", "apiUrl", "https://evildeepgram.com", None),
        ("deepgram", "apiUrl", "https://deepgram.com@evil.example/", None),
    ],
)  # fmt: skip
def test_a_key_goes_to_its_vendor_s_own_cloud_and_nowhere_else(
    provider: str, field: str, url: str, known: str | None
) -> None:
    credential = {"provider": provider, "apiKey": "k", "openAIKey": "k", field: url}
    if known:
        assert key_of(credential).base_url == known
    else:
        with pytest.raises(Unusable, match=rf"{field} of {provider} must be of .*base_url"):
            key_of(credential)
