"""Whatever is documented is taken and read back as it was written."""

from typing import Any

import httpx
import pytest

from gateway.api.credentials import without_secrets
from tests.api.maximal import maximal, members
from tests.api.test_official_sdk import client  # noqa: F401  # a fixture

OWN = {"id", "orgId", "createdAt", "updatedAt", "status"}
# Of an assistant, so many variants that every provider of every part has its turn.
TURNS = max(len(members(f"Assistant{part}")) for part in ("Model", "Voice", "Transcriber"))


def body_of(read: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in read.items() if name not in OWN}


def all_of(path: str) -> list[Any]:
    shapes = {
        "assistant": "CreateAssistantDto",
        "squad": "CreateSquadDto",
        "tool": "Tool",
        "credential": "AssistantCredentialsItem",
    }
    name = shapes[path]
    if path == "assistant":
        return [pytest.param(path, name, turn, id=f"assistant-{turn}") for turn in range(TURNS)]
    return [pytest.param(path, one, 0, id=one) for one in members(name)]


@pytest.mark.parametrize(
    ("path", "shape", "turn"),
    [each for path in ("assistant", "squad", "tool", "credential") for each in all_of(path)],
)
async def test_a_maximal_object_is_read_back_as_it_was_written(
    api: httpx.AsyncClient, path: str, shape: str, turn: int
) -> None:
    written = usable(shape, maximal({"$ref": f"#/$defs/{shape}"}, turn))
    made = await api.post(f"/{path}", json=written)
    assert made.status_code == 201, made.text
    shown = without_secrets(written) if path == "credential" else written
    at = f"/{path}/{made.json()['id']}"
    assert body_of((await api.get(at)).json()) == shown
    patch = {name: part for name, part in written.items() if part is not None}
    assert body_of((await api.patch(at, json=patch)).json()) == shown
    if path == "assistant":  # a nested object is replaced whole, not merged
        small = {"provider": "openai", "model": "gpt-4o"}
        assert (await api.patch(at, json={"model": small})).json()["model"] == small


def usable(shape: str, body: dict[str, Any]) -> dict[str, Any]:
    """What a shape cannot say: addresses and plans that must make sense together."""
    if shape == "Credential_byo_sip_trunk":
        body["gateways"] = [dict(gateway, ip="192.0.2.1") for gateway in body["gateways"]]
        body["outboundAuthenticationPlan"]["sipRegisterPlan"]["domain"] = "sip.example.org"
    if shape == "Credential_azure":
        body["bucketPlan"]["connectionString"] = "AccountName=a;AccountKey=a2V5"
    return body
