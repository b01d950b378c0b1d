"""Offer and answer (RFC 3264): one audio stream and its digits; whatever else is refused."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from secrets import randbits

from gateway.errors import GatewayError
from gateway.sdp import crypto, rtcp
from gateway.sdp.crypto import Crypto
from gateway.sdp.description import Attribute, Codec, Description, Media, Origin, SdpError
from gateway.sdp.formats import COMFORT, DIGITS, DIGITS_48, G711

PTIME_MS = 20  # RFC 3551 section 4.2
MAXPTIME_MS = 60

# Whether each side of the stream sends and receives: (sends, receives).
MAY = {"sendrecv": (True, True), "sendonly": (True, False),
       "recvonly": (False, True), "inactive": (False, False)}  # fmt: skip
NAMED = {flags: name for name, flags in MAY.items()}


class NoCommonCodec(GatewayError):
    """There is nothing both sides can do. Answer 488 with ``Warning: code "detail"``.

    ``code`` is 305 (no format), 301 (an address that cannot be reached), 302 (no transport
    protocol), 304 (no such media) or 330 (multicast), as in RFC 3261 section 20.43.
    """

    def __init__(self, detail: str, code: int = 305) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code


@dataclass(frozen=True)
class Local:
    """Our end of the stream. ``direction`` is our wish: ``sendonly`` puts the peer on hold."""

    address: str
    port: int
    ptime_ms: int = PTIME_MS
    direction: str = "sendrecv"
    session_id: int = field(default_factory=lambda: randbits(48))
    srtp: str = "off"  # one of crypto.POLICIES
    comfort: bool = False  # both sides may be silent, and say how loud that is (RFC 3389)


@dataclass(frozen=True)
class Agreed:
    """What both sides will do. Payload types are per direction (RFC 3264 section 5.1)."""

    host: str  # where the peer hears; an address, rarely a name
    port: int
    codec: str
    rate: int  # Hz, of the RTP clock
    payload_out: int
    payload_in: int
    digits_out: int | None
    digits_in: int | None
    ptime_ms: int  # sound per packet that the peer wishes for
    speaks: bool  # we send
    hears: bool  # the peer sends
    key_out: Crypto | None = None  # SRTP: what we send with, None in the clear
    key_in: Crypto | None = None
    rtcp_port: int | None = None  # None: the one after ``port``
    rtcp_mux: bool = False  # RTCP on the port of RTP, both ways
    rtcp_rsize: bool = False  # the peer understands RTCP that is not compound (RFC 5506)
    rtcp_xr: bool = False  # the peer wishes for VoIP metrics (RFC 3611)
    fmtp: str = ""  # the peer's parameters of the codec
    digits_rate: int = 8000  # Hz, of the clock that digits' durations count
    comfort: int | None = None  # payload type of comfort noise, both ways
    others: tuple[Codec, ...] = ()  # what else the peer may send, numbered as we did


def make_offer(
    local: Local, codecs: Sequence[Codec] = G711, previous: Description | None = None
) -> Description:
    """Our offer. ``previous`` is our last description in this call, whichever role it had: its
    version goes on counting, and its other media stay refused in their places (section 8)."""
    at = _audio_at(previous)
    keys = crypto.offered(local.srtp, previous.media[at] if previous else None)
    extras = [COMFORT] if local.comfort else []
    extras += [DIGITS_48] if any(codec.rate == DIGITS_48.rate for codec in codecs) else []
    stream = _stream(local, [*codecs, *extras, DIGITS], local.direction, keys=keys)
    stream = replace(stream, protocol=crypto.protocol(local.srtp))
    media = [_refused(old) for old in previous.media] if previous else []
    media[at : at + 1] = [stream]
    return _describe(local, media, previous)


def make_answer(
    offer: Description,
    local: Local,
    codecs: Sequence[Codec] = G711,
    previous: Description | None = None,
) -> tuple[Description, Agreed]:
    """The answer to a peer's offer: its first codec that is among ours, and digits if it has
    them. Raises NoCommonCodec, or SdpError if the offer says not where to send, or leaves out
    what was described before: a stream ends by its port 0 (section 8)."""
    if previous and len(offer.media) < len(previous.media):
        fewer = f"an offer has {len(offer.media)} where {len(previous.media)} were described"
        raise SdpError("m=", f"{fewer} before (RFC 3264 section 8)")
    at, theirs, codec = _choose(offer, codecs, local)
    mine = next(known for known in codecs if known.same(codec))
    digits = _digits(theirs, codec)
    comfort = next((c for c in theirs.codecs() if c.same(COMFORT)), None)
    comfort = comfort if local.comfort and codec.rate == COMFORT.rate else None
    receives = MAY[_direction(offer, theirs)][1]
    sends = MAY[_direction(offer, theirs)][0]
    want_send, want_receive = MAY[local.direction]
    speaks, hears = want_send and receives, want_receive and sends
    # The number and the spelling are theirs, the parameters ours: they say what we take.
    chosen = [replace(codec, fmtp=mine.fmtp), *(c for c in (comfort, digits) if c)]
    media = [_refused(old) for old in offer.media]
    before = previous.media[at] if previous and at < len(previous.media) else None
    keys = crypto.answered(theirs, local.srtp, before)
    stream = _stream(local, chosen, NAMED[speaks, hears], keys=keys[:1] if keys else (),
                     rtcp=rtcp.answered(theirs))  # fmt: skip
    media[at] = replace(stream, protocol=theirs.protocol)
    agreed = Agreed(
        host=_host(offer, theirs),
        port=theirs.port,
        codec=mine.name,
        rate=codec.rate,
        payload_out=codec.payload,
        payload_in=codec.payload,
        digits_out=digits.payload if digits else None,
        digits_in=digits.payload if digits else None,
        ptime_ms=_ptime(theirs),
        speaks=speaks,
        hears=hears,
        key_out=keys[0] if keys else None,
        key_in=keys[1] if keys else None,
        rtcp_port=rtcp.port_of(theirs),
        rtcp_mux=rtcp.shares(theirs),
        rtcp_rsize=rtcp.may_reduce(theirs),
        rtcp_xr=rtcp.wants_metrics(theirs),
        fmtp=codec.fmtp,
        digits_rate=digits.rate if digits else DIGITS.rate,
        comfort=comfort.payload if comfort else None,
    )
    return _describe(local, media, previous), agreed


def agree(our_offer: Description, their_answer: Description) -> Agreed:
    """What an answer to our offer settles. Raises NoCommonCodec if it refuses our stream."""
    at = _audio_at(our_offer)
    ours = our_offer.media[at]
    if at >= len(their_answer.media) or not their_answer.media[at].port:
        raise NoCommonCodec("the answer refuses the audio stream")
    theirs = their_answer.media[at]
    us = our_offer.connection or our_offer.origin.address
    _refuse_unreachable(_host(their_answer, theirs), us)
    offered = ours.codecs()
    for codec in theirs.codecs():
        mine = next((known for known in offered if known.same(codec)), None)
        if mine is not None and not _is_extra(mine):
            break
    else:
        raise NoCommonCodec(f"the answer has none of the offered codecs: {_listed([theirs])}")
    digits_out = _digits(theirs, codec)
    digits_in = next((c for c in offered if digits_out and c.same(digits_out)), None)
    both = digits_out is not None and digits_in is not None
    comfort = any(c.same(COMFORT) for c in theirs.codecs()) and COMFORT in offered
    accepted = [known for known in offered if any(known.same(c) for c in theirs.codecs())]
    peer_sends, peer_receives = MAY[_direction(their_answer, theirs)]
    we_send, we_receive = MAY[our_offer.direction_of(ours)]
    try:
        keys = crypto.settled(ours, theirs)
    except LookupError as error:
        raise NoCommonCodec(str(error.args[0]), 302) from None
    return Agreed(
        host=_host(their_answer, theirs),
        port=theirs.port,
        codec=mine.name,
        rate=mine.rate,
        payload_out=codec.payload,
        payload_in=mine.payload,
        digits_out=digits_out.payload if both and digits_out else None,
        digits_in=digits_in.payload if both and digits_in else None,
        ptime_ms=_ptime(theirs),
        speaks=we_send and peer_receives,
        hears=we_receive and peer_sends,
        key_out=keys[0] if keys else None,
        key_in=keys[1] if keys else None,
        rtcp_port=rtcp.port_of(theirs),
        rtcp_mux=rtcp.shares(ours) and rtcp.shares(theirs),
        rtcp_rsize=rtcp.may_reduce(theirs),
        rtcp_xr=rtcp.wants_metrics(theirs),
        fmtp=codec.fmtp,
        digits_rate=digits_out.rate if both and digits_out else DIGITS.rate,
        comfort=COMFORT.payload if comfort and codec.rate == COMFORT.rate else None,
        others=tuple(c for c in accepted if not _is_extra(c) and c != mine),
    )


def _choose(offer: Description, codecs: Sequence[Codec], us: Local) -> tuple[int, Media, Codec]:
    """The first stream that can be taken, encrypted ones before others, and its first codec that
    is ours (section 6.1)."""
    srtp = us.srtp
    audio = [media for media in offer.media if media.kind == "audio" and media.port]
    fit = [media for media in audio if not crypto.objection(media, srtp)]
    fit.sort(key=lambda media: media.protocol not in crypto.SECURE)
    for media in fit:
        for codec in media.codecs():
            if any(codec.same(known) for known in codecs):
                _refuse_unreachable(_host(offer, media), us.address)
                at = next(n for n, candidate in enumerate(offer.media) if candidate is media)
                return at, media, codec
    if fit:
        ours = ", ".join(codec.name for codec in codecs)
        raise NoCommonCodec(f"offered {_listed(fit)}; here there is {ours}")
    if audio:
        objections = dict.fromkeys(str(crypto.objection(media, srtp)) for media in audio)
        raise NoCommonCodec("; ".join(objections), 302)
    raise NoCommonCodec("no audio was offered", 304)


def _listed(streams: Sequence[Media]) -> str:
    names = [codec.name for media in streams for codec in media.codecs()]
    return ", ".join(dict.fromkeys(names)) or "no known codec"


def _is_extra(codec: Codec) -> bool:
    """It goes with sound, and is none."""
    return codec.name.lower() in (DIGITS.name, COMFORT.name.lower())


def _digits(media: Media, codec: Codec) -> Codec | None:
    """The telephone events that go with this codec: those on its clock (RFC 4733 section 2.1), or
    on the telephone's, which is all that many know."""
    events = [c for c in media.codecs() if c.name.lower() == DIGITS.name]
    rates = (codec.rate, DIGITS.rate)
    return next((c for rate in rates for c in events if c.rate == rate), None)


