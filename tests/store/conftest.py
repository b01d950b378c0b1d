from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store import Store


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/kept.db"


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    store = Store(url, busy_s=0.05, retry_s=0.001)
    await store.start()
    yield store
    await store.close()
