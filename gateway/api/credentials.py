"""``/credential``: what is given in confidence. Of these, trunks work at once, and recordings are
put into buckets."""

import logging
from ipaddress import ip_address
from operator import attrgetter
from typing import Any

from pydantic import ValidationError

from gateway.api import buckets
from gateway.api.errors import BadRequest
from gateway.api.resources import Body, Resource
from gateway.store import Holdings, Store
from gateway.store.rows import Rows
from gateway.trunks.book import Trunks
from gateway.trunks.settings import TrunkSettings

log = logging.getLogger(__name__)

TRUNK = "byo-sip-trunk"
PLAN = "outboundAuthenticationPlan"

# What is never shown, wherever in a credential it lies. Ids and names beside them are.
SECRETS = frozenset(
    {
        "apiKey", "apiSecret", "authPassword", "authToken", "authenticationSession",
        "awsSecretAccessKey", "clientSecret", "connectionString", "gcpKey", "hmacSecret",
        "ocpApimSubscriptionKey", "openAIKey", "privateKey", "secretAccessKey", "secretKey",
        "token", "webhookUrl",
    }
)  # fmt: skip

MOST = 10_000  # trunks


def credentials(store: Store, trunks: Trunks) -> Resource:
    async def accept(holdings: Holdings, body: Body) -> None:
        if body["provider"] == TRUNK:
            trunk_settings(body)
        elif body["provider"] in buckets.PROVIDERS and buckets.is_bucket(body):
            buckets.bucket_of(body)

    async def wrote() -> None:
        await apply(store.credentials, trunks)

    return Resource(
        path="credential",
        name="Credential",
        shape="AssistantCredentialsItem",
        rows=attrgetter("credentials"),
        accept=accept,
        shown=lambda stored: without_secrets(stored.body),
        merged=_merged,
        wrote=wrote,
    )


async def apply(rows: Rows, trunks: Trunks) -> None:
    """Have the trunks be what the store says, of all organisations. One that cannot be used is
    logged, and left out."""
    stored = await rows.of(None).list(limit=MOST, provider=TRUNK)
    for gone in [t.name for t in trunks if t.origin == "api"]:
        if gone not in {one.id for one in stored}:
            trunks.remove(gone)
    for one in stored:
        try:
            trunks.put(one.id, trunk_settings(one.body), origin="api", org_id=one.org_id)
        except BadRequest as error:
            log.error("trunk %s cannot be used: %s", one.id, error.message)


TLS_SRTP = "tls/srtp"  # a value of a gateway's outboundProtocol


def trunk_settings(body: Body) -> TrunkSettings:
    """The trunk that a credential of the provider byo-sip-trunk means. Raises BadRequest."""
    given = [_known(gateway) for gateway in body["gateways"]]
    if problems := [p for at, g in enumerate(given) for p in _unusable(g, f"gateways[{at}]")]:
        raise BadRequest(problems)
    plan = _known(body.get(PLAN) or {})
    register = _known(plan.get("sipRegisterPlan") or {})
    out = [gateway for gateway in given if gateway.get("outboundEnabled", True)]
    values: dict[str, Any] = {
        "gateways": [_gateway(gateway) for gateway in out],
        "addresses": [
            f"{gateway['ip']}/{gateway.get('netmask', 32)}" if ":" not in gateway["ip"]
            else gateway["ip"]
            for gateway in given
            if gateway.get("inboundEnabled", True) and _is_address(gateway["ip"])
        ],
        "domain": register.get("domain") or "",
        "username": plan.get("authUsername") or register.get("username") or "",
        "password": plan.get("authPassword"),
        "register": "sipRegisterPlan" in plan,
        # A trunk has one policy: one gateway that wants its sound encrypted decides for all.
        "srtp": "required" if any(g.get("outboundProtocol") == TLS_SRTP for g in out) else "off",
        "options_s": 30.0 if any(g.get("optionsPingEnabled") for g in out) else 0.0,
        "rewrite_out": _rewriting(body),
        "messages": bool(body.get("sipMessagesEnabled")),
        "headers": _diversion(body),
    }  # fmt: skip
    try:
        return TrunkSettings.model_validate(values)
    except ValidationError as error:
        raise BadRequest([entry["msg"] for entry in error.errors()]) from None


def _known(values: Body) -> Body:
    """Without nulls: they mean that a field is absent."""
    return {name: value for name, value in values.items() if value is not None}


def _unusable(gateway: Body, at: str) -> list[str]:
    inbound = gateway.get("inboundEnabled", True)
    if inbound and not _is_address(gateway["ip"]) and not gateway.get("outboundEnabled", True):
        return [f"{at}.ip must be an address, since calls are only to come from there"]
    return []


def _gateway(gateway: Body) -> Body:
    protocol = gateway.get("outboundProtocol", "udp")
    found = {
        "host": gateway["ip"],
        "transport": "tls" if protocol == TLS_SRTP else protocol,
        "inbound": gateway.get("inboundEnabled", True),
    }
    return found | ({"port": gateway["port"]} if "port" in gateway else {})


def _rewriting(body: Body) -> list[Body]:
    """Plus or not, and the tech prefix before what is dialled."""
    prefix = body.get("techPrefix") or ""
    if body.get("outboundLeadingPlusEnabled") is False:
        return [{"strip": "+", "prefix": prefix}, *([{"prefix": prefix}] if prefix else [])]
    return [{"prefix": prefix}] if prefix else []


def _diversion(body: Body) -> dict[str, str]:
    value = body.get("sipDiversionHeader") or ""
    return {"Diversion": value} if value else {}


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def without_secrets(value: Any) -> Any:
    match value:
        case dict():
            return {n: without_secrets(v) for n, v in value.items() if n not in SECRETS}
        case list():
            return [without_secrets(part) for part in value]
    return value


def _merged(before: Body, patch: Body) -> Body:
    return before | {name: _with_secrets(before.get(name), new) for name, new in patch.items()}


def _with_secrets(old: Any, new: Any) -> Any:
    """A client that sends back what it was shown cannot send the secrets in it: they are kept."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    kept = {name: old[name] for name in SECRETS & old.keys() - new.keys()}
    return kept | {name: _with_secrets(old.get(name), part) for name, part in new.items()}