def _host(description: Description, media: Media) -> str:
    host = description.address_of(media)
    if host is None:
        raise SdpError(f"m={media.kind} {media.port}", "no c= line says where to send")
    return host


def _refuse_unreachable(host: str, ours: str) -> None:
    """A line sends to one peer, and one of IPv4 to IPv4 only; names are not looked up here."""
    try:
        theirs = ip_address(host)
    except ValueError:
        return
    if theirs.version == 6 and ":" not in ours and not theirs.is_unspecified:
        raise NoCommonCodec(f"sound is wanted at {host}, but this call has IPv4 only", 301)
    if theirs.is_multicast:
        raise NoCommonCodec(f"sound is wanted at {host}, which is many", 330)


def _direction(description: Description, media: Media) -> str:
    """Also of those who hold in the way of RFC 2543: with an address of zeros (section 8.4)."""
    sends, receives = MAY[description.direction_of(media)]
    return NAMED[sends, receives and not _is_zero(_host(description, media))]


def _is_zero(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def _ptime(theirs: Media) -> int:
    wished = theirs.milliseconds("ptime") or PTIME_MS
    return min(wished, theirs.milliseconds("maxptime") or wished)


def _audio_at(ours: Description | None) -> int:
    """Where our stream stands among the media of a description of ours."""
    for at, media in enumerate(ours.media if ours else ()):
        if media.kind == "audio" and media.port:
            return at
    return 0


def _refused(media: Media) -> Media:
    return Media(kind=media.kind, port=0, protocol=media.protocol, formats=media.formats)


def _stream(
    local: Local,
    codecs: Sequence[Codec],
    direction: str,
    *,
    keys: Sequence[Crypto] = (),
    rtcp: Sequence[Attribute] = (),
) -> Media:
    attributes: list[Attribute] = []
    for codec in codecs:
        channels = f"/{codec.channels}" if codec.channels > 1 else ""
        attributes.append(("rtpmap", f"{codec.payload} {codec.name}/{codec.rate}{channels}"))
        if codec.fmtp:
            attributes.append(("fmtp", f"{codec.payload} {codec.fmtp}"))
    attributes += [key.attribute for key in keys]
    attributes += [("ptime", str(local.ptime_ms)), ("maxptime", str(MAXPTIME_MS))]
    attributes.append((direction, None))
    attributes += rtcp
    formats = tuple(str(codec.payload) for codec in codecs)
    return Media(None, tuple(attributes), port=local.port, formats=formats)


def _describe(local: Local, media: list[Media], previous: Description | None) -> Description:
    """A new version, if anything is new (section 8)."""
    old = previous.origin if previous else Origin(session_id=str(local.session_id), version=0)
    origin = replace(old, address=local.address)
    described = Description(local.address, origin=origin, media=tuple(media))
    if previous is not None and described == previous:
        return previous
    return replace(described, origin=replace(origin, version=old.version + 1))
