"""The same speech over the same bad networks into the gateway, pjsua2 and baresip, rated by PESQ.

One caller for all, and packets leave it as the network (``tests/rtp/network.py``) would deliver
them: dropped, late, twice, by the same seed for each. The gateway and pjsua2 record what they
hear; baresip sends it back. Who lets packets wait longer hears more of them, so each also returns
what it hears, and how long that takes stands beside the score: it includes the peer's own way
from hearing to sending. It needs `pesq` (`pip install .[quality]`, and a C compiler).

    python -m tests.bench.bench_networks [name of a network ...]
"""

import asyncio
import io
import select
import sys
import tempfile
import time
import wave
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from gateway_codecs import g711
from tests.bench.daemon import Daemon
from tests.bench.lone_phone import LonePhone
from tests.bench.recording import recording
from tests.bench.results import Figure, publish
from tests.peers.baresip import Baresip
from tests.peers.softphone import Softphone
from tests.rtp.network import Network

RATE, FRAME, BEAT_S, TAIL_S = 8000, 160, 0.020, 1.0
SEEDS = range(1, 9)
AT_ONCE = 4  # calls that the wheel of pjsua2 can carry
DRIFTS_PPM = {"clock 300 ppm fast": 300, "clock 300 ppm slow": -300}
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
    "10 % overtaken": Network(overtaken=0.10, held_s=0.06),
    "5 % lost, jitter to 60 ms": Network(0.05, 2, 0.06, overtaken=0.02, twice=0.01),
} | dict.fromkeys(DRIFTS_PPM, Network())
Pcm = npt.NDArray[np.int16]
Frames = npt.NDArray[np.uint8]
Returned = list[tuple[float, bytes]]  # seconds since the speech began, and a packet


@dataclass(frozen=True)
class Way:
    """To one phone's peer: the network, its seed, and how much too fast the phone's clock is."""

    network: Network
    seed: int
    ppm: int = 0


@dataclass(frozen=True)
class Heard:
    """By one peer: the sound, and how long it was on its way there and back."""

    pcm: Pcm
    away_s: float


def perform(phones: Sequence[LonePhone], ways: Sequence[Way], frames: Frames) -> list[Returned]:
    """Each phone says it all over its way; what came back to each."""
    grid = np.arange(len(frames)) * BEAT_S
    events = sorted(
        (at, phone, number)
        for phone, way in enumerate(ways)
        for at, number in way.network.carry(grid / (1 + way.ppm * 1e-6), way.seed)
    )
    returned: list[Returned] = [[] for _ in phones]
    for phone in phones:
        phone.received()  # what came before belongs to nobody
    began = time.monotonic() + 0.2

    def listen_until(at: float) -> None:
        while (wait := began + at - time.monotonic()) > 0:
            ready = select.select(phones, [], [], wait)[0]
            now = time.monotonic() - began
            for phone in ready:
                returned[phones.index(phone)] += [(now, packet) for packet in phone.received()]

    for at, phone, number in events:
        listen_until(at)
        phones[phone].send(number, frames[number].tobytes())
    listen_until(grid[-1] + TAIL_S)
    for its in phones:
        its.signal()
    return returned


def sound_of(returned: Returned) -> Pcm:
    """What came back, on its own clock, from the moment when the speech began."""
    at = np.array([at for at, _ in returned])
    ticks = np.array([int.from_bytes(packet[4:8], "big") for _, packet in returned], np.uint32)
    since = (ticks - ticks[0]).view(np.int32).astype(np.int64)
    first = round(float(np.median(at * RATE - since)))
    pcm = np.zeros(max(first, 0) + int(since.max()) + FRAME, np.int16)
    for begins, (_, packet) in zip(first + since, returned, strict=True):
        if begins >= 0:
            pcm[begins : begins + FRAME] = g711.decode_mulaw(np.frombuffer(packet[12:], np.uint8))
    return pcm


