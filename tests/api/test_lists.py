"""What each filter of each list finds, and how pages are cut: the same on both databases."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from gateway.calls.record import CallRecord, Status
from gateway.store import Store

pytestmark = pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)

Json = dict[str, Any]
BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TOKYO = timezone(timedelta(hours=9))
BODIES: dict[str, Json] = {
    "/assistant": {"name": "A"},
    "/squad": {"members": [{"assistant": {"name": "A"}}]},
    "/tool": {"type": "endCall"},
    "/structured-output": {"name": "N", "schema": {"type": "string"}},
    "/observability/scorecard": {"metrics": []},
    "/credential": {"provider": "openai", "apiKey": "hush"},
    "/phone-number": {"provider": "byo-phone-number"},
    "/token": {"name": "K"},
    "/org": {"name": "O"},
}
BY_PAGES = ("/structured-output", "/observability/scorecard")
SIDES = {"Gt": range(2, 4), "Ge": range(1, 4), "Lt": range(1), "Le": range(2)}  # of 4, at number 1


async def make(api: httpx.AsyncClient, path: str, count: int) -> list[Json]:
    """Oldest first."""
    if path == "/file":
        sent: list[Json] = [{"files": {"file": ("a.txt", b"words")}}] * count
    else:
        more = [{"number": f"+49301{n}"} if path == "/phone-number" else {} for n in range(count)]
        sent = [{"json": BODIES[path] | one} for one in more]
    answers = [await api.post(path, **one) for one in sent]
    assert all(answer.status_code == 201 for answer in answers), answers[0].text
    return [answer.json() for answer in answers]


def keep_calls(store: Store, count: int) -> list[Json]:
    """As the list shows their ids and instants, oldest first; each second one is of assistant
    0 and number 0, and each was changed an hour after it began."""
    made = []
    for n in range(count):
        at = BEGAN + timedelta(seconds=n)
        record = CallRecord(
            id=identity(n, 1), direction="inbound", status=Status.ENDED, created_at=at,
            updated_at=at + timedelta(hours=1), assistant_id=identity(n % 2, 2),
            phone_number_id=identity(n % 2, 3),
        )  # fmt: skip
        store.calls.save(record.model_dump(mode="json"))
        shown = {"createdAt": at, "updatedAt": record.updated_at}
        made.append({"id": record.id, **{name: f"{v:%FT%T}.000Z" for name, v in shown.items()}})
    return made


def identity(number: int, kind: int) -> str:
    return f"{number:08}-0000-4000-8000-{kind:012}"


async def ids(api: httpx.AsyncClient, path: str, **query: Any) -> list[str]:
    answer = await api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    return [one["id"] for one in (shown if isinstance(shown, list) else shown["results"])]


@pytest.mark.parametrize("path", [*BODIES, "/file", "/call", "/v2/call", "/v2/phone-number"])
async def test_every_list_takes_bounds_of_time_and_a_limit(
    api: httpx.AsyncClient, store: Store, path: str
) -> None:
    before = len(await ids(api, path))  # the operator's own organisation and key
    assert before <= 1
    if path.endswith("/call"):
        made = keep_calls(store, 4)
    else:
        made = await make(api, path.removeprefix("/v2"), 4)
    mine = [one["id"] for one in made]

    async def found(**query: Any) -> list[str]:
        return [one for one in await ids(api, path, **query) if one in mine]

    assert await found() == mine[::-1]
    assert await ids(api, path, limit=3) == mine[:0:-1]
    assert await ids(api, path, limit=0) == []
    for name in ("createdAt", "updatedAt"):
        if name not in made[1]:
            continue
        for side, numbers in SIDES.items():
            expected = [mine[n] for n in reversed(numbers)]
            assert await found(**{f"{name}{side}": made[1][name]}) == expected, name + side
        far = datetime.fromisoformat(made[1][name]).astimezone(TOKYO).isoformat()
        assert await found(**{f"{name}Ge": far, f"{name}Le": far}) == [mine[1]]
    by_pages = "/v2" in path or path in BY_PAGES
    for query in ("page=x" if by_pages else "page=1", "nope=1", "limit=1001", "createdAtGt=x"):
        assert (await api.get(f"{path}?{query}")).status_code == 400, query
    for wrong in ("createdAtGt=0001-01-01T00:00:00%2B14:00", "createdAtGt=9999-12-31T23:59-14:00"):
        assert (await api.get(f"{path}?{wrong}")).status_code == 400


async def test_calls_are_found_by_assistant_number_and_id(
    api: httpx.AsyncClient, store: Store
) -> None:
    made = [call["id"] for call in keep_calls(store, 4)]
    for path in ("/call", "/v2/call"):
        assert await ids(api, path, assistantId=identity(1, 2)) == [made[3], made[1]]
        assert await ids(api, path, phoneNumberId=identity(0, 3)) == [made[2], made[0]]
        both = {"assistantId": identity(0, 2), "phoneNumberId": identity(1, 3)}
        assert await ids(api, path, **both) == []
        assert await ids(api, path, id=made[2]) == [made[2]]
        narrowed = {"assistantId": identity(0, 2), "createdAtGt": "2026-01-02T03:04:05Z"}
        assert await ids(api, path, **narrowed, limit=1) == [made[2]]
        assert (await api.get(f"{path}?assistantId=%00")).status_code == 400
    several = f"{identity(0, 2)},{identity(7, 2)}"
    assert await ids(api, "/v2/call", assistantIdAny=several) == [made[2], made[0]]
    assert await ids(api, "/v2/call", phoneNumberIdAny=identity(1, 3)) == [made[3], made[1]]
    assert await ids(api, "/v2/call", idAny=f"{made[0]},{made[3]}") == [made[3], made[0]]


@pytest.mark.parametrize("path", ["/v2/call", "/v2/phone-number"])
async def test_pages_have_every_row_once_by_number_and_by_cursor(
    api: httpx.AsyncClient, store: Store, path: str
) -> None:
    made = keep_calls(store, 7) if path == "/v2/call" else await make(api, "/phone-number", 7)
    oldest_first = [one["id"] for one in made]
    for order, expected in (("ASC", oldest_first), ("DESC", oldest_first[::-1])):
        by_number, by_cursor, query = [], [], {"limit": "3", "sortOrder": order}
        for number in (1, 2, 3, 4):
            page = (await api.get(path, params=query | {"page": str(number)})).json()
            by_number += [one["id"] for one in page["results"]]
            told = page["metadata"]
            assert (told["totalItems"], told["totalPages"], told["itemsPerPage"]) == (7, 3, 3)
            assert (told["currentPage"], told["sortOrder"]) == (number, order)
            assert told["hasNextPage"] is (number < 3)
        cursor: Json = {}
        while True:
            page = (await api.get(path, params=query | cursor)).json()
            by_cursor += [one["id"] for one in page["results"]]
            if not page["metadata"]["hasNextPage"]:
                break
            cursor = {"cursor": page["metadata"]["nextCursor"]}
        assert by_number == by_cursor == expected
    bounded = {"createdAtGt": made[1]["createdAt"], "createdAtLe": made[4]["createdAt"]}
    page = (await api.get(path, params=bounded | {"limit": "2"})).json()
    assert [one["id"] for one in page["results"]] == oldest_first[4:2:-1]
    assert page["metadata"]["totalItems"] == 3


async def test_files_are_found_by_their_purpose(api: httpx.AsyncClient) -> None:
    (made,) = await make(api, "/file", 1)
    sent = {"file": ("b.txt", b"words")}
    other = (await api.post("/file", files=sent, data={"purpose": "assistant"})).json()["id"]
    assert await ids(api, "/file") == [other, made["id"]]
    assert await ids(api, "/file", purpose="assistant") == [other]


async def test_a_list_that_nothing_narrows_says_so(api: httpx.AsyncClient) -> None:
    assert (await api.get("/trunk")).status_code == 200
    answer = await api.get("/trunk?limit=1")
    assert answer.json()["message"] == ["property limit should not exist"]


async def test_what_is_made_at_once_is_still_in_order(api: httpx.AsyncClient) -> None:
    """Instants differ by a millisecond at least, so that no page loses a row."""
    made = await asyncio.gather(*(api.post("/tool", json=BODIES["/tool"]) for _ in range(20)))
    instants = [answer.json()["createdAt"] for answer in made]
    assert len(set(instants)) == 20
    listed = (await api.get("/tool")).json()
    assert [one["createdAt"] for one in listed] == sorted(instants, reverse=True)
