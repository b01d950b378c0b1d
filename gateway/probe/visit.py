"""One call to a target, and what is to be said of it."""

import asyncio
import contextlib
import importlib.util
import socket
import tempfile
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from gateway.errors import GatewayError
from gateway.probe.child import Gone
from gateway.probe.mark import MOST_DELAY_S, find, mark
from gateway.probe.report import Report, mos
from gateway.probe.softphone import PhoneCall, Softphone
from gateway.probe.sound import loud_s, write_wav
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.uri import Uri

CODECS = ("PCMU/8000", "PCMA/8000")  # what every telephone has, and what the MOS is about
LEAST_BACK = 0.95  # share of the echo that must come back
LEAST_SPEECH_S = 0.3  # less is a click
PAUSE_S = 1.5  # longer than between two sentences
ENOUGH_S, LONGEST_S = 1.5, 45.0  # to hear of speech; that a menu speaks without a pause
HANG_UP_S = 5.0


class NotProbed(GatewayError):
    """No call could be tried at all; ``str()`` says why and what helps."""


class Expect(StrEnum):
    """What the target does with a caller."""

    ECHO = "echo"  # returns what it hears
    SPEECH = "speech"  # speaks
    MENU = "menu"  # speaks, and once more upon a key


@dataclass(frozen=True)
class Visit:
    """``caller`` is whom the probe calls as; empty: ``phone`` at its own address."""

    target: str
    expect: Expect
    transport: str = "udp"
    caller: str = ""
    user: str = ""
    password: str = ""
    key: str = "1"
    within_s: float = 5.0  # for the answer, and for sound
    ca: str = ""


async def probe(visit: Visit) -> Report:
    """Call, check, hang up. Raises NotProbed."""
    if importlib.util.find_spec("pjsua2") is None:
        raise NotProbed(
            "the probe calls with pjsua2, an independent SIP stack that is not installed: "
            "pip install 'trunkline[probe]' (in a checkout: .venv/bin/pip install pjsua2-python)"
        )
    began = time.monotonic()
    report = Report(visit.target)
    with tempfile.TemporaryDirectory(prefix="trunkline-probe-") as made:
        folder = Path(made)
        try:
            phone = Softphone(
                folder, visit.transport, address=_local_address(visit.target), ca=visit.ca
            )
            async with phone:
                await phone.offer_only(*CODECS)
                if visit.user:
                    caller = visit.caller or f"sip:{visit.user}@{Uri.parse(visit.target).host}"
                    await phone.log_in(caller, visit.user, visit.password)
                await _call(phone, visit, folder, report)
        except (Gone, RuntimeError) as error:
            raise NotProbed(str(error)) from error
    report.figures["took_s"] = time.monotonic() - began
    return report


async def _call(phone: Softphone, visit: Visit, folder: Path, report: Report) -> None:
    target = visit.target
    if visit.transport != "udp" and Uri.parse(target).param("transport") is None:
        target += f";transport={visit.transport}"
    call = await phone.dial(target)
    if not await _answered(call, visit, report):
        return
    with contextlib.suppress(RuntimeError):  # it hung up meanwhile, which _hung_up tells
        if visit.expect is Expect.ECHO:
            await _echo(call, folder, report)
        else:
            await _speech(call, visit, folder, report)
        await _network(call, report)
        await _key(call, visit, report)
    await _hung_up(call, report)


async def _answered(call: PhoneCall, visit: Visit, report: Report) -> bool:
    try:
        dialled = await call.until("state", visit.within_s, state="CALLING")
        await call.confirmed(visit.within_s)
    except TimeoutError:
        with contextlib.suppress(RuntimeError):
            await call.hang_up()
        return report.note("answer", False, f"none within {visit.within_s:g} s")
    except AssertionError:
        ended = await call.disconnected()
        return report.note("answer", False, f"{ended['status']} {ended['reason']}")
    answered = await call.until("state", state="CONFIRMED")
    report.figures["setup_ms"] = took = 1000 * (answered["at"] - dialled["at"])
    return report.note("answer", True, f"200 within {took:.0f} ms, {call.codec}")


async def _echo(call: PhoneCall, folder: Path, report: Report) -> None:
    write_wav(folder / "mark.wav", mark())
    await call.exchange(folder / "mark.wav", folder / "heard.wav")
    await asyncio.sleep(MOST_DELAY_S)
    heard = await call.recorded()
    found = find(heard)
    if found is None:
        what = "sound, but not our own" if loud_s(heard) else "nothing"
        report.note("sound", False, f"{what} came back{_packets(await call.statistics())}")
        return
    report.figures["round_trip_ms"] = found.delay_ms
    back = f"{100 * found.back:.0f} % of what was said came back, {found.delay_ms:.0f} ms later"
    report.note("sound", found.back >= LEAST_BACK, back)


