"""Several processes that beat: each has its share of the lines, and dies alone."""

import asyncio
import os
import signal

import numpy as np
import pytest

from gateway.errors import NoRoom
from gateway.media.lines import Lines, Writer
from gateway.media.plane import Plane
from gateway.media.settings import MediaSettings, RtpSettings
from tests.media.planes import DEADLINE_S, HOST, Phone, plane_of, spare_is_ready, until

PORTS = "41300-41399"


@pytest.fixture
def phones():
    two = Phone(), Phone()
    yield two
    for phone in two:
        phone.close()


def idle(processes: int) -> Plane:
    """Nobody beats here."""
    return Plane(MediaSettings(capacity=8, processes=processes), RtpSettings(ports=PORTS), [])


def shares(plane: Plane) -> list[int]:
    taken = [line.row for line in plane._taken.values()]
    return np.bincount(plane.lines["beater"][taken], minlength=plane.processes).tolist()


async def test_lines_are_shared_out_evenly_but_bridged_ones_stay_together() -> None:
    plane = idle(3)
    lines = [plane.take(0, HOST) for _ in range(6)]
    assert shares(plane) == [2, 2, 2]
    beater = plane.lines["beater"]
    other = plane.take(None, HOST, near=lines[4])
    assert beater[other.row] == beater[lines[4].row]
    assert beater[plane.take(0, HOST).row] != beater[lines[4].row]
    await plane.close()


async def test_a_process_without_time_for_another_line_is_passed_over() -> None:
    """The measured cost, set by hand."""
    plane = idle(2)
    media = Lines(plane.lines.fd, 8, Writer.MEDIA)
    lines = [plane.take(0, HOST) for _ in range(4)]
    plane.lines["live"][[line.row for line in lines]] = 1
    media["load"][:2] = 0.74, 0.73
    assert plane.lines["beater"][plane.take(0, HOST, near=lines[0]).row] == 1
    with pytest.raises(NoRoom, match="budget"):
        plane.take(0, HOST)
    await plane.close()


async def test_measured_beats_that_are_too_dear_refuse_the_next_line(phones) -> None:
    """Real beats: of a budget of a thousandth, one line takes more."""
    async with plane_of(processes=2, budget=0.001) as plane:
        lines = [plane.take(0, HOST) for _ in phones]
        for phone, line in zip(phones, lines, strict=True):
            phone.agree(line)
        await until(lambda: bool((plane.lines["load"][:2] > 0.002).all()))
        with pytest.raises(NoRoom, match="budget"):
            plane.take(0, HOST)
        for phone, line in zip(phones, lines, strict=True):
            await phone.packet()  # those that are there have not been touched
            await line.give_back()
        await until(lambda: not plane.lines["live"].any())
        plane.take(0, HOST)


async def test_ten_kills_of_one_process_or_the_other_end_no_call(phones) -> None:
    async with plane_of(processes=2) as plane:
        lines = [plane.take(0, HOST) for _ in phones]
        for phone, line in zip(phones, lines, strict=True):
            phone.agree(line)
        before = [await phone.packet() for phone in phones]
        skipped = 0
        for n in range(10):
            await spare_is_ready(plane)
            names = ["media", "media 2"]
            dying, living = (names[n % 2], names[1 - n % 2])
            killed, lives = plane.pids[dying], plane.pids[living]
            for phone, line in zip(phones, lines, strict=True):
                received = line.counts().packets_received
                phone.send(line.port)
                await until(lambda r=received, its=line: its.counts().packets_received > r)
            os.kill(killed, signal.SIGKILL)
            await until(lambda n=n, d=dying: plane.restarts == n + 1 and plane.pids[d] is not None)
            assert plane.pids[living] == lives
            for i, phone in enumerate(phones):
                for _ in range(10):
                    after = await phone.packet()
                    skipped += (after[0] - before[i][0] - 1) % 2**16
                    assert (after[1] - before[i][1]) % 160 == 0
                    before[i] = after
        assert skipped <= 10  # each may have died between counting a packet and sending it
        for line in lines:
            await line.give_back()


async def test_two_processes_bridge_their_callers(phones) -> None:
    async with plane_of(processes=2) as plane:
        one, two = (plane.take(None, HOST) for _ in phones)
        assert plane.lines["beater"][one.row] != plane.lines["beater"][two.row]
        for phone, line in zip(phones, (one, two), strict=True):
            phone.agree(line)
        one.bridge(two)
        deadline = asyncio.get_running_loop().time() + DEADLINE_S
        while True:
            phones[0].send(one.port, b"\x20" * 160)
            if (await phones[1].packet())[2].count(b"\xff") < 80:
                break  # it is not silence
            assert asyncio.get_running_loop().time() < deadline
        for line in (one, two):
            await line.give_back()
