"""Bad input on every route there is: taken from the API's own OpenAPI document, so that a new route
is covered by being there."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.api.app import create_app
from gateway.api.requests import LARGEST
from gateway.store import Store
from tests.api.conftest import KEY
from tests.api.maximal import maximal

Json = dict[str, Any]

NOBODY = "22222222-2222-4222-8222-222222222222"
# Ask for no key.
OPEN = {"/health/live", "/health/ready", "/metrics", "/presigned/{call_id}/{which}"}
ODD = [  # strings that break what is careless: unpaired surrogates, NUL, right-to-left, ids
    '"\\ud800"', '"\\u0000"', '"\\u202e"', '"%00"', '"../../etc/passwd"', "1e999", "-0", "[[[]]]",
    '{"$ref": "#"}', "null", "123456789012345678901234567890", "true",
]  # fmt: skip


def document() -> Json:
    """What the API says of itself; nothing is asked of what is behind it."""
    nothing: Any = None
    app = create_app(Store("sqlite://"), nothing, key=KEY, state_dir=Path(), readiness=dict)  # type: ignore[arg-type]
    made: Json = app.openapi()
    return made


DOCUMENT = document()
ROUTES = [
    (method.upper(), path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
GUARDED = [route for route in ROUTES if route[1] not in OPEN]
NAMED = [route for route in GUARDED if "{" in route[1]]
LISTS = [
    (path, [p["name"] for p in operation.get("parameters", ())])
    for method, path, operation in GUARDED
    if method == "GET" and "{" not in path
]


def shape_of(operation: Json) -> str:
    """The name of the object that a JSON body has to be, or empty."""
    content = operation.get("requestBody", {}).get("content", {})
    reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    return str(reference.rpartition("/")[2])


WRITES = [(m, p, shape_of(o)) for m, p, o in GUARDED if shape_of(o)]


def filled(path: str, value: str) -> str:
    """The path with this in place of every id."""
    return re.sub(r"\{[^}]+\}", value, path)


def told(answer: httpx.Response, *statuses: int) -> Any:
    """The message of an answer that has the documented form."""
    assert answer.status_code in statuses, (answer.request.url, answer.text)
    said: Json = answer.json()
    assert said["statusCode"] == answer.status_code
    assert said["error"]
    return said["message"]


def name(route: Any) -> str:
    return f"{route[0]} {route[1]}"


@pytest.mark.parametrize("route", GUARDED, ids=name)
async def test_no_key_or_a_wrong_or_an_expired_one(api: httpx.AsyncClient, route: Any) -> None:
    method, path, _ = route
    body = {"expiresAt": "2020-01-01T00:00:00Z"}
    expired = (await api.post("/token", json=body)).json()["value"]
    for key in ("", "Bearer", "Basic x", f"Bearer {expired}", "Bearer wrong", "Bearer a.b.c"):
        headers = {"Authorization": key}
        told(await api.request(method, filled(path, NOBODY), headers=headers), 401)


@pytest.mark.parametrize("route", GUARDED, ids=name)
async def test_a_public_key_opens_none_of_them(api: httpx.AsyncClient, route: Any) -> None:
    method, path, _ = route
    public = (await api.post("/token", json={"tag": "public"})).json()["value"]
    headers = {"Authorization": f"Bearer {public}"}
    told(await api.request(method, filled(path, NOBODY), headers=headers), 403)


@pytest.mark.parametrize("route", NAMED, ids=name)
async def test_an_id_that_is_none_or_nobody_s(api: httpx.AsyncClient, route: Any) -> None:
    method, path, operation = route
    body = maximal({"$ref": f"#/$defs/{shape_of(operation)}"}) if shape_of(operation) else None
    for bad in (NOBODY, "nonsense", "%00", "0" * 400, "..%2f..", "%ff"):
        answer = await api.request(method, filled(path, bad), json=body)
        told(answer, *((404, 400) if bad == NOBODY else (400, 404)))


@pytest.mark.parametrize(("method", "path", "shape"), WRITES)
async def test_a_body_that_is_none_and_one_too_large(
    api: httpx.AsyncClient, method: str, path: str, shape: str
) -> None:
    at = filled(path, NOBODY)
    for body in (b"[]", b"null", b"{", b"\xff", b'"x"', b'{"a": NaN}', b"[" * 100_000):
        told(await api.request(method, at, content=body), 400, 404)
    told(await api.request(method, at, content=b" " * (LARGEST + 1)), 413, 404)


@pytest.mark.parametrize(("method", "path", "shape"), WRITES)
async def test_no_value_in_any_field_breaks_it(
    api: httpx.AsyncClient, method: str, path: str, shape: str
) -> None:
    """Each field in turn, with what no client should send: refused by name, or taken."""
    for field in DOCUMENT["components"]["schemas"][shape].get("properties", {"name": {}}):
        for odd in ODD:
            content = f'{{"{field}": {odd}}}'.encode()
            answer = await api.request(method, filled(path, NOBODY), content=content)
            assert answer.status_code in (200, 201, 400, 404), (field, odd, answer.text)
            if answer.status_code == 400:
                told(answer, 400)
            elif answer.status_code == 201:
                made = answer.json()
                assert (await api.get(f"{path}/{made['id']}")).status_code in (200, 404)


@pytest.mark.parametrize(("path", "known"), LISTS, ids=lambda one: one if str(one) == one else "")
async def test_every_parameter_of_every_list(
    api: httpx.AsyncClient, path: str, known: list[str]
) -> None:
    """Those that are documented are taken; their wrong values and all others are refused."""
    instant = "2026-01-02T03:04:05.678Z"
    good = {"limit": "1", "page": "1", "sortOrder": "ASC", "sortBy": "createdAt"}
    for one in known:
        if re.match(r"(created|updated)At(G|L)[te]$", one):
            assert (await api.get(path, params={one: instant})).status_code == 200, one
            told(await api.get(path, params={one: "yesterday"}), 400)
        elif one == "limit":
            for value in ("0", "1", "1000"):
                assert (await api.get(path, params={one: value})).status_code in (200, 400)
            for value in ("-1", "1001", "x", "1.5", "", "\u0661"):
                told(await api.get(path, params={one: value}), 400)
        elif one in good:
            assert (await api.get(path, params={one: good[one]})).status_code == 200, one
            told(await api.get(path, params={one: "nonsense"}), 400)
        elif one != "cursor":
            assert (await api.get(path, params={one: NOBODY})).status_code in (200, 400), one
    if known:
        told(await api.get(path, params={"nope": "1"}), 400)


DATED = [path for path, known in LISTS if "createdAtGt" in known]


@pytest.mark.parametrize("path", DATED)
def test_a_list_has_all_documented_bounds(path: str) -> None:
    known = dict(LISTS)[path]
    bounds = {
        f"{what}At{side}" for what in ("created", "updated") for side in ("Gt", "Lt", "Ge", "Le")
    }
    assert {*bounds, "limit"} <= set(known)
    if path.startswith("/v2/"):
        assert {"page", "sortOrder"} <= set(known)


def test_every_documented_list_is_here() -> None:
    for path in ("assistant", "squad", "tool", "phone-number", "call", "credential", "file"):
        assert f"/{path}" in DATED
    for path in ("assistant", "squad", "tool", "phone-number", "call"):
        assert f"/v2/{path}" in DATED
