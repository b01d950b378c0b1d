"""Create, list, read, change, delete: the same rules for every resource."""

import re
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)

PHONE = {"provider": "vapi", "sipUri": "sip:desk@example.org"}
EACH = pytest.mark.parametrize(
    ("path", "body"), [("/assistant", {"name": "A"}), ("/phone-number", PHONE)]
)
NOBODY = "00000000-0000-4000-8000-000000000000"


@EACH
async def test_what_is_created_is_read_back(
    api: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    answer = await api.post(path, json=body)
    assert answer.status_code == 201
    made = answer.json()
    assert made.items() >= body.items()
    assert re.fullmatch(r"[0-9a-f-]{36}", made["id"])
    assert re.fullmatch(r"[0-9a-f-]{36}", made["orgId"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", made["createdAt"])
    assert (await api.get(f"{path}/{made['id']}")).json() == made
    assert (await api.get(path)).json() == [made]


@EACH
async def test_what_is_deleted_is_returned_and_gone(
    api: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    made = (await api.post(path, json=body)).json()
    answer = await api.delete(f"{path}/{made['id']}")
    assert (answer.status_code, answer.json()) == (200, made)
    assert (await api.get(f"{path}/{made['id']}")).status_code == 404
    assert (await api.get(path)).json() == []


@EACH
@pytest.mark.parametrize("method", ["get", "patch", "delete"])
async def test_what_does_not_exist_is_a_404_and_what_is_no_id_a_400(
    api: httpx.AsyncClient, path: str, body: dict[str, Any], method: str
) -> None:
    answer = await api.request(method, f"{path}/{NOBODY}")
    assert answer.status_code == 404
    assert NOBODY in answer.json()["message"]
    assert answer.json()["error"] == "Not Found"
    assert answer.json()["statusCode"] == 404
    answer = await api.request(method, f"{path}/nonsense")
    assert answer.status_code == 400
    assert answer.json()["message"] == ["id must be a UUID"]


async def test_a_patch_replaces_nested_objects_whole_and_merges_the_top(
    api: httpx.AsyncClient,
) -> None:
    body = {
        "name": "A",
        "model": {"provider": "openai", "model": "gpt-4o", "temperature": 1},
        "startSpeakingPlan": {"waitSeconds": 1},
    }
    made = (await api.post("/assistant", json=body)).json()
    patch = {"model": {"provider": "openai", "model": "gpt-4.1"}}
    changed = (await api.patch(f"/assistant/{made['id']}", json=patch)).json()
    assert changed["model"] == patch["model"]
    assert changed["name"] == "A"
    assert changed["startSpeakingPlan"] == {"waitSeconds": 1}
    assert changed["createdAt"] == made["createdAt"]
    assert changed["updatedAt"] > made["updatedAt"]


async def test_null_removes_a_binding(api: httpx.AsyncClient) -> None:
    assistant = (await api.post("/assistant", json={})).json()
    number = (
        await api.post("/phone-number", json={**PHONE, "assistantId": assistant["id"]})
    ).json()
    patch = await api.patch(f"/phone-number/{number['id']}", json={"assistantId": None})
    assert patch.json()["assistantId"] is None


async def test_lists_are_newest_first_limited_and_filtered(api: httpx.AsyncClient) -> None:
    made = [(await api.post("/assistant", json={"name": str(n)})).json() for n in range(4)]

    async def names(**query: str) -> list[str]:
        answer = await api.get("/assistant", params=query)
        assert answer.status_code == 200, answer.text
        return [one["name"] for one in answer.json()]

    assert await names() == ["3", "2", "1", "0"]
    assert await names(limit="2") == ["3", "2"]
    assert await names(limit="0") == []
    assert await names(createdAtLt=made[2]["createdAt"]) == ["1", "0"]
    assert await names(createdAtGe=made[2]["createdAt"]) == ["3", "2"]
    assert await names(updatedAtLe=made[0]["updatedAt"].replace("Z", "+00:00")) == ["0"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("limit=1001", "limit must be"),
        ("limit=-1", "limit must be"),
        ("createdAtGt=yesterday", "createdAtGt must be a valid ISO 8601"),
        ("assistentId=x", "property assistentId should not exist"),
    ],
)
async def test_a_list_refuses_what_it_does_not_know(
    api: httpx.AsyncClient, query: str, said: str
) -> None:
    answer = await api.get(f"/assistant?{query}")
    assert answer.status_code == 400
    assert said in answer.json()["message"][0]


async def test_read_only_fields_are_ignored_or_refused_as_documented(
    api: httpx.AsyncClient,
) -> None:
    answer = await api.post("/assistant", json={"latestVersion": "v1", "modelDeprecations": []})
    assert answer.status_code == 201
    assert "latestVersion" not in answer.json()
    answer = await api.post("/assistant", json={"id": NOBODY})
    assert answer.json() == {
        "message": ["property id should not exist"],
        "error": "Bad Request",
        "statusCode": 400,
    }


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"NaN", b'{"a":' * 5000, b"\xff\xfe{}"])
async def test_a_body_that_is_no_json_object_is_a_400(api: httpx.AsyncClient, body: bytes) -> None:
    answer = await api.post("/assistant", content=body)
    assert answer.status_code == 400
    assert "JSON" in answer.json()["message"]


async def test_a_body_has_a_largest_size(api: httpx.AsyncClient) -> None:
    answer = await api.post("/assistant", content=b" " * (4 * 1024 * 1024 + 1))
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"provider": "vapi"}, "sipUri should not be empty"),
        ({"provider": "vapi", "sipUri": "mailto:a@b"}, "sipUri must be a SIP URI"),
        ({"provider": "byo-phone-number"}, "number should not be empty"),
        ({**PHONE, "assistantId": NOBODY}, f"assistantId {NOBODY} does not exist"),
        ({"provider": "pigeon"}, "provider must be one of the following values: byo-phone-number"),
        ({}, "provider must be one of"),
        ({**PHONE, "number": "+1"}, "property number should not exist"),
    ],
)
async def test_a_number_that_cannot_be_answered_is_refused(
    api: httpx.AsyncClient, body: dict[str, Any], said: str
) -> None:
    answer = await api.post("/phone-number", json=body)
    assert answer.status_code == 400
    assert said in answer.json()["message"][0]


async def test_a_sip_uri_has_one_owner(api: httpx.AsyncClient) -> None:
    await api.post("/phone-number", json=PHONE)
    again = await api.post("/phone-number", json={**PHONE, "sipUri": "sip:DESK@example.org"})
    assert again.status_code == 400
    assert "sipUri is already in use" in again.json()["message"][0]


async def test_a_number_cannot_become_another_kind(api: httpx.AsyncClient) -> None:
    made = (await api.post("/phone-number", json=PHONE)).json()
    answer = await api.patch(f"/phone-number/{made['id']}", json={"provider": "twilio"})
    assert answer.status_code == 400
    assert "provider cannot be changed" in answer.json()["message"][0]
    same = await api.patch(
        f"/phone-number/{made['id']}", json={"provider": "vapi", "name": "Front desk"}
    )
    assert same.json()["name"] == "Front desk"
