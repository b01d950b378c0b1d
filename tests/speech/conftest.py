"""Every test ends as the daemon does: with what calls shared closed."""

from collections.abc import AsyncIterator

import pytest

from gateway.speech import catalog
from tests.speech.clouds import CLOUDS, Cloud, a_cloud


@pytest.fixture(autouse=True)
async def closed_at_the_end() -> AsyncIterator[None]:
    yield
    await catalog.close()


@pytest.fixture(params=CLOUDS)
async def cloud(request: pytest.FixtureRequest) -> AsyncIterator[Cloud]:
    async for one in a_cloud(request.param):
        yield one


@pytest.fixture
async def chat() -> AsyncIterator[Cloud]:
    async for one in a_cloud("chat"):
        yield one


@pytest.fixture
async def responses() -> AsyncIterator[Cloud]:
    async for one in a_cloud("responses"):
        yield one


@pytest.fixture
async def anthropic() -> AsyncIterator[Cloud]:
    async for one in a_cloud("anthropic"):
        yield one


@pytest.fixture
async def gemini() -> AsyncIterator[Cloud]:
    async for one in a_cloud("gemini"):
        yield one
