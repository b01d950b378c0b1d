"""However long a list is, others have their turn while it is made."""

import asyncio
import json

import pytest

from gateway.api import listed


async def test_others_have_their_turn_between_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed, "STEP_S", -1.0)  # each thing is a step
    order: list[str] = []

    def show(number: int) -> dict[str, int]:
        order.append(f"shown {number}")
        return {"number": number}

    async def other() -> None:
        while len(order) < 6:
            order.append("other")
            await asyncio.sleep(0)

    answer, _ = await asyncio.gather(listed.listed(range(3), show), other())
    assert order == ["shown 0", "other", "shown 1", "other", "shown 2", "other"]
    assert json.loads(bytes(answer.body)) == [{"number": 0}, {"number": 1}, {"number": 2}]
    assert answer.headers["content-type"] == "application/json"


async def test_an_empty_list_is_one() -> None:
    assert (await listed.listed([], dict)).body == b"[]"
