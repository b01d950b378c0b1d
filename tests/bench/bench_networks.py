"""The same speech over the same bad networks into the gateway and pjsua2, rated by PESQ.

One caller for all, and packets leave it as the network (``tests/rtp/network.py``) would deliver
them: dropped, late, twice, by the same seed for each. Both record what
they hear. It needs `pesq` (`pip install .[quality]`, and a C compiler).

    python -m tests.bench.bench_networks [name of a network ...]
"""

import asyncio
import io
import select
import sys
import tempfile
import time
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from gateway_codecs import g711
from tests.bench.daemon import Daemon
from tests.bench.lone_phone import LonePhone
from tests.bench.recording import recording
from tests.bench.results import Figure, publish
from tests.peers.softphone import Softphone
from tests.rtp.network import Network

RATE, FRAME, BEAT_S, TAIL_S = 8000, 160, 0.020, 1.0
SEEDS = (1, 2, 3, 4)
AT_ONCE = 4  # calls that the wheel of pjsua2 can carry
NETWORKS = {
    "clean": Network(),
    "1 % lost": Network(loss=0.01),
    "3 % lost": Network(loss=0.03),
    "5 % lost": Network(loss=0.05),
    "5 % lost, in bursts of 3": Network(loss=0.05, burst=3),
    "10 % lost": Network(loss=0.10),
    "10 % lost, in bursts of 3": Network(loss=0.10, burst=3),
    "20 % lost": Network(loss=0.20),
    "30 % lost, in bursts of 2": Network(loss=0.30, burst=2),
    "jitter to 40 ms": Network(jitter_s=0.04),
    "jitter to 80 ms": Network(jitter_s=0.08),
    "jitter to 200 ms": Network(jitter_s=0.20),
    "5 % overtaken": Network(overtaken=0.05),
    "5 % lost, jitter to 60 ms": Network(0.05, 2, 0.06, overtaken=0.02, twice=0.01),
}
Pcm = npt.NDArray[np.int16]


def perform(phones: list[LonePhone], networks: list[tuple[Network, int]],
            frames: npt.NDArray[np.uint8]) -> None:  # fmt: skip
    """Each phone says it all over its network (and seed)."""
    sent_at = np.arange(len(frames)) * BEAT_S
    events = sorted(
        (at, phone, number)
        for phone, (network, seed) in enumerate(networks)
        for at, number in network.carry(sent_at, seed)
    )
    began = time.monotonic() + 0.2
    for at, phone, number in events:
        while (wait := began + at - time.monotonic()) > 0:
            for other in select.select(phones, [], [], wait)[0]:
                other.received()
        phones[phone].send(number, frames[number].tobytes())
    time.sleep(TAIL_S)
    for its in phones:
        its.signal()


def aligned(reference: Pcm, heard: Pcm) -> Pcm:
    """The part of ``heard`` that is the reference's, by its loudness; PESQ does the rest."""
    step = RATE // 100

    def loudness(pcm: Pcm) -> npt.NDArray[np.float64]:
        blocks = pcm[: len(pcm) // step * step].reshape(-1, step).astype(np.float64)
        return np.asarray(np.log(1 + np.sqrt((blocks**2).mean(axis=1))))

    padded = np.concatenate([heard, np.zeros(len(reference), np.int16)])
    ours, theirs = loudness(reference), loudness(padded)
    like = np.correlate(theirs, ours - ours.mean(), "valid")
    at = int(np.argmax(like[: 5 * 100])) * step
    return padded[at : at + len(reference)]


async def measure(folder: Path, names: list[str], reference: Pcm) -> None:
    from pesq import pesq

    frames = g711.encode_mulaw(reference).reshape(-1, FRAME)
    for name in names or NETWORKS:
        networks = [(NETWORKS[name], seed) for seed in SEEDS]
        sounds = await asyncio.gather(
            *(
                hear(_made(folder / f"{name} {peer}"), networks, frames)
                for peer, hear in PEERS.items()
            )
        )
        figures = []
        for peer, heard in zip(PEERS, sounds, strict=True):
            scores = [pesq(RATE, reference, aligned(reference, its), "nb") for its in heard]
            figures.append(Figure(f"{peer}: PESQ, mean", float(np.mean(scores)), "MOS-LQO"))
            figures.append(Figure(f"{peer}: PESQ, worst", float(np.min(scores)), "MOS-LQO"))
        publish(f"network: {name}", figures)


Networks = list[tuple[Network, int]]
Frames = npt.NDArray[np.uint8]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def by_gateway(folder: Path, networks: Networks, frames: Frames) -> list[Pcm]:
    """What its agents hear, by the recordings of the calls."""
    with Daemon(folder) as daemon:
        phones = [LonePhone(daemon.sip, "demo") for _ in networks]
        for phone in phones:
            phone.dial()
        await asyncio.to_thread(perform, phones, networks, frames)
        for phone in phones:
            phone.hang_up()
        return heard_by_agent(daemon, phones)


def heard_by_agent(daemon: Daemon, phones: list[LonePhone]) -> list[Pcm]:
    calls = daemon.calls({phone.call_id for phone in phones})
    return [
        _caller(daemon.download(f"/call/{calls[phone.call_id]['id']}/stereo-recording"))
        for phone in phones
    ]


def _caller(octets: bytes) -> Pcm:
    with wave.open(io.BytesIO(octets)) as file:
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
        return np.asarray(soxr.resample(both[:, 0], file.getframerate(), RATE))


async def by_pjsua2(folder: Path, networks: Networks, frames: Frames) -> list[Pcm]:
    async with Softphone(folder) as peer:
        host, port = peer.address.rsplit(":", 1)
        phones, calls = [], []
        for number in range(len(networks)):
            phone = LonePhone((host, int(port)), "phone")
            dialling = asyncio.create_task(asyncio.to_thread(phone.dial))
            call = await peer.incoming()
            await call.answer()
            await dialling
            await call.confirmed()
            await call.record(folder / f"{number}.wav")
            phones.append(phone)
            calls.append(call)
        await asyncio.to_thread(perform, phones, networks, frames)
        sounds = [await call.recorded() for call in calls]
        for phone in phones:
            await asyncio.to_thread(phone.hang_up)
    return sounds


PEERS: dict[str, Callable[[Path, Networks, Frames], Awaitable[list[Pcm]]]] = {
    "gateway": by_gateway,
    "pjsua2": by_pjsua2,
}

if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="networks-") as made:
        said = soxr.resample(recording(), 16_000, RATE)
        asyncio.run(measure(Path(made), sys.argv[1:], said))
