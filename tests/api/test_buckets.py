"""Credentials of buckets: which of them a call's recording goes to, and that secrets stay here."""

from typing import Any

import httpx
import pytest

from gateway.api.buckets import Buckets, bucket_of
from gateway.api.errors import BadRequest
from gateway.archive.bucket import Bucket
from gateway.store import Store

CALL = "11111111-1111-4111-8111-111111111111"
S3 = {
    "provider": "s3", "awsAccessKeyId": "AK", "awsSecretAccessKey": "hidden", "region": "eu-west-1",
    "s3BucketName": "calls", "s3PathPrefix": "a/b",
}  # fmt: skip
PLAN = {"name": "own", "accessKeyId": "AK", "secretAccessKey": "hidden"}
COMPATIBLE = {
    "provider": "s3-compatible", "fallbackIndex": 2,
    "bucketPlan": {**PLAN, "url": "https://minio.example:9000/", "region": "x", "path": "/calls"},
}  # fmt: skip
AZURE = {
    "provider": "azure", "service": "blob_storage",
    "bucketPlan": {
        "connectionString": "DefaultEndpointsProtocol=https;AccountName=us;AccountKey=aGlkZGVu;"
        "EndpointSuffix=core.windows.net",
        "containerName": "calls",
    },
}  # fmt: skip


def keep(store: Store, assistant: dict[str, Any]) -> None:
    at = "2026-01-01T00:00:00Z"
    record = {"id": CALL, "direction": "inbound", "status": "in-progress"}
    record |= {"created_at": at, "updated_at": at}
    store.calls.save(record, {"assistant": assistant})


@pytest.mark.parametrize(
    ("credential", "kind", "name", "url", "options"),
    [
        (S3, "s3", "calls", "https://calls.s3.eu-west-1.amazonaws.com", {"region": "eu-west-1"}),
        (
            COMPATIBLE, "s3", "own", "https://minio.example:9000/own",
            {"endpoint": "https://minio.example:9000", "virtual_hosted_style_request": False},
        ),
        (
            {"provider": "cloudflare", "accountId": "acc", "bucketPlan": PLAN}, "s3", "own",
            "https://acc.r2.cloudflarestorage.com/own", {"region": "auto"},
        ),
        (
            {"provider": "supabase", "bucketPlan": {**PLAN, "region": "eu-west-1",
             "url": "https://ref.supabase.co/storage/v1/s3"}},
            "s3", "own", "https://ref.supabase.co/storage/v1/s3/own", {"region": "eu-west-1"},
        ),
        (
            {"provider": "gcp", "gcpKey": {}, "bucketPlan": {"name": "own", "hmacAccessKey": "G",
             "hmacSecret": "hidden"}},
            "s3", "own", "https://storage.googleapis.com/own", {"access_key_id": "G"},
        ),
        (
            {"provider": "gcp", "gcpKey": {"clientEmail": "e", "privateKeyId": "1"},
             "bucketPlan": {"name": "own"}},
            "gcs", "own", "https://storage.googleapis.com/own",
            {"service_account_key": '{"client_email": "e", "private_key_id": "1"}'},
        ),
        (AZURE, "azure", "calls", "https://us.blob.core.windows.net/calls", {"account_name": "us"}),
    ],
)  # fmt: skip
def test_every_kind_of_bucket(
    credential: dict[str, Any], kind: str, name: str, url: str, options: dict[str, Any]
) -> None:
    bucket = bucket_of(credential)
    assert (bucket.kind, bucket.name, bucket.url) == (kind, name, url)
    assert options.items() <= bucket.options.items()
    assert "hidden" not in repr(bucket)


async def test_the_calls_own_come_first_then_those_that_are_kept_then_the_operators(
    api: httpx.AsyncClient, store: Store
) -> None:
    own = Bucket.s3("operators")
    for credential in (COMPATIBLE, {**S3, "fallbackIndex": 1}):
        assert (await api.post("/credential", json=credential)).status_code == 201
    keep(store, {"credentials": [{**S3, "s3BucketName": "inline"}, {"provider": "openai"}]})
    buckets = Buckets(store, own)
    found = await buckets.of(CALL)
    assert [b.name for b in found] == ["inline", "calls", "own", "operators"]
    assert found[2].path == "/calls"
    keep(store, {"artifactPlan": {"recordingPath": "here"}})
    assert [b.path for b in await buckets.of(CALL)] == ["here", "here", ""]
    keep(store, {"artifactPlan": {"recordingUseCustomStorageEnabled": False}})
    assert await buckets.of(CALL) == [own]


async def test_an_unusable_one_is_told_and_the_others_serve(store: Store, caplog) -> None:
    broken = {"provider": "azure", "service": "blob_storage",
              "bucketPlan": {"connectionString": "nonsense", "containerName": "x"}}  # fmt: skip
    keep(store, {"credentials": [broken, S3]})
    assert [b.name for b in await Buckets(store, None).of(CALL)] == ["calls"]
    assert "AccountName" in caplog.text
    with pytest.raises(BadRequest):
        bucket_of({"provider": "s3-compatible", "bucketPlan": {"name": "x"}})


async def test_secrets_are_not_shown_and_are_kept_by_a_patch(
    api: httpx.AsyncClient, store: Store
) -> None:
    for credential in (S3, COMPATIBLE, AZURE):
        made = await api.post("/credential", json=credential)
        assert made.status_code == 201, made.text
        path = f"/credential/{made.json()['id']}"
        shown = await api.get(path)
        assert "hidden" not in shown.text
        assert "aGlkZGVu" not in shown.text
        own = ("id", "orgId", "createdAt", "updatedAt")
        back = {n: v for n, v in shown.json().items() if n not in own and v is not None}
        if credential is not AZURE:  # of it nothing is shown that could be sent back
            assert (await api.patch(path, json=back)).status_code == 200
        kept = await store.credentials.get(made.json()["id"])
        assert kept is not None
        assert kept.body == credential


async def test_what_a_bucket_lacks_is_named(api: httpx.AsyncClient) -> None:
    answer = await api.post("/credential", json={"provider": "s3-compatible", "bucketPlan": PLAN})
    assert (answer.status_code, answer.json()["message"]) == (
        400, ["bucketPlan.url should not be empty"],
    )  # fmt: skip
