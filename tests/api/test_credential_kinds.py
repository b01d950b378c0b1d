"""Every kind of credential: each of its fields has a type, a wrong one is refused by the field's
name, and no secret of it is shown or lies open in the database."""

from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, text

from gateway.api.credentials import SECRETS
from gateway.api.shapes import shapes
from gateway.api.shapes.check import problems
from gateway.store import Store
from tests.api.maximal import maximal, members

Json = dict[str, Any]
KINDS = members("AssistantCredentialsItem")
HUSH = "hush"


def wrong_for(schema: Json) -> Any:
    """A value that no field of this schema takes."""
    if "$ref" in schema:
        schema = shapes()[schema["$ref"].rpartition("/")[2]]
    return 1.5 if "anyOf" in schema or schema.get("type") not in ("number", "integer") else "1.5"


def secretive(value: Any, name: str = "") -> Any:
    """The same, with a word in each secret that is a string."""
    match value:
        case dict():
            return {n: secretive(part, n) for n, part in value.items()}
        case list():
            return [secretive(part, name) for part in value]
        case str() if name == "connectionString":  # it has parts of its own
            return f"AccountName=us;AccountKey={HUSH}"
        case str() if name in SECRETS:
            return f"{HUSH}-{name}"
    return value


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_a_type_and_refuses_another_by_name(kind: str) -> None:
    where = {"$ref": f"#/$defs/{kind}"}
    good = maximal(where)
    assert problems(where, good) == []
    for name, schema in shapes()[kind]["properties"].items():
        assert schema, f"{name} has no type"
        found = problems(where, good | {name: wrong_for(schema)})
        assert found, name
        assert all(one.startswith(name) for one in found), found


@pytest.mark.parametrize("kind", KINDS)
async def test_no_secret_is_shown_or_lies_open_in_the_store(
    api: httpx.AsyncClient, store: Store, kind: str
) -> None:
    body = secretive(maximal({"$ref": f"#/$defs/{kind}"}))
    body |= {"gateways": [{"ip": "192.0.2.1"}]} if "gateways" in body else {}
    made = await api.post("/credential", json=body)
    assert made.status_code == 201, made.text
    at = f"/credential/{made.json()['id']}"
    changed = await api.patch(at, json={"name": "renamed"})
    for answer in (made, changed, await api.get(at), await api.get("/credential")):
        assert HUSH not in answer.text

    def kept(connection: Connection) -> str:
        return str(connection.execute(text("select body from credentials")).one()[0])

    assert HUSH not in await store._connections.write(kept)
    read = await store.credentials.get(made.json()["id"])
    assert read is not None
    assert read.body == body | {"name": "renamed"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"provider": "openai", "apiKey": 1}, "apiKey must be a string"),
        ({"provider": "openai"}, "apiKey should not be empty"),
        ({"provider": "openai", "apiKey": "k", "apiUrl": "u"}, "property apiUrl should not exist"),
        (
            {"provider": "webhook", "authenticationPlan": {"type": "bearer", "token": 1}},
            "authenticationPlan.token must be a string",
        ),
        (
            {"provider": "webhook", "authenticationPlan": {"secretKey": "k", "algorithm": "md5"}},
            "authenticationPlan.algorithm must be one of the following values: sha256, sha512",
        ),
        ({"provider": "webhook", "authenticationPlan": "x"}, "authenticationPlan must be"),
    ],
)
async def test_what_is_wrong_is_named(api: httpx.AsyncClient, body: Json, said: str) -> None:
    answer = await api.post("/credential", json=body)
    assert answer.status_code == 400
    (message,) = answer.json()["message"]
    assert message.startswith(said)
