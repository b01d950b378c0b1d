from collections.abc import Iterator

import pytest

from gateway.calls import forwarding, transfer
from tests.calls.transferring import HOUSES


@pytest.fixture
def transfers_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(transfer, "LOOK_S", 0.0)
    monkeypatch.setattr(forwarding, "QUIET_LOOK_S", 0.0)
    yield
    while HOUSES:
        HOUSES.pop().lines.close()
