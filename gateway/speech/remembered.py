"""A voice that remembers what it has said: the same words in the same voice cost nothing again.

The memory is shared by all calls of a process. What is just being said for one call is heard by the
others as it comes, so that calls that begin together ask for their greeting once.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing

from gateway.errors import Fault, VendorError
from gateway.speech.contract import Mark, Speaking

Piece = bytes | Mark
Key = tuple[str, str]  # the voice with all its settings, and what it says


class Memory:
    """Whole sounds, of ``limit`` bytes in all; who was not asked for longest goes first.
    ``asked`` is told of each text whether it was known."""

    def __init__(self, limit: int, asked: Callable[[bool], None] = lambda known: None) -> None:
        self.limit = limit
        self.asked = asked
        self._size = 0
        self._sounds: OrderedDict[Key, Sequence[Piece]] = OrderedDict()
        self.under_way: dict[Key, Take] = {}

    def get(self, key: Key) -> Sequence[Piece] | None:
        if key in self._sounds:
            self._sounds.move_to_end(key)
        return self._sounds.get(key)

    def put(self, key: Key, sound: Sequence[Piece]) -> None:
        if key in self._sounds or _size(sound) > self.limit:
            return
        self._sounds[key] = sound
        self._size += _size(sound)
        while self._size > self.limit:
            self._size -= _size(self._sounds.popitem(last=False)[1])


def _size(sound: Sequence[Piece]) -> int:
    return sum(len(piece) for piece in sound if isinstance(piece, bytes))


class Take:
    """A sound that is being made."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.whole = False
        self._over = False
        self._more = asyncio.Event()

    def add(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self._more.set()

    def end(self, whole: bool) -> None:
        self.whole, self._over = whole, True
        self._more.set()

    async def follow(self) -> AsyncIterator[Piece]:
        """All of it, from its beginning, until it is over."""
        heard = 0
        while True:
            while heard < len(self.pieces):
                yield self.pieces[heard]
                heard += 1
            if self._over:
                return
            self._more.clear()
            await self._more.wait()


class Remembering:
    """Implements ``Speaking`` around another. ``name`` tells voices apart."""

    def __init__(self, voice: Speaking, name: str, memory: Memory) -> None:
        self._voice = voice
        self._name = name
        self._memory = memory
        self.vendor = voice.vendor
        self.tags = voice.tags

    async def open(self) -> None:
        await self._voice.open()

    async def speak(self, text: str) -> AsyncIterator[Piece]:
        key = (self._name, text)
        known, take = self._memory.get(key), self._memory.under_way.get(key)
        self._memory.asked(bool(known or take))
        if known:
            for piece in known:
                yield piece
            return
        if take:
            heard = False
            async with aclosing(take.follow()) as pieces:  # type: ignore[type-var]
                async for piece in pieces:
                    heard = True
                    yield piece
            if take.whole:
                return
            if heard:
                raise VendorError(self.vendor, Fault.THEIRS, "the sound that was shared broke off")
        async with aclosing(self._made(key)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                yield piece

    async def _made(self, key: Key) -> AsyncIterator[Piece]:
        take = Take()
        self._memory.under_way.setdefault(key, take)
        try:
            async with aclosing(self._voice.speak(key[1])) as sound:  # type: ignore[type-var]
                async for piece in sound:
                    take.add(piece)
                    yield piece
            take.end(whole=True)
            if _size(take.pieces):
                self._memory.put(key, take.pieces)
        finally:
            if self._memory.under_way.get(key) is take:
                del self._memory.under_way[key]
            if not take.whole:
                take.end(whole=False)

    async def close(self) -> None:
        await self._voice.close()
