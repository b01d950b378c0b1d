"""Credentials that the API stores open the vendors of a call, and introduce the gateway to servers
of somebody's own: by what simulators of them saw."""

from contextlib import aclosing
from typing import Any

import pytest

from gateway.agent.brief import Brief, Choice, VendorKey
from gateway.agent.messages import Start
from gateway.api.briefs import Defaults
from gateway.api.unusable import Unusable
from gateway.errors import ConfigError
from gateway.signatures import signed
from gateway.speech import catalog
from gateway.speech.remembered import Memory
from gateway.speech.settings import VendorSettings
from gateway.store import Holdings
from tests.api.introduced import MODEL, OURS, THEIRS, brief_of, listen, speak, think, vendors
from tests.simulators.anthropic_wire import AnthropicSimulator
from tests.simulators.bedrock_wire import BedrockSimulator
from tests.simulators.gemini_wire import GeminiSimulator
from tests.simulators.openai_wire import OpenAISimulator
from tests.simulators.transcriber_wire import TranscriberSimulator
from tests.simulators.voice_wire import VoiceSimulator
from tests.simulators.wire import Server, Trouble

THINKERS = ["openai", "groq", "together-ai", "openrouter", "deepinfra", "perplexity-ai", "xai",
            "cerebras", "mistral", "deep-seek", "anyscale", "inflection-ai"]  # fmt: skip


@pytest.mark.parametrize("provider", [*THINKERS, "anthropic", "google", "custom-llm"])
async def test_a_model_is_asked_with_the_organisations_key(
    provider: str, holdings: Holdings, defaults: Defaults
) -> None:
    await holdings.credentials.create({"provider": provider, "apiKey": THEIRS})
    special: dict[str, type[Server]] = {"anthropic": AnthropicSimulator, "google": GeminiSimulator}
    async with special.get(provider, OpenAISimulator)() as cloud:
        model = {"provider": provider, "model": "gpt-4o-mini"}
        if provider == "custom-llm":
            model["url"] = cloud.base_url  # type: ignore[attr-defined]
        asked = await think(cloud, await brief_of({"model": model}, holdings, defaults))
    assert THEIRS in asked
    assert OURS not in asked


VOICES = ["11labs", "cartesia", "lmnt", "rime-ai", "hume", "inworld", "neuphonic", "smallest-ai",
          "xai", "playht", "minimax"]  # fmt: skip


@pytest.mark.parametrize("provider", VOICES)
async def test_a_voice_is_asked_with_the_organisations_key(
    provider: str, holdings: Holdings, defaults: Defaults
) -> None:
    who = {"playht": {"userId": "they"}, "minimax": {"groupId": "they"}}.get(provider, {})
    await holdings.credentials.create({"provider": provider, "apiKey": THEIRS, **who})
    async with VoiceSimulator(vendor=provider) as cloud:
        voice = {"provider": provider, "voiceId": "v", "cachingEnabled": False}
        brief = await brief_of({"model": MODEL, "voice": voice}, holdings, defaults)
        asked = await speak(cloud, brief)
    assert THEIRS in asked
    assert OURS not in asked
    assert ("they" in asked) is bool(who)


EARS = ["assembly-ai", "gladia", "speechmatics", "soniox", "11labs", "cartesia", "xai"]


@pytest.mark.parametrize("provider", EARS)
async def test_a_transcriber_is_asked_with_the_organisations_key(
    provider: str, holdings: Holdings, defaults: Defaults
) -> None:
    await holdings.credentials.create({"provider": provider, "apiKey": THEIRS})
    async with TranscriberSimulator(vendor=provider) as cloud:
        transcriber = {"provider": provider}
        brief = await brief_of({"model": MODEL, "transcriber": transcriber}, holdings, defaults)
        asked = await listen(cloud, brief)
    assert THEIRS in asked
    assert OURS not in asked


async def test_amazon_is_asked_with_the_organisations_access_key(
    holdings: Holdings, defaults: Defaults
) -> None:
    iam = {"type": "aws-iam", "awsAccessKeyId": "AKID", "awsSecretAccessKey": THEIRS}
    credential = {"provider": "anthropic-bedrock", "region": "eu-west-1", "authenticationPlan": iam}
    await holdings.credentials.create(credential)
    model = {"provider": "anthropic-bedrock", "model": "claude-sonnet-4-5-20250929"}
    async with BedrockSimulator(secret=THEIRS) as cloud:  # it looks at the signature
        asked = await think(cloud, await brief_of({"model": model}, holdings, defaults))
    assert "Credential=AKID/" in asked
    assert "/eu-west-1/bedrock/aws4_request" in asked
    assert "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/" in asked
    assert THEIRS not in asked