def away_s(reference: Pcm, returned: Pcm) -> float:
    """How long after the reference its sound came back: the mean of its sentences."""
    step, span, most = RATE // 200, 500, 120  # blocks of 5 ms: in a sentence, and at the most

    def loudness(pcm: Pcm) -> npt.NDArray[np.float64]:
        blocks = pcm[: len(pcm) // step * step].reshape(-1, step).astype(np.float64)
        return np.asarray(np.log(1 + np.sqrt((blocks**2).mean(axis=1))))

    said, came = loudness(reference), loudness(np.pad(returned, (0, len(reference))))
    waits = []
    for at in range(0, len(said) - span, span):
        piece = said[at : at + span] - said[at : at + span].mean()
        windows = np.lib.stride_tricks.sliding_window_view(came[at : at + span + most], span)
        like = (windows - windows.mean(axis=1, keepdims=True)) @ piece
        like /= np.maximum(windows.std(axis=1), 1e-9)
        waits.append(int(like.argmax()) * step / RATE)
    return float(np.mean(waits))


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
        heard: dict[str, list[Heard]] = {peer: [] for peer in PEERS}
        for at in range(0, len(SEEDS), AT_ONCE):
            seeds = SEEDS[at : at + AT_ONCE]
            ways = [Way(NETWORKS[name], seed, DRIFTS_PPM.get(name, 0)) for seed in seeds]
            came = await asyncio.gather(
                *(
                    hear(_made(folder / f"{name} {seeds[0]} {peer}"), ways, frames)
                    for peer, hear in PEERS.items()
                )
            )
            for peer, its in zip(PEERS, came, strict=True):
                heard[peer] += its
        figures = []
        for peer, its in heard.items():
            scores = [pesq(RATE, reference, aligned(reference, one.pcm), "nb") for one in its]
            away = 1e3 * float(np.mean([one.away_s for one in its]))
            figures += [
                Figure(f"{peer}: PESQ, mean", float(np.mean(scores)), "MOS-LQO"),
                Figure(f"{peer}: PESQ, deviation", float(np.std(scores, ddof=1)), "MOS-LQO"),
                Figure(f"{peer}: PESQ, worst", float(np.min(scores)), "MOS-LQO"),
                Figure(f"{peer}: there and back", away),
            ]
        publish(f"network: {name}", figures)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _both(sounds: Sequence[Pcm], returned: Sequence[Returned], frames: Frames) -> list[Heard]:
    reference = g711.decode_mulaw(frames).ravel()
    return [
        Heard(pcm, away_s(reference, sound_of(its)))
        for pcm, its in zip(sounds, returned, strict=True)
    ]


async def by_gateway(folder: Path, ways: list[Way], frames: Frames) -> list[Heard]:
    """What its agents hear, by the recordings of the calls; the echo, over the same network,
    returns it."""
    with Daemon(folder) as daemon:
        phones = [LonePhone(daemon.sip, user) for user in ("demo", "echo") for _ in ways]
        for phone in phones:
            phone.dial()
        returned = await asyncio.to_thread(perform, phones, [*ways, *ways], frames)
        for phone in phones:
            phone.hang_up()
        sounds = heard_by_agent(daemon, phones[: len(ways)])
    return _both(sounds, returned[len(ways) :], frames)


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


async def by_pjsua2(folder: Path, ways: list[Way], frames: Frames) -> list[Heard]:
    async with Softphone(folder) as peer:
        host, port = peer.address.rsplit(":", 1)
        phones, calls = [], []
        for number in range(len(ways)):
            phone = LonePhone((host, int(port)), "phone")
            dialling = asyncio.create_task(asyncio.to_thread(phone.dial))
            call = await peer.incoming()
            await call.answer()
            await dialling
            await call.confirmed()
            await call.record(folder / f"{number}.wav")
            await call.return_sound()
            phones.append(phone)
            calls.append(call)
        returned = await asyncio.to_thread(perform, phones, ways, frames)
        sounds = [await call.recorded() for call in calls]
        for phone in phones:
            await asyncio.to_thread(phone.hang_up)
    return _both(sounds, returned, frames)


async def by_baresip(folder: Path, ways: list[Way], frames: Frames) -> list[Heard]:
    async with AsyncExitStack() as running:
        phones = []
        for number, _ in enumerate(ways):
            own = _made(folder / str(number))
            peer = await running.enter_async_context(Baresip(own, returns=True))
            host, port = peer.uri.rpartition("@")[2].rsplit(":", 1)
            phone = LonePhone((host, int(port)), "baresip")
            await asyncio.to_thread(phone.dial)
            phones.append(phone)
        returned = await asyncio.to_thread(perform, phones, ways, frames)
        for phone in phones:
            await asyncio.to_thread(phone.hang_up)
    return _both([sound_of(its) for its in returned], returned, frames)


PEERS: dict[str, Callable[[Path, list[Way], Frames], Awaitable[list[Heard]]]] = {
    "gateway": by_gateway,
    "pjsua2": by_pjsua2,
    "baresip": by_baresip,
}

if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="networks-") as made:
        said = soxr.resample(recording(), 16_000, RATE)
        asyncio.run(measure(Path(made), sys.argv[1:], said))
