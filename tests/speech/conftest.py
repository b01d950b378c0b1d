"""Every test ends as the daemon does: with what calls shared closed."""

from collections.abc import AsyncIterator

import pytest

from gateway.speech import catalog


@pytest.fixture(autouse=True)
async def closed_at_the_end() -> AsyncIterator[None]:
    yield
    await catalog.close()