async def test_a_role_is_not_assumed(holdings: Holdings, defaults: Defaults) -> None:
    plan = {"type": "aws-sts", "roleArn": "arn:aws:iam::1:role/r"}
    credential = {
        "provider": "anthropic-bedrock",
        "region": "us-east-1",
        "authenticationPlan": plan,
    }
    await holdings.credentials.create(credential)
    model = {"provider": "anthropic-bedrock", "model": "claude-opus-4-6"}
    with pytest.raises(Unusable, match="awsAccessKeyId and awsSecretAccessKey: this gateway"):
        await brief_of({"model": model}, holdings, defaults)


async def test_azures_speech_has_a_region_and_its_storage_is_something_else(
    holdings: Holdings, defaults: Defaults
) -> None:
    speech = {"provider": "azure", "service": "speech", "region": "eastus", "apiKey": THEIRS}
    await holdings.credentials.create(speech)
    storage = {"provider": "azure", "service": "blob_storage", "apiKey": "storage"}
    await holdings.credentials.create(storage)
    parts = {"transcriber": {"provider": "azure"}, "voice": {"provider": "azure", "voiceId": "v"}}
    brief = await brief_of({"model": MODEL, **parts}, holdings, defaults)
    assert brief.keys["azure"].region == "eastus"
    async with VoiceSimulator(vendor="azure") as cloud:
        assert THEIRS in await speak(cloud, brief)


async def test_azure_openai_is_chosen_by_region_and_model(
    holdings: Holdings, defaults: Defaults
) -> None:
    for region, models, key in (
        ("westus", ["gpt-4.1-2025-04-14"], "west"),
        ("eastus", ["gpt-4.1-2025-04-14"], THEIRS),
        ("eastus", ["gpt-4o-2024-11-20"], "another model's"),
    ):
        await holdings.credentials.create(
            {
                "provider": "azure-openai", "region": region, "models": models, "openAIKey": key,
                "openAIEndpoint": f"https://{region}.openai.azure.com",
                "ocpApimSubscriptionKey": f"{key}-2",
            }
        )  # fmt: skip
    model = {"provider": "openai", "model": "gpt-4.1-2025-04-14:eastus"}
    brief = await brief_of({"model": model}, holdings, defaults)
    assert brief.keys["azure-openai-westus"].api_key == "west"
    key = brief.keys["azure-openai-eastus"]
    assert key.base_url == "https://eastus.openai.azure.com/openai/v1"
    async with OpenAISimulator() as cloud:
        there = key.model_copy(update={"base_url": cloud.base_url})
        keys = brief.keys | {"azure-openai-eastus": there}
        await think(cloud, brief.model_copy(update={"keys": keys}))
    asked = cloud.requests[-1]
    assert asked.headers["authorization"] == f"Bearer {THEIRS}"
    assert asked.headers["ocp-apim-subscription-key"] == f"{THEIRS}-2"
    assert asked.json()["model"] == "gpt-4.1-2025-04-14"


async def test_what_a_voice_said_for_one_owner_is_not_played_to_another() -> None:
    async with VoiceSimulator(vendor="lmnt") as cloud:
        known = vendors(cloud, "lmnt")
        known._memory = Memory(1 << 20)
        voice = Choice(vendor="lmnt")
        brief = Brief(hearing=voice, thinking=voice, speaking=voice)
        for key in ("one", "one", "other"):
            keyed = brief.model_copy(update={"keys": {"lmnt": VendorKey(api_key=key)}})
            speaking = known.speaking(Start(call="c", row=0, brief=keyed), voice)
            async with aclosing(speaking.speak("Hello there.")) as sound:
                async for _ in sound:
                    pass
        assert [r.headers["x-api-key"] for r in cloud.requests if r.method == "POST"] == [
            "one", "other",
        ]  # fmt: skip
        await catalog.close()


# Servers of somebody's own

PLANS: dict[str, dict[str, Any]] = {
    "bearer": {"type": "bearer", "token": THEIRS, "headerName": "X-Key"},
    "hmac": {"type": "hmac", "secretKey": THEIRS, "algorithm": "sha256", "includeTimestamp": False},
}


