"""What is open to everybody: health, metrics, documentation."""

import re

import httpx
import pytest

from gateway.store import Store, StoreError

OPEN = {"Authorization": ""}


async def test_alive_is_alive(api: httpx.AsyncClient) -> None:
    answer = await api.get("/health/live", headers=OPEN)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_ready_names_the_part_that_is_not(
    api: httpx.AsyncClient, parts: dict[str, str]
) -> None:
    answer = await api.get("/health/ready", headers=OPEN)
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "parts": {"sip": "ok", "store": "ok"}}
    parts["switchboard"] = "draining"
    answer = await api.get("/health/ready", headers=OPEN)
    assert answer.status_code == 503
    assert answer.json()["parts"]["switchboard"] == "draining"


async def test_a_store_that_does_not_answer_is_not_ready(
    api: httpx.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check() -> None:
        raise StoreError("the disk failed")

    monkeypatch.setattr(store, "check", check)
    answer = await api.get("/health/ready", headers=OPEN)
    assert answer.status_code == 503
    assert answer.json()["parts"]["store"] == "the disk failed"


async def test_metrics_have_help_and_count_requests_by_route(api: httpx.AsyncClient) -> None:
    await api.get("/assistant/11111111-1111-4111-8111-111111111111")
    answer = await api.get("/metrics", headers=OPEN)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# HELP trunkline_api_request_seconds Time from" in answer.text
    assert 'route="/assistant/{resource_id}",status="404"' in answer.text
    assert "11111111" not in answer.text


async def test_the_documentation_needs_nothing_from_outside(api: httpx.AsyncClient) -> None:
    page = await api.get("/docs", headers=OPEN)
    assert page.status_code == 200
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page.text)
    for name, kind in (("swagger-ui-bundle.js", "javascript"), ("swagger-ui.css", "css")):
        asset = await api.get(f"/docs/{name}", headers=OPEN)
        assert asset.status_code == 200
        assert kind in asset.headers["content-type"]
        assert len(asset.content) > 10_000
    assert (await api.get("/docs/..%2fapp.py", headers=OPEN)).status_code == 404


async def test_the_open_api_document_describes_every_body(api: httpx.AsyncClient) -> None:
    described = (await api.get("/openapi.json", headers=OPEN)).json()
    body = described["paths"]["/assistant"]["post"]["requestBody"]
    name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert "firstMessage" in described["components"]["schemas"][name]["properties"]
    assert {p["name"] for p in described["paths"]["/call"]["get"]["parameters"]} >= {
        "assistantId", "limit", "createdAtGt"}  # fmt: skip
    assert described["components"]["securitySchemes"]


async def test_an_unknown_path_is_a_404_in_the_documented_shape(api: httpx.AsyncClient) -> None:
    answer = await api.get("/nowhere")
    assert answer.json() == {
        "message": "Cannot GET /nowhere",
        "error": "Not Found",
        "statusCode": 404,
    }
    assert (await api.put("/assistant")).json()["statusCode"] == 405


async def test_no_other_origin_is_let_in(api: httpx.AsyncClient) -> None:
    answer = await api.get("/assistant", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers
