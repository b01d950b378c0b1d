"""Calls outlive the processes that carry their sound."""

import asyncio
import os
import signal
import struct

import pytest

from gateway.media.line import Srtp
from gateway.rtp.srtp import NUMBERS, SUITES, Receiving, Sending
from tests.media.planes import DEADLINE_S, HOST, plane_of, spare_is_ready, until


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
