"""A softphone in a process of its own: pjsua2, told what to do by JSON lines on stdin.

Every line in is ``{"do": name, "id": n, ...}`` and is answered by ``{"id": n, ...}``, with
``"error"`` if it failed. What happens by itself comes as ``{"event": name, "call": n, ...}``. One
thread does everything but the sound. The library of the wheel is compiled for 4 calls at once.
"""

import json
import os
import sys
import time
from typing import Any

import pjsua2 as pj

QUIET = 1  # of pjsua2's logarithmic 0 to 255: the level under which nothing is heard
HANGOVER_S = 0.25  # of quiet, before sound counts as over
POLL_MS = 5
TRANSPORTS = {
    "udp": pj.PJSIP_TRANSPORT_UDP,
    "tcp": pj.PJSIP_TRANSPORT_TCP,
    "tls": pj.PJSIP_TRANSPORT_TLS,
}

# The library prints on standard output before it can be told not to.
ANSWERS = os.dup(1)
os.dup2(2, 1)


def tell(**facts: Any) -> None:
    facts["at"] = time.monotonic()
    os.write(ANSWERS, json.dumps(facts).encode() + b"\n")


class Player(pj.AudioMediaPlayer):
    """A WAV file on its way into a call."""

    def __init__(self, call: int, name: str) -> None:
        super().__init__()
        self.call, self.name = call, name

    def onEof2(self) -> None:  # noqa: N802
        tell(event="played", call=self.call, wav=self.name)


