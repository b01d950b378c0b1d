from collections.abc import AsyncIterator

import pytest

from gateway.store import Store


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    store = Store(url, busy_s=0.05, retry_s=0.001)
    await store.start()
    yield store
    await store.close()
