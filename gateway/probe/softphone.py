"""A softphone: an independent SIP and RTP stack (pjsua2), driven from asyncio."""

import asyncio
import contextlib
import itertools
import json
import sys
import time
import wave
from pathlib import Path
from typing import Any, Self

from gateway.probe import sound
from gateway.probe.child import Child

PROCESS = Path(__file__).with_name("softphone_process.py")
ANSWER_S = 5.0  # for the phone itself to obey an order


class PhoneCall:
    """One call of a softphone, dialled or incoming."""

    def __init__(self, phone: "Softphone", number: int) -> None:
        self._phone = phone
        self.number = number
        self._recording: Path | None = None
        self.events: list[dict[str, Any]] = []

    def _found(self, what: str, after: float = 0.0, **facts: Any) -> dict[str, Any] | None:
        wanted = {"event": what, **facts}
        return next(
            (
                e
                for e in self.events
                if e["at"] > after and all(e.get(k) == wanted[k] for k in wanted)
            ),
            None,
        )

    async def until(
        self, what: str, within_s: float = 10.0, after: float = 0.0, **facts: Any
    ) -> dict[str, Any]:
        """The first event of this name with these facts, whether it has come already or not.

        ``after`` is a time on the monotonic clock, as each event has in ``at``.
        """
        await self._phone.child.until(
            lambda: self._found(what, after, **facts) is not None, within_s, f"{what} {facts}"
        )
        event = self._found(what, after, **facts)
        assert event
        return event

    async def confirmed(self, within_s: float = 10.0) -> None:
        """Answered, and sound can flow. AssertionError with the reason if it ended instead."""

        def answered() -> bool:
            return bool(self._found("state", state="CONFIRMED") and self._found("media"))

        await self._phone.child.until(lambda: answered() or self.over, within_s, "answer")
        assert answered(), f"not answered: {self.events[-1]}"

    async def disconnected(self, within_s: float = 10.0) -> dict[str, Any]:
        """How the call ended: ``status`` and ``reason``."""
        return await self.until("state", within_s, state="DISCONNECTED")

    @property
    def over(self) -> bool:
        return self._found("state", state="DISCONNECTED") is not None

    @property
    def digits(self) -> str:
        """Keys the other end pressed."""
        return "".join(e["digit"] for e in self.events if e["event"] == "digit")

    @property
    def codec(self) -> str:
        return str(next(e["codec"] for e in reversed(self.events) if e["event"] == "media"))

    async def answer(self, status: int = 200) -> None:
        await self._phone.order("answer", call=self.number, status=status)

    async def hang_up(self, status: int = 0) -> None:
        """BYE, CANCEL, or refuse with this status: whatever the call's state asks for.

        After a BYE, ``disconnected`` waits for its answer.
        """
        await self._phone.order("hang_up", call=self.number, status=status)

    async def play(self, wav: Path) -> None:
        """Begin to play a file of 16 bits mono into the call; ``played`` comes at its end."""
        await self._phone.order("play", call=self.number, wav=str(wav))

    async def say(self, wav: Path, within_s: float = 30.0) -> float:
        """Play a file to its end; when that was, in monotonic seconds."""
        began = time.monotonic()
        await self.play(wav)
        return float((await self.until("played", within_s, after=began))["at"])

    async def hush(self) -> None:
        await self._phone.order("hush", call=self.number)

    async def record(self, wav: Path) -> None:
        """Begin to record what is heard, at 8 kHz."""
        await self._phone.order("record", call=self.number, wav=str(wav))
        self._recording = wav

    async def recorded(self) -> sound.Pcm:
        """What was heard since ``record``, until now or until the call's end."""
        assert self._recording, "record was not called"
        if not self.over:
            await self._phone.order("stop_recording", call=self.number)
        # The library completes the file a beat later, and does not say when.
        async with asyncio.timeout(ANSWER_S):
            while True:
                with contextlib.suppress(wave.Error, EOFError):
                    return sound.read_wav(self._recording)
                await asyncio.sleep(0.02)

    async def exchange(self, play: Path, record: Path, within_s: float = 30.0) -> float:
        """Play a file to its end while recording from its beginning on; when that was.

        RuntimeError if the call ends meanwhile.
        """
        began = time.monotonic()
        await self._phone.order("exchange", call=self.number, play=str(play), record=str(record))
        self._recording = record
        await self._phone.child.until(
            lambda: self.over or self._found("played", began) is not None, within_s, "played"
        )
        played = self._found("played", began)
        if played is None:
            raise RuntimeError("the call ended before all was played")
        return float(played["at"])

    async def return_sound(self) -> None:
        """Send back whatever is heard, from now on."""
        await self._phone.order("return_sound", call=self.number)

    async def statistics(self) -> dict[str, Any]:
        """``received`` and ``lost`` RTP packets, and ``jitter_ms``, so far."""
        return await self._phone.order("statistics", call=self.number)

    async def press(self, digits: str) -> None:
        """Send digits by RFC 4733."""
        await self._phone.order("digits", call=self.number, digits=digits)

    async def hold(self) -> None:
        await self._phone.order("hold", call=self.number)

    async def resume(self) -> None:
        await self._phone.order("resume", call=self.number)

    async def hand_over(self, to: "PhoneCall") -> None:
        """Connect this call's other end with that of another call of ours, and leave both."""
        await self._phone.order("hand_over", call=self.number, to=to.number)


