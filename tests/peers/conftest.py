"""A gateway for each test that asks for one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.peers.daemon import Daemon
from tests.peers.softphone import Softphone


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Daemon]:
    async with Daemon(tmp_path / "gateway") as daemon:
        yield daemon


@pytest.fixture
async def phone(tmp_path: Path) -> AsyncIterator[Softphone]:
    (tmp_path / "phone").mkdir()
    async with Softphone(tmp_path / "phone") as softphone:
        yield softphone
