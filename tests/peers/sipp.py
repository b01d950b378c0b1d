"""SIPp as a peer: a scenario, how often, how fast; and what came of it."""

import asyncio
import csv
import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from tests.peers import sound
from tests.peers.child import Child, Gone, free_port, free_ports, is_free

SCENARIOS = Path(__file__).with_name("scenarios")
_runs = itertools.count()


@dataclass(frozen=True)
class Outcome:
    """What SIPp counted when it ended."""

    exit_code: int  # 0: every call went as the scenario says
    created: int
    successful: int
    failed: int
    retransmissions: int
    said: str  # its screen and its errors, for the person who asks why

    @classmethod
    def read(cls, exit_code: int, statistics: Path, said: str) -> Self:
        *_, last = csv.DictReader(statistics.read_text().splitlines(), delimiter=";")
        return cls(
            exit_code,
            int(last["TotalCallCreated"]),
            int(last["SuccessfulCall(C)"]),
            int(last["FailedCall(C)"]),
            int(last["Retransmissions(C)"]),
            said,
        )


class Sipp:
    """One SIPp. Called: ``async with Sipp(folder, "uas") as peer``, to be dialled at ``peer.uri``.
    Calling: ``await Sipp(folder, "uac", "127.0.0.1:5060", user="demo", calls=50).run()``.

    A scenario is one of SIPp's own by its name, or a file of ``scenarios/`` by its name.
    ``talk_s`` and ``pcm`` (8 kHz) fill a file's TALK_MS and SOUND; ``pcm`` is played for ever.
    """

    def __init__(
        self,
        folder: Path,
        scenario: str,
        target: str = "",
        *,
        user: str = "demo",
        calls: int | None = None,
        rate: float = 10.0,
        at_once: int | None = None,
        talk_s: float = 1.0,
        pcm: sound.Pcm | None = None,
        transport: str = "u1",
        within_s: float = 60.0,
    ) -> None:
        self._folder = folder / f"sipp-{next(_runs)}"
        self._folder.mkdir(parents=True)
        self._within_s = within_s
        self.port = free_port()
        self.uri = f"sip:{user}@127.0.0.1:{self.port}"
        own = SCENARIOS / f"{scenario}.xml"
        words = ["-sf", self._filled(own, talk_s, pcm)] if own.exists() else ["-sn", scenario]
        command = [
            *("sipp", *words, "-i", "127.0.0.1", "-p", self.port, "-mi", "127.0.0.1"),
            *("-mp", free_ports(4), "-t", transport),
            *("-nostdin", "-timeout", int(within_s), "-timeout_error"),
            *("-trace_stat", "-stf", self._statistics, "-trace_err", "-error_file", self._errors),
        ]
        if target:
            command += [target, "-s", user, "-r", rate, "-m", calls or 1]
            command += ["-l", at_once] if at_once else []
        self.child = Child(
            [str(word) for word in command], self._folder / "sipp.err", cwd=self._folder
        )

    @property
    def _statistics(self) -> Path:
        return self._folder / "statistics.csv"

    @property
    def _errors(self) -> Path:
        return self._folder / "errors.log"

    def _filled(self, scenario: Path, talk_s: float, pcm: sound.Pcm | None) -> Path:
        payload = self._folder / "sound.ul"
        payload.write_bytes(mulaw(sound.tone(1.0) if pcm is None else pcm))
        text = re.sub(r'<include part="(\w+)"/>', _part, scenario.read_text())
        filled = self._folder / scenario.name
        filled.write_text(
            text.replace("SOUND", str(payload)).replace("TALK_MS", str(int(talk_s * 1000)))
        )
        return filled

    async def __aenter__(self) -> Self:
        await self.child.__aenter__()
        try:
            async with asyncio.timeout(40):
                while is_free(self.port):  # it says nothing until it ends
                    await asyncio.sleep(0.01)
        except BaseException:
            await self.child.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.child.stop()

    async def run(self) -> Outcome:
        """Place all calls and wait for the last to end. TimeoutError if they do not."""
        async with self.child:
            exit_code = await self.child.ended(self._within_s + 10.0)
        errors = self._errors.read_text() if self._errors.exists() else ""
        said = f"{self.child.last_words()}\n{errors}"
        if not self._statistics.exists():
            raise Gone(said)
        return Outcome.read(exit_code, self._statistics, said)


def _part(wanted: re.Match[str]) -> str:
    """What several scenarios have in common."""
    return (SCENARIOS / "parts" / f"{wanted[1]}.xml").read_text().rstrip()


def mulaw(pcm: sound.Pcm) -> bytes:
    """G.711 µ-law by Sun's g711.c, as PJSIP has it: independent of the gateway's own codec."""
    value = pcm.astype(np.int32) >> 2
    magnitude = np.minimum(np.abs(value) + 33, 0x1FFF)
    segment = np.floor(np.log2(magnitude)).astype(np.int32) - 5
    step = (magnitude >> (segment + 1)) & 0x0F
    byte = ~((segment << 4) | step) & 0x7F
    return np.where(value < 0, byte, byte | 0x80).astype(np.uint8).tobytes()
