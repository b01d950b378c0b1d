"""A voice's sound as JSON objects, one in each line, wherever the network cuts them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Fault, VendorError
from gateway.speech.vendors import sse
from gateway.speech.voice_http import objects

ITEMS = [{"text": "one\u2028line\x85, and\x0b\x1cnot four"}, {"audio": "AAAA"}, {}]
LINES = "\n".join(json.dumps(item, ensure_ascii=False) for item in ITEMS).encode()


async def read(pieces: Iterable[bytes]) -> list[Any]:
    async def came() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return [item async for item in objects("hume", came())]


@given(
    st.lists(st.integers(0, len(LINES))),
    st.sampled_from([b"\n", b"\r\n", b"\n\n \n"]),
    st.booleans(),
)
def test_it_does_not_matter_where_the_network_cuts(
    places: list[int], end: bytes, ended: bool
) -> None:
    text = LINES.replace(b"\n", end) + end * ended
    cuts = sorted({0, *(place for place in places if place < len(text)), len(text)})
    assert asyncio.run(read(text[a:b] for a, b in pairwise(cuts))) == ITEMS


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_whatever_comes_it_is_objects_or_the_vendors_fault(pieces: list[bytes]) -> None:
    items: list[Any] = []
    with contextlib.suppress(VendorError):
        items = asyncio.run(read(pieces))
    assert all(isinstance(item, dict) for item in items)


@pytest.mark.parametrize("line", [b"[1]", b"{", b"\xff", b"1" * 5000])
async def test_what_is_no_object_is_the_vendors_fault(line: bytes) -> None:
    with pytest.raises(VendorError, match="a line that is no JSON") as failure:
        await read([line + b"\n"])
    assert failure.value.fault is Fault.THEIRS


async def test_a_line_without_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "LONGEST", 100)
    with pytest.raises(VendorError, match="without end"):
        await read([b"x" * 30] * 4)
