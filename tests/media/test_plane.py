"""The real processes over loopback: calls outlive them, ports and memory come back.

Nothing here sleeps: each wait is for a packet, a process or a cursor, with a deadline. On a busy
machine beats may be missed, which the lines count; what is asserted allows for that.
"""

import asyncio
import contextlib
import os
import signal
import socket
import struct
import time
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from gateway.errors import NoRoom
from gateway.media import recordings
from gateway.media.line import Line, Srtp
from gateway.media.lines import FRAME, RING, Lines, Writer
from gateway.media.plane import Plane
from gateway.media.settings import MediaSettings, RtpSettings
from gateway.rtp import rtcp
from gateway.rtp.srtp import NUMBERS, SUITES, Receiving, Sending

HOST = "127.0.0.1"
DEADLINE_S = 30.0
PORTS = "41000-41099"


class Phone:
    """A peer with a socket of its own."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((HOST, 0))
        self.port = self.socket.getsockname()[1]
        self.sequence = 0

    async def packet(self) -> tuple[int, int, bytes]:
        """The next one from the gateway: sequence, timestamp, payload."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(DEADLINE_S):
            octets = await loop.sock_recv(self.socket, 2000)
        sequence, timestamp = struct.unpack(">HI", octets[2:8])
        return sequence, timestamp, octets[12:]

    def send(self, to: int, payload: bytes = b"\x10" * 160, kind: int = 0) -> None:
        head = struct.pack(">BBHII", 0x80, kind, self.sequence, 160 * self.sequence, 9)
        self.socket.sendto(head + payload, (HOST, to))
        self.sequence += 1

    def agree(self, line: Line, **changes: object) -> None:
        line.agree(**{
            "host": HOST, "port": self.port, "codec": 0, "payload_out": 0, "payload_in": 0,
            "digits_out": 101, "digits_in": 101, "speaks": True, "hears": True, **changes,
        })  # type: ignore[arg-type]  # fmt: skip

    def close(self) -> None:
        self.socket.close()


@contextlib.asynccontextmanager
async def plane_of(**media: object) -> AsyncIterator[Plane]:
    wake = os.eventfd(0, os.EFD_NONBLOCK)
    settings = MediaSettings(**{"capacity": 8, **media})  # type: ignore[arg-type]
    plane = Plane(settings, RtpSettings(ports=PORTS, drain_s=0), [wake])
    await plane.start()
    try:
        yield plane
    finally:
        await plane.close()
        os.close(wake)


@pytest.fixture
async def plane() -> AsyncIterator[Plane]:
    async with plane_of() as plane:
        yield plane


@pytest.fixture
def phone():
    phone = Phone()
    yield phone
    phone.close()


async def until(true: Callable[[], bool]) -> None:
    """Wait for what another process does to shared memory, which no socket announces."""
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def spare_is_ready(plane: Plane) -> None:
    await until(lambda: plane.pids["spare"] is not None and plane.spare_ready)


async def test_a_line_sends_a_packet_every_beat(plane, phone) -> None:
    line = plane.take(0, HOST)
    phone.agree(line)
    first = await phone.packet()
    for n in range(1, 10):
        sequence, timestamp, payload = await phone.packet()
        assert sequence == (first[0] + n) % 2**16
        beats, rest = divmod((timestamp - first[1]) % 2**32, 160)
        assert n <= beats <= n + int(plane.lines["beats_missed"][0])
        assert rest == 0
        assert payload == b"\xff" * 160
    await line.give_back()


