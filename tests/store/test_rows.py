from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.store import Bound, Store, StoreError, Taken


async def test_a_body_is_read_back_as_it_was_written(store: Store) -> None:
    body = {"name": "né", "model": {"messages": [{"content": None}], "temperature": 0.5}}
    made = await store.assistants.create(body)
    assert (await store.assistants.get(made.id)) == made
    assert made.body == body
    assert made.created_at == made.updated_at
    assert made.created_at.microsecond % 1000 == 0


async def test_a_list_is_newest_first_and_can_be_paged_without_loss(store: Store) -> None:
    made = [await store.assistants.create({"n": n}) for n in range(7)]
    seen = []
    bounds: tuple[Bound, ...] = ()
    while page := await store.assistants.list(bounds, limit=3):
        seen += [one.body["n"] for one in page]
        bounds = (Bound("created_at", "lt", page[-1].created_at),)
    assert seen == [6, 5, 4, 3, 2, 1, 0]
    assert len({one.created_at for one in made}) == 7


async def test_bounds_are_exact(store: Store) -> None:
    first, second = [await store.assistants.create({"n": n}) for n in range(2)]

    async def found(side: str, at: datetime) -> list[int]:
        bound = Bound("created_at", side, at)  # type: ignore[arg-type]
        return [one.body["n"] for one in await store.assistants.list([bound])]

    assert await found("gt", first.created_at) == [1]
    assert await found("ge", first.created_at) == [1, 0]
    assert await found("lt", second.created_at) == [0]
    assert await found("le", second.created_at) == [1, 0]
    elsewhere = first.created_at.astimezone(tz=None) - timedelta(days=1)
    assert await found("gt", elsewhere) == [1, 0]


async def test_a_change_replaces_the_body_and_moves_updated_at(store: Store) -> None:
    made = await store.assistants.create({"name": "a", "kept": 1})
    changed = await store.assistants.update(made.id, lambda body: {**body, "name": "b"})
    assert changed is not None
    assert changed.body == {"name": "b", "kept": 1}
    assert changed.created_at == made.created_at
    assert changed.updated_at > made.updated_at
    assert await store.assistants.get(made.id) == changed


async def test_a_change_that_fails_changes_nothing(store: Store) -> None:
    made = await store.assistants.create({"name": "a"})

    def refuse(body: dict[str, object]) -> dict[str, object]:
        body["name"] = "spoiled"
        raise LookupError

    with pytest.raises(LookupError):
        await store.assistants.update(made.id, refuse)
    assert await store.assistants.get(made.id) == made


async def test_what_is_not_there_is_none(store: Store) -> None:
    assert await store.assistants.get("no") is None
    assert await store.assistants.update("no", lambda body: body) is None
    assert await store.assistants.delete("no") is None


async def test_what_is_deleted_is_returned_and_gone(store: Store) -> None:
    made = await store.assistants.create({})
    assert await store.assistants.delete(made.id) == made
    assert await store.assistants.get(made.id) is None


async def test_a_dialled_user_finds_its_number_whatever_the_case(store: Store) -> None:
    made = await store.phone_numbers.create({"provider": "vapi", "sipUri": "sip:Desk@Example.org"})
    assert await store.phone_numbers.dialled("desk", "192.0.2.1") == made
    assert await store.phone_numbers.dialled("DESK", "example.org") == made
    assert await store.phone_numbers.dialled("dessk", "example.org") is None


async def test_the_host_decides_between_numbers_of_one_user(store: Store) -> None:
    here = await store.phone_numbers.create({"sipUri": "sip:desk@here.example"})
    there = await store.phone_numbers.create({"sipUri": "sip:desk@there.example"})
    assert await store.phone_numbers.dialled("desk", "here.example") == here
    assert await store.phone_numbers.dialled("desk", "there.example") == there
    assert await store.phone_numbers.dialled("desk", "else.example") == there


async def test_a_telephone_number_is_found_however_it_is_spelled(store: Store) -> None:
    made = await store.phone_numbers.create({"number": "+1 (415) 555-0100"})
    assert await store.phone_numbers.dialled("14155550100", "x") == made
    assert await store.phone_numbers.dialled("+14155550100", "x") == made


async def test_a_sip_uri_belongs_to_one_number(store: Store) -> None:
    await store.phone_numbers.create({"sipUri": "sip:desk@here.example"})
    other = await store.phone_numbers.create({"sipUri": "sip:other@here.example"})
    with pytest.raises(Taken):
        await store.phone_numbers.create({"sipUri": "sip:DESK@here.example;transport=tcp"})
    with pytest.raises(Taken):
        await store.phone_numbers.update(other.id, lambda _: {"sipUri": "sip:desk@here.example"})


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # Postgres keeps its tables
async def test_a_broken_database_is_a_store_error(store: Store) -> None:
    await store._connections.write(lambda made: made.exec_driver_sql("drop table assistants"))
    with pytest.raises(StoreError, match="no such table"):
        await store.assistants.list()
    await store.check()


async def test_a_body_may_be_nested_more_deeply_than_the_quick_parser_goes(store: Store) -> None:
    deep: dict[str, Any] = {}
    for _ in range(400):
        deep = {"in": deep}
    made = await store.assistants.create(deep)
    assert await store.assistants.get(made.id) == made