class Softphone:
    """``async with Softphone(folder, address="127.0.0.1") as phone: await phone.dial("sip:...")``.

    ``address`` is the local one to speak from, ``rtp_port`` the first to try (0: any), ``ca`` a
    file of certificates to check the other end's by (empty: it is not checked).
    """

    def __init__(
        self,
        folder: Path,
        transport: str = "udp",
        *,
        address: str,
        rtp_port: int = 0,
        ca: str = "",
    ) -> None:
        self._ids = itertools.count()
        self._answers: dict[int, dict[str, Any]] = {}
        self._calls: dict[int, PhoneCall] = {}
        self._waiting: list[PhoneCall] = []
        self._registered = 0  # the registrar's last answer
        self.address = ""
        log = folder / "softphone.log"
        command = [
            sys.executable,
            "-P",
            str(PROCESS),
            str(log),
            address,
            str(rtp_port),
            transport,
            ca,
        ]
        self.child = Child(command, folder / "softphone.err", on_line=self._on_line)

    async def __aenter__(self) -> Self:
        await self.child.__aenter__()
        try:
            await self.child.until(lambda: bool(self.address), 15.0, "softphone")
        except BaseException:
            await self.child.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self.child.write(json.dumps({"do": "quit", "id": next(self._ids)}) + "\n")
        try:
            await self.child.ended(ANSWER_S)
        finally:
            await self.child.stop()

    @property
    def uri(self) -> str:
        return f"sip:phone@{self.address}"

    def _on_line(self, line: str) -> None:
        facts = json.loads(line)
        if "id" in facts:
            self._answers[facts["id"]] = facts
        elif facts["event"] == "ready":
            self.address = facts["address"]
        elif facts["event"] == "registered":
            self._registered = facts["status"]
        else:
            number = facts["call"]
            known = self._calls.get(number)
            # The library gives a number again once its call has ended.
            if known is None or facts["event"] == "incoming" or known.over:
                known = self._calls[number] = PhoneCall(self, number)
            known.events.append(facts)
            if facts["event"] == "incoming":
                self._waiting.append(known)

    async def order(self, verb: str, **facts: Any) -> dict[str, Any]:
        number = next(self._ids)
        self.child.write(json.dumps({"do": verb, "id": number, **facts}) + "\n")
        await self.child.until(lambda: number in self._answers, ANSWER_S, f"answer to {verb}")
        answer = self._answers.pop(number)
        if "error" in answer:
            raise RuntimeError(f"softphone cannot {verb}: {answer['error']}")
        return answer

    async def dial(self, uri: str, headers: dict[str, str] | None = None) -> PhoneCall:
        """Send an INVITE; what comes of it are the call's events."""
        number = (await self.order("dial", uri=uri, headers=headers or {}))["call"]
        return self._calls.setdefault(number, PhoneCall(self, number))

    async def incoming(self, within_s: float = 10.0) -> PhoneCall:
        """The next call that comes in; it rings until it is answered or hung up."""
        await self.child.until(lambda: bool(self._waiting), within_s, "incoming call")
        return self._waiting.pop(0)

    async def log_in(self, uri: str, user: str, password: str) -> None:
        """Call as ``uri``, and answer challenges with this user and password."""
        await self.order("account", uri=uri, user=user, password=password, registrar="")

    async def register(self, uri: str, user: str, password: str, registrar: str) -> None:
        """Be reachable as ``uri`` through this registrar. AssertionError if it refuses."""
        self._registered = 0
        await self.order("account", uri=uri, user=user, password=password, registrar=registrar)
        await self.child.until(lambda: bool(self._registered), ANSWER_S, "registration")
        assert self._registered == 200, f"the registrar answers {self._registered}"

    async def encrypt(self, policy: str) -> None:
        """SRTP: ``off``, ``optional`` or ``required``, for calls from now on."""
        await self.order("encrypt", policy=policy)

    async def offer_only(self, *codecs: str) -> None:
        """Know these codecs only from now on, e.g. ``PCMA/8000``."""
        await self.order("codecs", names=list(codecs))