class Call(pj.Call):
    def __init__(self, phone: "Phone", number: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(phone.account, number)
        self.phone = phone
        self.player: Player | None = None
        self.recorder: pj.AudioMediaRecorder | None = None
        self.sounding = False
        self.sound_at = 0.0

    def audio(self) -> pj.AudioMedia | None:
        info = self.getInfo()  # its parts live only as long as it has a name
        for index, media in enumerate(info.media):
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status in (
                pj.PJSUA_CALL_MEDIA_ACTIVE,
                pj.PJSUA_CALL_MEDIA_REMOTE_HOLD,
            ):
                return self.getAudioMedia(index)
        return None

    def listen(self) -> None:
        """Say when the other end begins and ends to make sound."""
        audio = self.audio()
        # What the call transmits into the bridge is what was received from the other end.
        loud = audio is not None and audio.getTxLevel() > QUIET
        now = time.monotonic()
        if loud:
            self.sound_at = now
        if loud != self.sounding and (loud or now - self.sound_at > HANGOVER_S):
            self.sounding = loud
            tell(event="sound", call=self.getId(), on=loud)

    def onCallState(self, prm: pj.OnCallStateParam) -> None:  # noqa: N802
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.player = self.recorder = None
            self.phone.calls.pop(info.id, None)
        tell(
            event="state",
            call=info.id,
            state=info.stateText,
            status=info.lastStatusCode,
            reason=info.lastReason,
        )

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802
        info = self.getInfo()
        audio = self.audio()
        if audio:  # nobody measures the level of what nobody listens to
            audio.startTransmit(self.phone.endpoint.audDevManager().getPlaybackDevMedia())
        tell(
            event="media",
            call=info.id,
            status=[media.status for media in info.media],
            codec=self.getStreamInfo(0).codecName if audio else "",
        )

    def onCallReplaced(self, prm: pj.OnCallReplacedParam) -> None:  # noqa: N802
        """Somebody else has taken this call over (RFC 3891); PJSIP has answered already."""
        call = prm.newCall = Call(self.phone, prm.newCallId)
        self.phone.calls[prm.newCallId] = call
        tell(event="incoming", call=prm.newCallId, remote=call.getInfo().remoteUri)

    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:  # noqa: N802
        tell(event="digit", call=self.getId(), digit=prm.digit)


class Account(pj.Account):
    def __init__(self, phone: "Phone") -> None:
        super().__init__()
        self.phone = phone

    def onRegState(self, prm: pj.OnRegStateParam) -> None:  # noqa: N802
        tell(event="registered", status=prm.code, expires_s=prm.expiration)

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802
        call = Call(self.phone, prm.callId)
        self.phone.calls[prm.callId] = call
        tell(event="incoming", call=prm.callId, remote=call.getInfo().remoteUri)


class Phone:
    def __init__(self, log: str, address: str, rtp_port: int, transport: str, ca: str) -> None:
        self.calls: dict[int, Call] = {}
        self.running = True
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.maxCalls = 4
        config.logConfig.filename = log
        config.logConfig.level = 5
        config.logConfig.consoleLevel = 0
        config.medConfig.clockRate = config.medConfig.sndClockRate = 8000
        config.medConfig.noVad = True
        config.medConfig.ecTailLen = 0
        self.endpoint.libInit(config)
        port = pj.TransportConfig()
        port.boundAddress = address
        if transport == "tls":  # who is called must prove its name, if there is anything to ask
            port.tlsConfig.proto = pj.PJ_SSL_SOCK_PROTO_TLS1_2
            port.tlsConfig.verifyServer = bool(ca)
            port.tlsConfig.CaListFile = ca
        kind = TRANSPORTS[transport] + (pj.PJSIP_TRANSPORT_IPV6 if ":" in address else 0)
        number = self.endpoint.transportCreate(kind, port)
        self.endpoint.audDevManager().setNullDev()
        self.endpoint.libStart()
        name = self.endpoint.transportGetInfo(number).localName
        host = f"[{address}]" if ":" in address else address
        self.address = f"{host}:{name.rsplit(':', 1)[1]}"
        account = pj.AccountConfig()
        account.idUri = f"sip:phone@{self.address}"
        account.sipConfig.transportId = number
        account.mediaConfig.transportConfig.port = rtp_port
        account.mediaConfig.transportConfig.boundAddress = address
        if ":" in address:
            account.mediaConfig.ipv6Use = pj.PJSUA_IPV6_ENABLED
        account.callConfig.timerUse = pj.PJSUA_SIP_TIMER_INACTIVE
        account.callConfig.prackUse = pj.PJSUA_100REL_NOT_USED
        self.settings = account
        self.account = Account(self)
        self.account.create(account)

    def run(self) -> None:
        os.set_blocking(0, False)
        waiting = b""
        tell(event="ready", address=self.address)
        while self.running:
            self.endpoint.libHandleEvents(POLL_MS)
            for call in list(self.calls.values()):
                call.listen()
            try:
                came = os.read(0, 65536)
            except BlockingIOError:
                continue
            if not came:
                break
            *lines, waiting = (waiting + came).split(b"\n")
            for line in lines:
                self.obey(json.loads(line))
        self.endpoint.hangupAllCalls()
        self.calls.clear()
        self.endpoint.libDestroy()

    def obey(self, order: dict[str, Any]) -> None:
        verb, number = order.pop("do"), order.pop("id")
        try:
            tell(id=number, **(getattr(self, f"do_{verb}")(**order) or {}))
        except pj.Error as error:
            tell(id=number, error=error.reason or error.info())
        except (KeyError, LookupError) as error:
            tell(id=number, error=f"no such call: {error}")

    def do_account(self, uri: str, user: str, password: str, registrar: str) -> None:
        """Be ``uri`` from now on, answer challenges as this user, and register if told where."""
        self.settings.idUri = uri
        credentials = pj.AuthCredInfo(
            "digest", "*", user, pj.PJSIP_CRED_DATA_PLAIN_PASSWD, password
        )
        self.settings.sipConfig.authCreds = pj.AuthCredInfoVector([credentials])
        self.settings.regConfig.registrarUri = registrar
        self.account.modify(self.settings)

    def do_encrypt(self, policy: str) -> None:
        """SRTP with keys in SDP, for calls from now on: off, optional or required."""
        use = {
            "off": pj.PJMEDIA_SRTP_DISABLED,
            "optional": pj.PJMEDIA_SRTP_OPTIONAL,
            "required": pj.PJMEDIA_SRTP_MANDATORY,
        }
        self.settings.mediaConfig.srtpUse = use[policy]
        self.settings.mediaConfig.srtpSecureSignaling = 0  # the tests' SIP is in the clear
        self.account.modify(self.settings)

    def do_dial(self, uri: str, headers: dict[str, str]) -> dict[str, Any]:
        call = Call(self)
        prm = pj.CallOpParam(True)
        prm.opt.videoCount = 0
        extra = pj.SipHeaderVector()
        for name, value in headers.items():
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            extra.append(header)
        prm.txOption.headers = extra
        call.makeCall(uri, prm)
        self.calls[call.getId()] = call
        return {"call": call.getId()}

    def do_answer(self, call: int, status: int) -> None:
        prm = pj.CallOpParam(True)
        prm.statusCode = status
        prm.opt.videoCount = 0
        self.calls[call].answer(prm)

    def do_hang_up(self, call: int, status: int) -> None:
        if not status and self.calls[call].getInfo().state == pj.PJSIP_INV_STATE_CONFIRMED:
            # hangup() calls a call disconnected before its BYE is answered, if it ever is.
            bye = pj.CallSendRequestParam()
            bye.method = "BYE"
            self.calls[call].sendRequest(bye)
            return
        prm = pj.CallOpParam()
        prm.statusCode = status
        self.calls[call].hangup(prm)

    def do_play(self, call: int, wav: str) -> None:
        self.do_hush(call)
        player = Player(call, wav)
        player.createPlayer(wav, pj.PJMEDIA_FILE_NO_LOOP)
        player.startTransmit(self.sound_of(call))
        self.calls[call].player = player

    def do_hush(self, call: int) -> None:
        self.calls[call].player = None

    def do_record(self, call: int, wav: str) -> None:
        recorder = pj.AudioMediaRecorder()
        recorder.createRecorder(wav)
        self.sound_of(call).startTransmit(recorder)
        self.calls[call].recorder = recorder

    def do_return_sound(self, call: int) -> None:
        audio = self.sound_of(call)
        audio.startTransmit(audio)

    def do_stop_recording(self, call: int) -> None:
        self.calls[call].recorder = None  # which completes the file

    def do_exchange(self, call: int, play: str, record: str) -> None:
        """Play and record from the same 20 ms on, so that the second file tells the delay."""
        self.do_hush(call)
        player, recorder = Player(call, play), pj.AudioMediaRecorder()
        player.createPlayer(play, pj.PJMEDIA_FILE_NO_LOOP)
        recorder.createRecorder(record)
        audio = self.sound_of(call)
        audio.startTransmit(recorder)
        player.startTransmit(audio)
        self.calls[call].player, self.calls[call].recorder = player, recorder

    def do_statistics(self, call: int) -> dict[str, Any]:
        """Of the RTP that came in so far."""
        found = self.calls[call].getStreamStat(0)  # its parts live only as long as it has a name
        rtcp = found.rtcp
        received = rtcp.rxStat
        return {
            "received": received.pkt,
            "lost": received.loss,
            "jitter_ms": received.jitterUsec.mean / 1000,
        }

    def do_digits(self, call: int, digits: str) -> None:
        self.calls[call].dialDtmf(digits)

    def do_hold(self, call: int) -> None:
        self.calls[call].setHold(pj.CallOpParam())

    def do_resume(self, call: int) -> None:
        prm = pj.CallOpParam(True)
        prm.opt.flag = pj.PJSUA_CALL_UNHOLD
        prm.opt.videoCount = 0
        self.calls[call].reinvite(prm)

    def do_hand_over(self, call: int, to: int) -> None:
        """Attended transfer (RFC 5589 section 7): REFER with the other call's Replaces."""
        self.calls[call].xferReplaces(self.calls[to], pj.CallOpParam())

    def do_codecs(self, names: list[str]) -> None:
        """Offer these only, e.g. ``PCMA/8000``, in this order."""
        for codec in self.endpoint.codecEnum2():
            self.endpoint.codecSetPriority(codec.codecId, 0)
        for rank, name in enumerate(names):
            self.endpoint.codecSetPriority(name, 200 - rank)

    def do_quit(self) -> None:
        self.running = False

    def sound_of(self, call: int) -> pj.AudioMedia:
        audio = self.calls[call].audio()
        if audio is None:
            raise LookupError(f"{call} has no sound yet")
        return audio


if __name__ == "__main__":
    Phone(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5]).run()
