"""Bad input, for every resource: each wrong thing has one clear answer, and nothing is kept."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from gateway.api.absent import ABSENT
from gateway.api.requests import LARGEST

Json = dict[str, Any]

ALICE = {"sipUri": "sip:alice@example.org"}
FILE = {"files": {"file": ("a.txt", b"words")}}
BAD = "Bad Request"
NOBODY = "22222222-2222-4222-8222-222222222222"

GOOD: dict[str, Json] = {
    "/assistant": {"name": "A"},
    "/squad": {"members": [{"assistant": {"name": "A"}}]},
    "/tool": {"type": "endCall"},
    "/credential": {"provider": "openai", "apiKey": "hush"},
    "/phone-number": {"provider": "vapi", "sipUri": "sip:desk@example.org"},
    "/call": {"assistant": {"model": {"provider": "script", "script": {}}}, "customer": ALICE},
}
PATHS = [*GOOD, "/file"]

# A wrong type and a wrong value of an enumeration each, and how the answer begins.
WRONG: list[tuple[str, Json, str]] = [
    ("/assistant", {"name": 1}, "name must be a string"),
    ("/assistant", {"model": "gpt-4o"}, "model must be an object"),
    ("/assistant", {"maxDurationSeconds": "long"}, "maxDurationSeconds must be a number"),
    ("/assistant", {"firstMessageMode": "shout"}, "firstMessageMode must be one of"),
    ("/assistant", {"voice": {"provider": "nobody"}}, "voice.provider must be one of"),
    ("/squad", {"members": {}}, "members must be an array"),
    ("/squad", {"members": [1]}, "members.0 must be an object"),
    ("/tool", {"type": 1}, "type must be one of"),
    ("/tool", {"type": "laser"}, "type must be one of"),
    ("/tool", {"type": "function", "function": {"name": 1}}, "function.name must be a string"),
    ("/credential", {"name": 1}, "name must be a string"),
    ("/credential", {"provider": "nobody"}, "provider must be one of"),
    ("/phone-number", {"sipUri": 1}, "sipUri must be a string"),
    ("/phone-number", {"provider": "pigeon"}, "provider must be one of"),
    ("/call", {"customer": "alice"}, "customer must be an object"),
    ("/call", {"assistant": {"firstMessageMode": "x"}}, "assistant.firstMessageMode must be one"),
]


async def make(api: httpx.AsyncClient, path: str) -> Json:
    sent: Any = FILE if path == "/file" else {"json": GOOD[path]}
    answer = await api.post(path, **sent)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


def refused(answer: httpx.Response, status: int, error: str) -> Any:
    """The message of an answer that has the documented form."""
    assert answer.status_code == status, answer.text
    said: Json = answer.json()
    assert (said["statusCode"], said["error"]) == (status, error)
    return said["message"]


@pytest.mark.parametrize(("path", "wrong", "said"), WRONG)
async def test_a_wrong_type_or_value_names_its_field(
    api: httpx.AsyncClient, path: str, wrong: Json, said: str
) -> None:
    message = refused(await api.post(path, json=GOOD[path] | wrong), 400, "Bad Request")
    assert any(one.startswith(said) for one in message), message
    assert (await api.get(path)).json() == []


@pytest.mark.parametrize("path", GOOD)
async def test_an_unknown_field_is_refused_and_nothing_is_changed(
    api: httpx.AsyncClient, path: str
) -> None:
    message = refused(await api.post(path, json=GOOD[path] | {"nope": 1}), 400, "Bad Request")
    assert message == ["property nope should not exist"]
    assert (await api.get(path)).json() == []


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/call"])
async def test_a_patch_with_one_wrong_field_changes_nothing(
    api: httpx.AsyncClient, path: str
) -> None:
    at = f"{path}/{(await make(api, path))['id']}"
    before = (await api.get(at)).json()
    message = refused(await api.patch(at, json={"name": "B", "nope": 1}), 400, "Bad Request")
    assert "property nope should not exist" in message
    assert (await api.get(at)).json() == before


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"{", b"\xff"])
async def test_what_is_no_object_or_an_empty_one(
    api: httpx.AsyncClient, path: str, body: bytes
) -> None:
    answer = await api.post(path, content=body)
    if path == "/assistant" and body in (b"", b"{}"):
        assert answer.status_code == 201  # everything of an assistant has a default
    else:
        refused(answer, 400, "Bad Request")


@pytest.mark.parametrize("path", GOOD)
async def test_a_body_that_is_too_large(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.post(path, content=b" " * (LARGEST + 1))
    assert answer.status_code == 413
    assert "larger" in answer.json()["message"]


@pytest.mark.parametrize("body", [{"json": {"name": "x"}}, {"files": {"other": b"x"}}])
async def test_a_file_is_sent_as_a_form(api: httpx.AsyncClient, body: Json) -> None:
    (message,) = refused(await api.post("/file", **body), 400, "Bad Request")
    assert message.startswith("file")


@pytest.mark.parametrize("path", PATHS)
async def test_an_id_that_is_none_or_nobody_s(api: httpx.AsyncClient, path: str) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        body = None if method == "GET" else {}
        for bad in ("nonsense", "1", "%00", "0" * 400):
            answer = await api.request(method, f"{path}/{bad}", json=body)
            assert refused(answer, 400, "Bad Request") == ["id must be a UUID"]
        answer = await api.request(method, f"{path}/{NOBODY}", json=body)
        assert NOBODY in refused(answer, 404, "Not Found")


@pytest.mark.parametrize("path", PATHS)
async def test_another_organisation_s_is_not_there(api: httpx.AsyncClient, path: str) -> None:
    org = (await api.post("/org", json={"name": "Other"})).json()["id"]
    key = (await api.post("/token", json={"orgId": org})).json()["value"]
    stranger = {"Authorization": f"Bearer {key}"}
    made = await make(api, path)
    at = f"{path}/{made['id']}"
    assert (await api.get(path, headers=stranger)).json() == []
    for method in ("GET", "PATCH", "DELETE"):
        body = None if method == "GET" else {}
        refused(await api.request(method, at, json=body, headers=stranger), 404, "Not Found")
    if path != "/call":  # none is stored before it has begun
        assert made["id"] in (await api.get(path)).text


@pytest.mark.parametrize("path", PATHS)
async def test_a_key_that_has_expired_or_is_none(api: httpx.AsyncClient, path: str) -> None:
    body = {"expiresAt": "2020-01-01T00:00:00Z"}
    key = (await api.post("/token", json=body)).json()["value"]
    for header, said in (
        (f"Bearer {key}", "This key has expired"),
        (f"Bearer {uuid4()}", "Invalid key"),
        ("Bearer", "key"),
        ("", "key"),
    ):
        for method in ("GET", "POST"):
            answer = await api.request(method, path, headers={"Authorization": header})
            assert said.lower() in refused(answer, 401, "Unauthorized").lower()


@pytest.mark.parametrize("path", ABSENT)
async def test_what_is_documented_and_not_here_says_so(api: httpx.AsyncClient, path: str) -> None:
    for method, at in (("GET", path), ("POST", path), ("PATCH", f"{path}/{NOBODY}")):
        assert ABSENT[path] in refused(await api.request(method, at), 501, "Not Implemented")


async def test_what_nobody_documented_is_not_found(api: httpx.AsyncClient) -> None:
    refused(await api.get("/assistents"), 404, "Not Found")
    refused(await api.put("/assistant", json={}), 405, "Method Not Allowed")


PAGED = ["/v2/assistant", "/v2/squad", "/v2/tool", "/v2/phone-number", "/v2/call"]


@pytest.mark.parametrize("path", PAGED)
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("page=0", "page must be"),
        ("page=-1", "page must be"),
        ("page=x", "page must be"),
        ("page=1000001", "page must be"),
        ("limit=1001", "limit must be"),
        ("limit=x", "limit must be"),
        ("sortOrder=UP", "sortOrder must be one of"),
        ("sortBy=name", "sortBy must be createdAt"),
        ("cursor=nonsense", "cursor must be"),
        ("cursor=", "cursor must be"),
        ("cursor=%FF", "cursor must be"),
        ("nope=1", "property nope should not exist"),
    ],
)
async def test_a_page_that_there_cannot_be(
    api: httpx.AsyncClient, path: str, query: str, said: str
) -> None:
    (message,) = refused(await api.get(f"{path}?{query}"), 400, "Bad Request")
    assert message.startswith(said)


async def test_pages_end_where_the_list_does(api: httpx.AsyncClient) -> None:
    made = [(await api.post("/assistant", json={"name": str(n)})).json()["id"] for n in range(5)]
    for page, there in ((1, 2), (2, 2), (3, 1), (4, 0), (1_000_000, 0)):
        answer = (await api.get(f"/v2/assistant?limit=2&page={page}")).json()
        assert len(answer["results"]) == there
        assert answer["metadata"]["hasNextPage"] is (page < 3)
        assert answer["metadata"]["totalItems"] == 5
    assert (await api.get("/v2/assistant?limit=0")).json()["results"] == []
    for order, expected in (("ASC", made), ("DESC", made[::-1])):
        seen, cursor = [], ""
        while True:
            answer = (await api.get(f"/v2/assistant?limit=2&sortOrder={order}{cursor}")).json()
            seen += [one["id"] for one in answer["results"]]
            if "nextCursor" not in answer["metadata"]:
                break
            cursor = f"&cursor={answer['metadata']['nextCursor']}"
        assert seen == expected


async def test_a_number_that_is_none_may_be_dialled_where_its_owner_says_so(
    api: httpx.AsyncClient, switchboard: Any
) -> None:
    for more, status in (({}, 400), ({"numberE164CheckEnabled": False}, 201)):
        order = {**GOOD["/call"], "customer": {"number": "4711", **more}}
        assert (await api.post("/call", json=order)).status_code == status
    assert [order.target for order in switchboard.orders] == ["4711"]


@pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)
@pytest.mark.parametrize(
    ("path", "wrong", "where"),
    [
        ("/assistant", {"name": "A\0"}, "name"),
        ("/assistant", {"metadata": {"a": [{"b": "\0"}]}}, "metadata.a.0.b"),
        ("/assistant", {"metadata": {"a\0": 1}}, "metadata.a\\u0000"),
        ("/credential", {"apiKey": "\0"}, "apiKey"),
        ("/call", {"name": "\0"}, "name"),
    ],
)
async def test_a_nul_character_is_refused_by_field(
    api: httpx.AsyncClient, path: str, wrong: Json, where: str
) -> None:
    """Postgres has none in its text; what SQLite would take must not depend on that."""
    message = refused(await api.post(path, json=GOOD[path] | wrong), 400, "Bad Request")
    assert message == [f"{where} must not have a NUL character"]
    assert (await api.get(path)).json() == []


@pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)
@pytest.mark.parametrize("provider", ["byo-phone-number", "telnyx", "twilio", "vonage", "vapi"])
async def test_what_is_too_long_for_a_column_is_refused_by_field(
    api: httpx.AsyncClient, provider: str
) -> None:
    credential = (await make(api, "/credential"))["id"]
    twilio = {"twilioAccountSid": "x"} if provider == "twilio" else {"credentialId": credential}
    given, field, most, fits, other = {
        "vapi": ({}, "sipUri", 255, f"sip:{'a' * 251}@b.c", f"sip:{'a' * 252}@b.c"),
    }.get(provider, (twilio, "number", 40, "+" + "1" * 39, "İ" * 40))
    number = {"provider": provider, **given}
    message = refused(await api.post("/phone-number", json={**number, field: other}), 400, BAD)
    assert message == [f"{field} must be shorter than or equal to {most} characters"]
    made = await api.post("/phone-number", json={**number, field: fits})
    assert made.status_code == 201, made.text
    at = f"/phone-number/{made.json()['id']}"
    message = refused(await api.patch(at, json={field: other}), 400, BAD)
    assert message == [f"{field} must be shorter than or equal to {most} characters"]


async def test_a_backslash_before_u0000_is_no_nul_character(api: httpx.AsyncClient) -> None:
    answer = await api.post("/assistant", json={"name": "\\u0000"})
    assert answer.json()["name"] == "\\u0000"