async def test_sound_goes_both_ways_and_wakes_the_agent(phone) -> None:
    wakes = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
    plane = Plane(MediaSettings(capacity=4, realtime=False), RtpSettings(ports=PORTS), wakes)
    await plane.start()
    line = plane.take(1, HOST)
    phone.agree(line)
    agent = Lines(plane.lines.fd, 4, Writer.AGENT)
    agent["queue"][line.row, 0] = np.tile(np.int16([9000, 9000, -9000, -9000]), FRAME // 4)
    agent["written"][line.row] = 1
    await until(lambda: int(agent["taken"][line.row]) == 1)
    payloads = [(await phone.packet())[2] for _ in range(3)]
    assert any(payload.count(0xFF) < 20 for payload in payloads)
    while not plane.lines["heard"][line.row].any():
        phone.send(line.port)
        await phone.packet()
    assert os.eventfd_read(wakes[1]) > 0
    with pytest.raises(BlockingIOError):
        os.eventfd_read(wakes[0])
    await line.give_back()
    await plane.close()
    for wake in wakes:
        os.close(wake)


async def test_echo_comes_back_sample_for_sample(plane, phone) -> None:
    line = plane.take(0, HOST)
    phone.agree(line, echo=True)
    bodies = [np.random.default_rng(n).integers(0, 256, 160, np.uint8).tobytes() for n in range(20)]
    heard = []
    await phone.packet()
    for body in bodies:
        phone.send(line.port, body)
        heard.append((await phone.packet())[2])
    while (end := b"\x33" * 160) not in heard:
        phone.send(line.port, end)
        heard.append((await phone.packet())[2])
    # What we sent too late has something made up before it; what fell into a missed beat is lost.
    returned = [bodies.index(body) for body in heard if body in bodies]
    assert returned == sorted(set(returned))
    assert len(returned) >= 20 - int(plane.lines["beats_missed"][0])
    await line.give_back()


@pytest.mark.parametrize("shared", [False, True])
async def test_rtcp_ends_with_bye_on_its_own_port_or_the_shared_one(plane, phone, shared) -> None:
    line = plane.take(0, HOST)
    other = Phone()
    phone.agree(line, rtcp_port=other.port, rtcp_mux=shared)
    await phone.packet()
    await line.give_back()
    loop = asyncio.get_running_loop()
    receiver = phone if shared else other
    said = rtcp.Packets()
    while not said.bye:
        async with asyncio.timeout(DEADLINE_S):
            octets = await loop.sock_recv(receiver.socket, 2000)
        said = rtcp.parse(octets) if rtcp.looks_like(octets[1]) else said
    assert said.sender
    assert said.sender.octets == 160 * said.sender.packets
    other.close()


async def test_rtcp_of_the_peer_is_read_on_either_port(plane, phone) -> None:
    line = plane.take(0, HOST)
    phone.agree(line)
    await phone.packet()
    report = rtcp.Report(int(plane.lines["ssrc"][line.row]), 0.5, 3, 9, 0)
    data = rtcp.write(9, "phone", reports=[report])
    for n, port in enumerate((line.port, line.port + 1)):
        phone.socket.sendto(data, (HOST, port))
        await until(lambda n=n: line.counts().reports == n + 1)
    assert line.counts().far_loss == 0.5
    await line.give_back()


async def test_a_killed_media_process_ends_no_call(plane, phone) -> None:
    await spare_is_ready(plane)
    line = plane.take(0, HOST)
    phone.agree(line)
    before = [await phone.packet() for _ in range(5)][-1]
    phone.send(line.port)
    await until(lambda: line.counts().packets_received == 1)
    killed = plane.pids["media"]
    os.kill(killed, signal.SIGKILL)
    await until(lambda: plane.pids["media"] not in (None, killed))
    skipped = 0
    for _ in range(50):
        after = await phone.packet()
        skipped += (after[0] - before[0] - 1) % 2**16
        assert 0 < (after[1] - before[1]) % 2**32 <= 50 * 160  # a second, at the very most
        assert after[1] % 160 == before[1] % 160
        before = after
    assert skipped <= 1  # it may have died between counting a packet and sending it
    assert plane.restarts == 1
    phone.send(line.port)
    await until(lambda: line.counts().packets_received == 2)
    await line.give_back()


@pytest.mark.parametrize("sealed", [False, True], ids=["clear", "SRTP"])
async def test_ten_processes_killed_in_a_row_end_no_call(plane, phone, sealed) -> None:
    suite = SUITES[NUMBERS["AEAD_AES_256_GCM"]]
    ours, theirs = bytes(range(44)), bytes(range(44, 88))
    line = plane.take(0, HOST)
    phone.agree(line, srtp=Srtp(suite.name, ours, theirs) if sealed else None)
    receiving, sending = Receiving(suite, ours), Sending(suite, theirs, 9)
    loop = asyncio.get_running_loop()

    async def hear() -> tuple[int, int]:
        async with asyncio.timeout(DEADLINE_S):
            octets = await loop.sock_recv(phone.socket, 2000)
        if sealed:
            assert len(octets) == 172 + 16
            octets = bytes(receiving.open(octets))
        assert octets[12:] == b"\xff" * 160
        return struct.unpack(">HI", octets[2:8])

    def speak() -> None:
        packet = struct.pack(">BBHII", 0x80, 0, phone.sequence, 160 * phone.sequence, 9)
        packet += b"\x10" * 160
        phone.socket.sendto(sending.seal(packet) if sealed else packet, (HOST, line.port))
        phone.sequence += 1

    before = await hear()
    skipped = 0
    for n in range(10):
        await spare_is_ready(plane)
        killed = plane.pids["media"]
        received = line.counts().packets_received
        speak()
        await until(lambda received=received: line.counts().packets_received > received)
        os.kill(killed, signal.SIGKILL)
        await until(lambda n=n: plane.restarts == n + 1 and plane.pids["media"] is not None)
        for _ in range(10):
            after = await hear()
            skipped += (after[0] - before[0] - 1) % 2**16
            assert (after[1] - before[1]) % 160 == 0
            assert 0 < (after[1] - before[1]) % 2**32 <= 100 * 160
            before = after
    assert skipped <= 10  # each may have died between counting a packet and sending it
    assert line.counts().packets_forged == 0
    await line.give_back()


async def test_a_media_process_that_hangs_is_replaced(plane, phone) -> None:
    await spare_is_ready(plane)
    line = plane.take(0, HOST)
    phone.agree(line)
    before = await phone.packet()
    beat = int(plane.lines["beat"][line.row])
    os.kill(plane.pids["media"], signal.SIGSTOP)
    await until(lambda: plane.restarts == 1)
    await until(lambda: int(plane.lines["beat"][line.row]) > beat + 60)
    packets = [await phone.packet() for _ in range(20)]
    gap = max(b[1] - a[1] for a, b in zip([before, *packets], packets, strict=False))
    assert gap > 40 * 160  # the missed beats are in the timestamps: no burst, no shift
    assert [p[0] for p in packets] == [(before[0] + n) % 2**16 for n in range(1, 21)]
    await line.give_back()


async def test_a_killed_spare_is_replaced(plane) -> None:
    await spare_is_ready(plane)
    killed = plane.pids["spare"]
    os.kill(killed, signal.SIGKILL)
    await until(lambda: plane.pids["spare"] not in (None, killed))


async def test_a_row_can_be_given_back_while_media_is_dead(plane, phone) -> None:
    await spare_is_ready(plane)
    line = plane.take(0, HOST)
    phone.agree(line)
    await phone.packet()
    os.kill(plane.pids["media"], signal.SIGKILL)
    async with asyncio.timeout(DEADLINE_S):
        await line.give_back()
    assert plane.free == plane.capacity


async def test_media_ends_when_main_is_gone() -> None:
    async with plane_of() as plane:
        await spare_is_ready(plane)
        watches = [os.pidfd_open(pid) for pid in plane.pids.values()]
    for watch in watches:  # close() has waited for them
        with pytest.raises(ProcessLookupError):
            signal.pidfd_send_signal(watch, 0)
        os.close(watch)


async def test_garbage_and_strangers_do_no_harm(plane, phone) -> None:
    line = plane.take(0, HOST)
    phone.agree(line)
    await phone.packet()
    phone.send(line.port)
    await until(lambda: line.counts().packets_received == 1)
    stranger = Phone()
    for octets in (b"", b"\x80", b"INVITE sip:x SIP/2.0", os.urandom(1400), b"\x80\x00" * 900):
        stranger.socket.sendto(octets, (HOST, line.port))
        phone.socket.sendto(octets, (HOST, line.port))
    stranger.send(line.port)
    await until(lambda: line.counts().packets_foreign >= 1 and line.counts().packets_garbage >= 6)
    phone.send(line.port)
    await until(lambda: line.counts().packets_received >= 2)
    assert plane.restarts == 0
    stranger.close()
    await line.give_back()


async def test_when_every_line_is_taken_there_is_no_room(plane) -> None:
    lines = [plane.take(0, HOST) for _ in range(plane.capacity)]
    assert plane.free == 0
    with pytest.raises(NoRoom, match="all 8 lines"):
        plane.take(0, HOST)
    assert len({line.port for line in lines}) == len({line.row for line in lines}) == 8
    assert all(line.port % 2 == 0 for line in lines)
    await asyncio.gather(*(line.give_back() for line in lines))
    assert plane.free == 8


async def test_a_line_that_the_beat_has_no_time_for_is_refused() -> None:
    """The measured cost, set by hand: nobody beats here."""
    plane = Plane(MediaSettings(capacity=8), RtpSettings(ports=PORTS), [])
    media = Lines(plane.lines.fd, 8, Writer.MEDIA)
    lines = [plane.take(0, HOST) for _ in range(2)]
    plane.lines["live"][[line.row for line in lines]] = 1
    media["load"][0] = 0.73  # there is time for a third line
    plane.take(0, HOST)
    with pytest.raises(NoRoom, match=r"more than 75%.*beside 3.*budget"):
        plane.take(0, HOST)  # although the third is not live yet
    media["load"][0] = 0.1
    plane.take(0, HOST)
    await plane.close()


async def test_who_rings_is_not_refused_for_what_a_beat_costs_anyway() -> None:
    """As measured on a busy machine: of one line 8 % of the beat, of 32 lines 10 %."""
    plane = Plane(MediaSettings(capacity=40), RtpSettings(ports=PORTS), [])
    media = Lines(plane.lines.fd, 40, Writer.MEDIA)
    plane.lines["live"][plane.take(0, HOST).row] = 1
    media["load"][0] = 0.08
    for _ in range(39):
        plane.take(0, HOST)
    await plane.close()


async def test_fewer_ports_than_lines_are_told(caplog: pytest.LogCaptureFixture) -> None:
    for ports in ("41200-41215", "41200-41205"):
        await Plane(MediaSettings(capacity=8), RtpSettings(ports=ports), []).close()
    (told,) = caplog.messages
    assert told.startswith(
        "[rtp] ports 41200-41205 are enough for 3 lines, and [media] capacity is 8"
    )


async def test_a_port_in_use_is_passed_over_and_none_left_is_no_room() -> None:
    squatter = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    squatter.bind((HOST, 41_201))  # the odd one of the first pair
    plane = Plane(MediaSettings(capacity=8), RtpSettings(ports="41200-41203", drain_s=0), [])
    line = plane.take(0, HOST)
    assert line.port == 41_202
    with pytest.raises(NoRoom, match="41200-41203"):
        plane.take(0, HOST)
    squatter.close()
    assert plane.take(0, HOST).port == 41_200
    await plane.close()


async def test_a_port_rests_before_it_is_used_again(phone) -> None:
    plane = Plane(MediaSettings(capacity=8, realtime=False),
                  RtpSettings(ports="41200-41203", drain_s=3600), [])  # fmt: skip
    await plane.start()
    line = plane.take(0, HOST)
    await line.give_back()
    assert plane.take(0, HOST).port != line.port
    with pytest.raises(NoRoom):
        plane.take(0, HOST)
    await plane.close()


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def test_hundreds_of_lines_leave_nothing_behind(plane, phone) -> None:
    await spare_is_ready(plane)
    media = plane.pids["media"]
    before = None
    for n in range(40):
        lines = [plane.take(0, HOST) for _ in range(8)]
        for line in lines:
            phone.agree(line)
        if n % 2:
            await phone.packet()
        await asyncio.gather(*(line.give_back() for line in lines))
        if n == 2:
            before = descriptors(os.getpid()), descriptors(media)
    assert (descriptors(os.getpid()), descriptors(media)) == before
    assert plane.free == plane.capacity
    assert not any(plane.lines[name].any() for name in ("live", "settings", "beat", "heard"))


async def test_giving_back_twice_or_cancelled_is_once(plane, phone) -> None:
    line = plane.take(0, HOST)
    phone.agree(line)
    await phone.packet()
    cancelled = asyncio.create_task(line.give_back())
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.gather(line.give_back(), line.give_back())
    assert plane.free == 8
    other = plane.take(0, HOST)
    await line.give_back()
    assert plane.free == 7
    await other.give_back()


def sides(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with wave.open(str(path)) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    return sound[:, 0], sound[:, 1]


async def test_a_recording_outlives_its_recorder(plane, phone, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(recordings, "_PATIENCE_S", DEADLINE_S)
    line = plane.take(0, HOST)
    phone.agree(line, echo=True)
    line.record(tmp_path / "call.wav")
    for n in range(60):
        phone.send(line.port, b"\x20\xa0" * 80)
        await phone.packet()
        if n == 20:
            os.kill(plane.pids["recorder"], signal.SIGKILL)
    beats = int(plane.lines["beat"][line.row])
    await line.give_back()
    assert line.recording_lost is None or "are silent" in line.recording_lost  # it took too long
    left, right = sides(tmp_path / "call.wav")
    assert len(left) >= beats * FRAME
    assert np.array_equal(left, right)  # an echo: both sides, on one clock
    loud = np.flatnonzero(np.abs(left.reshape(-1, FRAME).astype(int)).max(axis=1) > 100)
    assert loud[0] < 20
    assert loud[-1] > 50
    assert len(loud) > 30


async def test_a_disk_that_hangs_costs_the_recording_and_no_sound(plane, phone, tmp_path) -> None:
    """To the recorder, a disk that does not answer and being stopped are the same."""
    line = plane.take(0, HOST)
    phone.agree(line)
    first = int(plane.lines["beat"][line.row])
    line.record(tmp_path / "call.wav")
    before = await phone.packet()
    await until(lambda: (tmp_path / "call.wav").exists())
    os.kill(plane.pids["recorder"], signal.SIGSTOP)
    stopped = int(plane.lines["beat"][line.row])
    while int(plane.lines["beat"][line.row]) < stopped + RING + 20:
        after = await phone.packet()
        assert (after[0] - before[0]) % 2**16 == 1
        before = after
    os.kill(plane.pids["recorder"], signal.SIGCONT)
    await until(lambda: line.recording_lost is not None)
    assert "the disk was too slow" in line.recording_lost
    beats = int(plane.lines["beat"][line.row])
    await line.give_back()
    left, _ = sides(tmp_path / "call.wav")
    assert len(left) >= (beats - first - 5) * FRAME, "its time is the call's"


async def test_a_recording_that_cannot_be_made_harms_nothing(plane, phone, caplog) -> None:
    line = plane.take(0, HOST)
    phone.agree(line)
    line.record(Path("/dev/full"))
    await until(lambda: line.recording_lost is not None)
    assert "No space left" in line.recording_lost
    assert "a recording is incomplete" in caplog.text
    first = await phone.packet()
    assert (await phone.packet())[0] == (first[0] + 1) % 2**16
    await line.give_back()