@pytest.mark.parametrize("kind", sorted(PLANS))
async def test_a_custom_voice_is_shown_the_credential_that_it_names(
    kind: str, holdings: Holdings, defaults: Defaults
) -> None:
    plan = PLANS[kind]
    stored = await holdings.credentials.create(
        {"provider": "custom-credential", "authenticationPlan": plan}
    )
    async with VoiceSimulator(vendor="custom-voice") as cloud:
        server = {"url": cloud.base_url, "credentialId": stored.id, "headers": {"X-More": "more"}}
        voice = {"provider": "custom-voice", "server": server, "cachingEnabled": False}
        brief = await brief_of({"model": MODEL, "voice": voice}, holdings, defaults)
        await speak(cloud, brief)
        (asked,) = cloud.requests
    assert asked.headers["x-more"] == "more"
    if kind == "bearer":
        assert asked.headers["x-key"] == f"Bearer {THEIRS}"
    else:
        proof = signed(plan, asked.body, method="POST", url=cloud.base_url, now=0.0)
        assert asked.headers["x-signature"] == proof["x-signature"]


async def test_a_custom_transcriber_is_shown_the_credential_that_it_names(
    holdings: Holdings, defaults: Defaults
) -> None:
    stored = await holdings.credentials.create(
        {"provider": "webhook", "authenticationPlan": PLANS["bearer"]}
    )
    async with TranscriberSimulator(vendor="custom-transcriber") as cloud:
        server = {"url": cloud.base_url, "credentialId": stored.id}
        transcriber = {"provider": "custom-transcriber", "server": server}
        brief = await brief_of({"model": MODEL, "transcriber": transcriber}, holdings, defaults)
        await listen(cloud, brief)
        assert cloud.requests[-1].headers["x-key"] == f"Bearer {THEIRS}"


async def test_a_credential_that_is_gone_leaves_the_vendor_to_refuse(
    holdings: Holdings, defaults: Defaults
) -> None:
    server = {"url": "http://127.0.0.1:9", "credentialId": "1b0a5bc4-0000-4e5e-9d5a-0c3f0f7b3f01"}
    voice = {"provider": "custom-voice", "server": server}
    brief = await brief_of({"model": MODEL, "voice": voice}, holdings, defaults)
    assert "credential_id" not in brief.speaking.options


@pytest.mark.parametrize(("retries", "answered"), [(2, True), (1, False)])
async def test_a_custom_voice_is_asked_again_as_its_plan_says(
    retries: int, answered: bool, holdings: Holdings, defaults: Defaults
) -> None:
    plan = {"type": "fixed", "maxRetries": retries, "baseDelaySeconds": 0}
    async with VoiceSimulator(vendor="custom-voice", trouble=Trouble("refuse", times=2)) as cloud:
        server = {"url": cloud.base_url, "backoffPlan": plan, "timeoutSeconds": 7}
        voice = {"provider": "custom-voice", "server": server, "cachingEnabled": False}
        brief = await brief_of({"model": MODEL, "voice": voice}, holdings, defaults)
        assert brief.speaking.options["timeout_s"] == 7
        if answered:
            await speak(cloud, brief)
        else:
            with pytest.raises(Exception, match="500"):
                await speak(cloud, brief)
        assert len(cloud.requests) == retries + 1


# The service's own provider


async def test_the_services_own_model_is_the_operators_or_says_that_there_is_none() -> None:
    from gateway.api.briefs import from_assistant
    from gateway.demo import defaults as by_keys

    hosted = {
        "model": {"provider": "vapi", "messages": [{"role": "system", "content": "Be kind."}]}
    }
    brief = from_assistant(hosted, by_keys({}))
    assert brief.thinking.vendor == "script"
    assert "No language model" in repr(brief.thinking.options["script"])
    keys = {"anthropic": VendorSettings(api_key="k"), "groq": VendorSettings(api_key="k")}  # type: ignore[arg-type]
    assert from_assistant(hosted, by_keys(keys)).thinking.vendor == "anthropic"
    named = from_assistant(hosted, by_keys(keys, "groq/llama-3.3-70b-versatile"))
    assert named.thinking.model == "llama-3.3-70b-versatile"
    assert named.system[0]["content"] == "Be kind."
    with pytest.raises(ConfigError, match="default_model"):
        by_keys(keys, "nobody")
