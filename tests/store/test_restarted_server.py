"""A Postgres that goes away while calls run, and comes back: nothing is lost, and nobody waits."""

import asyncio
import logging
from collections.abc import Iterator

import pytest

from gateway.store import Store, StoreError
from tests.simulators.postgres import Missing, Postgres
from tests.store.test_call_records import record


@pytest.fixture
def server() -> Iterator[Postgres]:
    """One of its own, since the tests' other one is everybody's."""
    try:
        made = Postgres()
    except Missing as error:
        pytest.skip(str(error))
    yield made
    made.close()


async def test_whoever_asks_first_after_a_restart_is_answered(server: Postgres) -> None:
    store = Store(server.url)
    await store.start()
    kept = await store.assistants.create({"name": "before"})
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)
    assert await store.assistants.get(kept.id) == kept
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)
    await store.assistants.create({"name": "after"})
    await store.close()


async def test_records_that_are_saved_while_the_server_is_down_are_written_when_it_is_back(
    server: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(server.url, retry_s=0.01)
    await store.start()
    kept = await store.assistants.create({"name": "before"})
    store.calls.save(record("before"))
    await store.calls.flush()
    await asyncio.to_thread(server.stop)
    with caplog.at_level(logging.ERROR):
        store.calls.save(record("meanwhile"))
        while "call records wait to be written" not in caplog.text:
            await asyncio.sleep(0)
    found = await store.calls.get("meanwhile")
    assert found is not None, "a live call is seen although it cannot be written"
    with pytest.raises(StoreError):
        await store.assistants.list()
    with pytest.raises(StoreError):
        await store.check()
    await asyncio.to_thread(server.start)
    async with asyncio.timeout(60):
        while store.calls._waiting:
            await asyncio.sleep(0)
    assert {call.id for call in await store.calls.list()} == {"before", "meanwhile"}
    assert await store.assistants.get(kept.id) == kept
    await store.close()
    again = Store(server.url)
    await again.start()
    assert await again.calls.get("meanwhile") is not None
    await again.close()
