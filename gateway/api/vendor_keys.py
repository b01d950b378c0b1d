"""An organisation's own keys for vendors: stored credentials, and those within an assistant.

An assistant's own come first; of stored ones the newest of each provider, or of those alone that
``credentialIds`` names. Where an organisation has none, the operator's key is used. Where a vendor
is stays the operator's to say, but for the vendor's own clouds: a key may not be lured elsewhere,
nor may the gateway be sent anywhere by it.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from gateway.agent.brief import VendorKey
from gateway.api.unusable import Unusable
from gateway.store import Holdings

Json = dict[str, Any]

MOST = 1000  # credentials of an organisation that are looked at

# The fields of each provider's credential, in the words of our vendors.
_USUAL = {"apiKey": "api_key"}
_PLACED = _USUAL | {"apiUrl": "base_url"}
FIELDS: dict[str, dict[str, str]] = {
    **dict.fromkeys(
        (
            "anthropic", "anyscale", "assembly-ai", "cerebras", "custom-llm", "deepinfra",
            "deep-seek", "gladia", "google", "groq", "hume", "inflection-ai", "inworld", "lmnt",
            "mistral", "neuphonic", "openai", "openrouter", "perplexity-ai", "rime-ai", "runpod",
            "smallest-ai", "speechmatics", "together-ai", "xai",
        ),
        _USUAL,
    ),
    **dict.fromkeys(("11labs", "cartesia", "deepgram", "soniox"), _PLACED),
    "anthropic-bedrock": {"region": "region"},
    "azure": _USUAL | {"region": "region"},
    "azure-openai": {"openAIKey": "api_key", "openAIEndpoint": "base_url"},
    "microsoft": _USUAL | {"region": "region"},
    "minimax": _USUAL | {"groupId": "user"},
    "playht": _USUAL | {"userId": "user"},
}  # fmt: skip
# Whose clouds they are.
CLOUDS = {
    "11labs": ("elevenlabs.io",),
    "azure-openai": ("openai.azure.com", "cognitiveservices.azure.com", "services.ai.azure.com"),
    "cartesia": ("cartesia.ai",),
    "deepgram": ("deepgram.com",),
    "soniox": ("soniox.com",),
}


async def keys_of(assistant: Json, holdings: Holdings) -> dict[str, VendorKey]:
    """By vendor, for those that the assistant names. Raises Unusable."""
    models = set(_models(assistant))
    wanted = set(_providers(assistant)) & FIELDS.keys()
    own = [one for one in assistant.get("credentials") or () if one.get("provider") in wanted]
    found = {place: ("", one) for one in reversed(own) for place in _places(one, models)}
    if lacking := sorted(wanted - found.keys()):
        stored = await holdings.credentials.list(limit=MOST, provider=lacking)
        named = set(assistant.get("credentialIds") or ())
        for one in reversed(stored):
            if not named or one.id in named:
                found |= dict.fromkeys(_places(one.body, models), (one.id, one.body))
    made = {place: _key(*credential) for place, credential in found.items()}
    return {place: key for place, key in made.items() if key.api_key or key.plan}


def _places(credential: Json, models: set[str]) -> Iterator[str]:
    """What it is a key for: a vendor, and a region of Azure's. Azure's storage is no vendor, and
    a resource without any of the models is not asked for them."""
    if credential["provider"] == "azure" and credential.get("service") == "blob_storage":
        return
    if credential.get("models") and not models.intersection(credential["models"]):
        return
    yield credential["provider"]
    if credential["provider"] == "azure-openai" and credential.get("region"):
        yield f"azure-openai-{credential['region']}"


def _key(id_: str, credential: Json) -> VendorKey:
    key = key_of(credential)
    update: Json = {}
    if credential.get("ocpApimSubscriptionKey"):  # of a gateway before Azure's resource
        update["headers"] = {"Ocp-Apim-Subscription-Key": credential["ocpApimSubscriptionKey"]}
    if credential["provider"] == "anthropic-bedrock":
        update |= _of_amazon(credential["authenticationPlan"])
    elif id_ and credential.get("authenticationPlan"):
        update["plan"] = id_
    return key.model_copy(update=update)


def _of_amazon(plan: Json) -> Json:
    if not plan.get("awsAccessKeyId"):
        raise Unusable(
            "the credential's authenticationPlan of anthropic-bedrock must have awsAccessKeyId and "
            "awsSecretAccessKey: this gateway assumes no roles"
        )
    return {"user": plan["awsAccessKeyId"], "api_key": plan.get("awsSecretAccessKey") or ""}


def key_of(credential: Json) -> VendorKey:
    """Raises Unusable."""
    provider = credential["provider"]
    fields = FIELDS[provider].items()
    given = {ours: str(credential[name]) for name, ours in fields if credential.get(name)}
    if url := given.get("base_url"):
        given["base_url"] = _placed(provider, url)
    return VendorKey(**given)


def _placed(provider: str, url: str) -> str:
    clouds = CLOUDS[provider]
    parts = urlsplit(url if "://" in url else f"https://{url}")
    host = (parts.hostname or "").lower()
    ours = any(host == cloud or host.endswith(f".{cloud}") for cloud in clouds)
    if not ours or parts.scheme not in ("https", "wss"):
        name = next(n for n, ours in FIELDS[provider].items() if ours == "base_url")
        raise Unusable(
            f"the credential's {name} of {provider} must be of {' or '.join(clouds)}, by https: "
            f"another address is the operator's to give, [vendors.{provider}] base_url"
        )
    found = parts.geturl().rstrip("/")
    whole = provider != "azure-openai" or "/openai" in parts.path
    return found if whole else f"{found}/openai/v1"  # Azure shows where the resource is


def _providers(assistant: Json) -> Iterator[str]:
    asking = (assistant.get("compliancePlan") or {}).get("recordingConsentPlan") or {}
    for chosen in (
        *((assistant.get(part) or {}) for part in ("transcriber", "model", "voice")),
        asking.get("voice") or {},
    ):
        plan = chosen.get("fallbackPlan") or {}
        others = [plan.get(name) or () for name in ("transcribers", "models", "voices")]
        for one in chain([chosen], *others):
            if one.get("provider"):
                yield str(one["provider"])
            if one.get("provider") == "openai":  # a region in its model's name is Azure's
                yield "azure-openai"


def _models(assistant: Json) -> Iterator[str]:
    model = assistant.get("model") or {}
    plan = (model.get("fallbackPlan") or {}).get("models") or ()
    for name in (model.get("model"), *(model.get("fallbackModels") or ()),
                 *(one.get("model") for one in plan)):  # fmt: skip
        yield str(name or "").partition(":")[0]
