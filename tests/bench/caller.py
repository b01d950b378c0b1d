"""One caller of the load, without a socket or a clock: the SIP of a plain UAC, and its RTP."""

import struct
from collections.abc import Iterator

from tests.bench import plan
from tests.bench.plan import BEAT_S, FRAME, Outcome, Played, Press, Say, Until, Wait

T1_S, T2_S = 0.5, 4.0  # RFC 3261 table 4
GIVE_UP_S = 64 * T1_S
PCMU, EVENTS = 0, 101
SILENCE = b"\xff" * FRAME
KEYS = "0123456789*#ABCD"
KEY_BEATS, KEY_ENDS = 5, 3  # RFC 4733 section 2.5.1.4: the end is sent three times
HEADER = struct.Struct("!BBHII")
EVENT = struct.Struct("!BBH")

OFFER = """\
v=0
o=- {number} 1 IN IP4 {host}
s=-
c=IN IP4 {host}
t=0 0
m=audio {port} RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv
"""


class Message:
    """As much of a SIP message as a caller looks at."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        self.first, *lines = head.split("\r\n")
        self.lines = lines
        self.status = int(self.first.split()[1]) if self.first.startswith("SIP/2.0 ") else 0
        self.method = self.first.split(" ", 1)[0]

    def __getitem__(self, name: str) -> str:
        """The first header of this name, or an empty string."""
        start = f"{name.lower()}:"
        found = (line for line in self.lines if line.lower().startswith(start))
        return next(found, start).partition(":")[2].strip()


class Call:
    """``invite``, ``receive``, ``timer`` and ``hang_up`` return SIP datagrams to be sent, ``beat``
    one RTP packet. All times are seconds of one clock."""

    def __init__(
        self, number: int, order: plan.Plan, token: str, sip: tuple[str, int], rtp_port: int
    ) -> None:
        self.number = number
        self.result = Outcome(call_id=f"{token}-{number}@{sip[0]}")
        self.state = "idle"  # inviting, ringing, talking, leaving, over
        self.remote: tuple[str, int] | None = None  # where our sound goes
        self.loud = self.quiet_run = 0
        self._sip, self._rtp_port, self._token = sip, rtp_port, token
        caller = order.callers[number]
        self._uri = f"sip:{caller.user or order.user}@{order.target[0]}:{order.target[1]}"
        self._contact, self._to_tag = self._uri, ""
        self._request = b""
        self._again_at = self._interval = self._give_up_at = 0.0
        self._sequence, self._timestamp = number * 7 & 0xFFFF, number * 977
        self._now = 0.0
        self._longest_s = caller.longest_s
        self._sound = self._perform(caller.steps, order.clips)

    # Signalling

    def invite(self, now: float) -> list[bytes]:
        self.state = "inviting"
        self.result.invited_at = now
        offer = OFFER.format(number=self.number, host=self._sip[0], port=self._rtp_port)
        return self._send(self._write("INVITE", 1, offer.replace("\n", "\r\n")), now)

    def hang_up(self, now: float) -> list[bytes]:
        if self.state != "talking":
            return []
        self.state = "leaving"
        self.result.ended_at, self.result.ended_by = now, "phone"
        return self._send(self._write("BYE", 2), now)

    def timer(self, now: float) -> list[bytes]:
        """To be called now and then: sends again what was not answered."""
        if self.state not in ("inviting", "leaving") or now < self._again_at:
            return []
        if now >= self._give_up_at:
            self.result.status = self.result.status or 408
            self.state = "over"
            return []
        self.result.retransmitted += 1
        self._interval = min(2 * self._interval, T2_S)
        self._again_at = now + self._interval
        return [self._request]

    def receive(self, message: Message, now: float) -> list[bytes]:
        if not message.status:
            return self._answer(message, now)
        number, _, method = message["CSeq"].partition(" ")
        if method == "BYE" and message.status >= 200 and self.state == "leaving":
            self.result.bye_status = message.status
            self.state = "over"
        if method != "INVITE" or self.state == "idle":
            return []
        if message.status < 200:
            if self.state == "inviting":
                self.state = "ringing"
            return []
        if self.state in ("inviting", "ringing"):
            self.result.status = message.status
            self._to_tag = message["To"].partition(";")[2]
            if message.status < 300:
                self.result.answered_at = now
                self._contact = message["Contact"].partition("<")[2].partition(">")[0]
                self.remote = _address(message.body)
                self.state = "talking"
            else:
                self.state = "over"
        if message.status < 300:
            return [self._write("ACK", int(number), branch="ack")]
        return [self._write("ACK", int(number), uri=self._uri)]

    def _answer(self, request: Message, now: float) -> list[bytes]:
        if request.method == "ACK":
            return []
        if request.method == "BYE" and self.state == "talking":
            self.state = "over"
            self.result.ended_at, self.result.ended_by = now, "gateway"
        status = "200 OK" if request.method in ("BYE", "OPTIONS") else "501 Not Implemented"
        same = [n for n in request.lines if n.lower().startswith(("via:", "cseq:", "call-id:"))]
        ends = [f"From: {request['From']}", f"To: {request['To']}", "Content-Length: 0"]
        return ["\r\n".join([f"SIP/2.0 {status}", *same, *ends, "\r\n"]).encode()]

    def _send(self, request: bytes, now: float) -> list[bytes]:
        self._request, self._interval = request, T1_S
        self._again_at, self._give_up_at = now + T1_S, now + GIVE_UP_S
        return [request]

    def _write(
        self, method: str, cseq: int, body: str = "", branch: str = "", uri: str = ""
    ) -> bytes:
        host, port = self._sip
        identity = f"{self._token}-{self.number}"
        lines = [
            f"{method} {uri or self._contact} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK{identity}-{cseq}{branch}",
            "Max-Forwards: 70",
            f"From: <sip:phone{self.number}@{host}:{port}>;tag={identity}",
            f"To: <{self._uri}>{self._to_tag and ';'}{self._to_tag}",
            f"Call-ID: {self.result.call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:phone{self.number}@{host}:{port}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    # Sound

    def heard(self, loud: bool) -> None:
        """A packet of sound, or of silence, has come."""
        if loud:
            self.loud, self.quiet_run = self.loud + 1, 0
        else:
            self.quiet_run += 1

    def beat(self, now: float) -> bytes | None:
        """The packet of this 20 ms; None once everything of the plan has been done."""
        self._now = now
        late = now - self.result.answered_at > self._longest_s
        packet = None if late else next(self._sound, None)
        if packet is not None:
            self.result.sent += 1
        return packet

    def _perform(self, steps: tuple[plan.Step, ...], clips: tuple[bytes, ...]) -> Iterator[bytes]:
        for step in steps:
            match step:
                case Wait(seconds):
                    for _ in range(round(seconds / BEAT_S)):
                        yield self._packet(SILENCE)
                case Say(clip):
                    played = Played(clip, self._now)
                    self.result.played.append(played)
                    for start in range(0, len(clips[clip]), FRAME):
                        played.last_at = self._now
                        yield self._packet(clips[clip][start : start + FRAME])
                case Press(digits):
                    for digit in digits:
                        yield from self._press(KEYS.index(digit))
                case Until():
                    yield from self._until(step)

    def _until(self, step: Until) -> Iterator[bytes]:
        self.loud = self.quiet_run = 0
        for _ in range(round(step.within_s / BEAT_S)):
            if self.loud >= step.loud_s / BEAT_S and self.quiet_run >= step.quiet_s / BEAT_S:
                return
            yield self._packet(SILENCE)
        self.result.timeouts += 1

    def _press(self, key: int) -> Iterator[bytes]:
        began, first = self._timestamp, True
        for beat in range(1, KEY_BEATS + KEY_ENDS):
            ends = 0x80 if beat >= KEY_BEATS else 0
            event = EVENT.pack(key, ends | 10, FRAME * min(beat, KEY_BEATS))
            yield self._header(EVENTS, began, marker=first) + event
            first = False
        for _ in range(3):
            yield self._packet(SILENCE)

    def _packet(self, frame: bytes) -> bytes:
        return self._header(PCMU, self._timestamp) + frame

    def _header(self, payload: int, timestamp: int, marker: bool = False) -> bytes:
        """Of the next packet; each takes 20 ms, and a key's carry the time of its beginning."""
        self._sequence = self._sequence + 1 & 0xFFFF
        self._timestamp = self._timestamp + FRAME & 0xFFFFFFFF
        return HEADER.pack(0x80, payload | marker << 7, self._sequence, timestamp, self.number)


def _address(sdp: str) -> tuple[str, int] | None:
    """Where an answer wants its sound."""
    host = port = ""
    for line in sdp.splitlines():
        if line.startswith("c=") and not host:
            host = line.split()[2]
        elif line.startswith("m=audio "):
            port = line.split()[1]
    return (host, int(port)) if host and port else None
