"""Where recordings are put: credentials of buckets in the API's JSON, and which of them a call's
recording is for."""

import base64
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

from gateway.api.errors import BadRequest
from gateway.archive.bucket import Bucket
from gateway.store import Store

Json = dict[str, Any]

log = logging.getLogger(__name__)

PROVIDERS = ("s3", "s3-compatible", "cloudflare", "gcp", "azure", "supabase")
_MOST = 1000
_LAST = 10_000  # fallbackIndex of a credential that has none
_GOOGLE = "https://storage.googleapis.com"


class Buckets:
    """``own`` is the operator's. ``of`` is an ``archive.Buckets``."""

    def __init__(self, store: Store, own: Bucket | None) -> None:
        self._store, self._own = store, own

    async def of(self, call_id: str) -> list[Bucket]:
        """The call's own (credentials in its assistant), those kept at /credential in the order of
        their fallbackIndex, the operator's. Raises StoreError."""
        stored = await self._store.calls.get(call_id)
        assistant = (stored.papers.get("assistant") if stored else None) or {}
        plan = assistant.get("artifactPlan") or {}
        found: list[Bucket] = []
        if stored and plan.get("recordingUseCustomStorageEnabled") is not False:
            credentials = self._store.of(stored.org_id).credentials
            inline = [c for c in assistant.get("credentials") or () if c["provider"] in PROVIDERS]
            kept = [
                one.body
                for provider in PROVIDERS
                for one in await credentials.list(limit=_MOST, provider=provider)
            ]
            for some in (inline, kept):
                ordered = sorted(
                    filter(is_bucket, some), key=lambda c: c.get("fallbackIndex") or _LAST
                )
                found += _those_of(call_id, ordered, plan.get("recordingPath"))
        return [*found, self._own] if self._own else found


def _those_of(call_id: str, credentials: list[Json], path: str | None) -> Iterator[Bucket]:
    for credential in credentials:
        try:
            yield bucket_of(credential, path)
        except BadRequest as error:
            log.error("a bucket for the recording of %s cannot be used: %s", call_id, error.message)


def is_bucket(credential: Json) -> bool:
    """Azure's and Google's credentials may be for something else."""
    return bool(credential.get("bucketPlan")) or credential["provider"] == "s3"


def bucket_of(credential: Json, path: str | None = None) -> Bucket:
    """The bucket that a checked credential means; ``path`` wins over its own unless it is /.
    Raises BadRequest."""
    plan = {n: v for n, v in (credential.get("bucketPlan") or {}).items() if v is not None}
    where = path if path and path != "/" else plan.get("path") or ""
    try:
        match credential["provider"]:
            case "s3":
                return Bucket.s3(
                    credential["s3BucketName"],
                    region=credential["region"],
                    key=credential["awsAccessKeyId"],
                    secret=credential["awsSecretAccessKey"],
                    path=path if path and path != "/" else credential["s3PathPrefix"],
                )
            case "s3-compatible" | "supabase":
                return _s3(plan, plan["url"], plan["region"], where)
            case "cloudflare":
                account = credential.get("accountId")
                url = plan.get("url") or f"https://{account}.r2.cloudflarestorage.com"
                return _s3(plan, url, "auto", where)
            case "gcp" if plan.get("hmacAccessKey"):  # Google speaks S3, too
                return Bucket.s3(
                    plan["name"], region=plan.get("region") or "auto", endpoint=_GOOGLE,
                    key=plan["hmacAccessKey"], secret=plan["hmacSecret"], path=where,
                )  # fmt: skip
            case "gcp":
                return _google(plan["name"], credential["gcpKey"], where)
            case "azure":
                return _azure(plan["connectionString"], plan["containerName"], where)
    except KeyError as error:
        raise BadRequest([f"bucketPlan.{error.args[0]} should not be empty"]) from None
    raise BadRequest([f"provider {credential['provider']} has no buckets"])


def _s3(plan: Json, url: str, region: str, path: str) -> Bucket:
    if not plan.get("accessKeyId") or not plan.get("secretAccessKey"):
        raise BadRequest(["bucketPlan needs accessKeyId and secretAccessKey"])
    return Bucket.s3(
        plan["name"], region=region, endpoint=url, key=plan["accessKeyId"],
        secret=plan["secretAccessKey"], path=path,
    )  # fmt: skip


def _google(name: str, key: Json, path: str) -> Bucket:
    """Google writes the fields of a service account's key with underscores."""
    account = {re.sub(r"([A-Z])", lambda m: "_" + m[1].lower(), n): v for n, v in key.items()}
    options = {"service_account_key": json.dumps(account)}
    return Bucket("gcs", name, f"{_GOOGLE}/{name}", path, options)


def _azure(connection: str, container: str, path: str) -> Bucket:
    parts = dict(part.split("=", 1) for part in connection.split(";") if "=" in part)
    try:
        account, key = parts["AccountName"], parts["AccountKey"]
        base64.b64decode(key, validate=True)
    except (KeyError, ValueError):
        raise BadRequest(
            ["bucketPlan.connectionString must name an AccountName and its AccountKey"]
        ) from None
    host = f"{account}.blob.{parts.get('EndpointSuffix', 'core.windows.net')}"
    endpoint = parts.get("BlobEndpoint", f"https://{host}").rstrip("/")
    options = {"account_name": account, "account_key": key, "endpoint": endpoint}
    return Bucket("azure", container, f"{endpoint}/{container}", path, options)