async def _speech(call: PhoneCall, visit: Visit, folder: Path, report: Report) -> None:
    answered = await call.until("state", state="CONFIRMED")
    await call.record(folder / "heard.wav")
    try:
        first = await call.until("sound", visit.within_s, on=True)
        await _silent(call, first["at"], LONGEST_S if visit.expect is Expect.MENU else ENOUGH_S)
    except TimeoutError:
        what = f"nothing heard within {visit.within_s:g} s{_packets(await call.statistics())}"
        report.note("sound", False, what)
        return
    spoke_s = loud_s(await call.recorded())
    report.figures["first_sound_ms"] = after = 1000 * (first["at"] - answered["at"])
    what = f"heard {after:.0f} ms after the answer, {spoke_s:.1f} s of it"
    report.note("sound", spoke_s >= LEAST_SPEECH_S, what)


async def _silent(call: PhoneCall, since: float, most_s: float) -> None:
    """Wait until the other end has paused, or has spoken for so long."""
    until = since + most_s
    with contextlib.suppress(TimeoutError):
        while (left := until - time.monotonic()) > 0:
            quiet = await call.until("sound", left, after=since, on=False)
            since = (await call.until("sound", PAUSE_S, after=quiet["at"], on=True))["at"]


async def _network(call: PhoneCall, report: Report) -> None:
    seen = await call.statistics()
    came, lost = seen["received"], seen["lost"]
    report.figures["jitter_ms"] = seen["jitter_ms"]
    report.figures["lost"] = share = lost / (came + lost) if came + lost else 1.0
    report.figures["mos"] = score = mos(report.figures.get("round_trip_ms", 0.0), share)
    what = f"{came} packets, {100 * share:.1f} % lost, jitter {seen['jitter_ms']:.1f} ms"
    report.note("network", share < 1 - LEAST_BACK, f"{what}, MOS {score:.1f}")


async def _key(call: PhoneCall, visit: Visit, report: Report) -> None:
    pressed = time.monotonic()
    try:
        await call.press(visit.key)
    except RuntimeError as error:
        if call.over:
            raise
        report.note("key", False, f"the other end takes none by RFC 4733: {error}")
        return
    if visit.expect is not Expect.MENU:
        report.note("key", True, f"{visit.key} sent by RFC 4733")
        return
    try:
        heard = await call.until("sound", visit.within_s, after=pressed, on=True)
    except TimeoutError:
        what = f"{visit.key} sent by RFC 4733, but nothing said within {visit.within_s:g} s"
        report.note("key", False, what)
    else:
        took = 1000 * (heard["at"] - pressed)
        report.note("key", True, f"{visit.key} sent by RFC 4733, answered after {took:.0f} ms")


async def _hung_up(call: PhoneCall, report: Report) -> None:
    if call.over:
        ended = await call.disconnected()
        what = f"the other end ended the call itself: {ended['status']} {ended['reason']}"
        report.note("hang-up", False, what)
        return
    began = time.monotonic()
    await call.hang_up()
    try:
        ended = await call.disconnected(HANG_UP_S)
    except TimeoutError:
        report.note("hang-up", False, f"BYE not acknowledged within {HANG_UP_S:g} s")
        return
    took = 1000 * (ended["at"] - began)
    what = f"BYE answered {ended['status']} within {took:.0f} ms"
    report.note("hang-up", ended["status"] == 200, what)


def _packets(seen: dict[str, Any]) -> str:
    return f" ({seen['received']} RTP packets)" if seen["received"] else " (no RTP at all)"


def _local_address(target: str) -> str:
    """The address from which this machine reaches the target. Raises NotProbed."""
    try:
        uri = Uri.parse(target, "target")
    except SipSyntaxError as error:
        raise NotProbed(str(error)) from None
    try:
        found = socket.getaddrinfo(uri.address, uri.port or 5060, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise NotProbed(f"{uri.host}: {error.strerror or error}") from None
    family, kind, _, _, address = found[0]
    with socket.socket(family, kind) as way:
        try:
            way.connect(address)
        except OSError as error:
            raise NotProbed(f"no way to {uri.host}: {error.strerror or error}") from None
        return str(way.getsockname()[0])
