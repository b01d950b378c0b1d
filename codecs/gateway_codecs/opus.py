"""Opus (RFC 6716) by libopus: one encoder or decoder for each row that needs one, mono, straight at
16 kHz. libopus is a library of the system; where it is missing ``available()`` says so.
"""

import ctypes
import ctypes.util
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RATE = 16_000  # Hz, of sound in and out
CLOCK = 48_000  # Hz, of RTP timestamps whatever the sound's rate (RFC 7587 section 4.1)
SIZES_MS = (10, 20, 40, 60)  # of a frame, within what we send
BITRATE = 24_000  # bits/s: wideband speech is hardly to be told from the original (RFC 7587 3.1.1)
FEC_BITRATE = 28_000  # with redundancy: at less, libopus cuts the band to make room for it
_COMPLEXITY = 1  # of 10: a third of the cost of 5, and in speech hardly a difference

_VOIP = 2048
_SET_BITRATE, _SET_BANDWIDTH, _SET_VBR, _SET_COMPLEXITY = 4002, 4004, 4006, 4010
_SET_FEC, _SET_LOSS, _SET_DTX, _SET_SIGNAL = 4012, 4014, 4016, 4024
_VOICE = 3001
_NARROW, _MEDIUM, _WIDE = 1101, 1102, 1103
_EXPECTED_LOSS = 10  # per cent; at less the encoder adds no redundancy
_MOST_BYTES = 1275  # of one frame (RFC 6716 section 3.2.1)
_MOST_TICKS = 5760  # 120 ms
_SPARSE = 2  # bytes: a packet that is no longer says only that there is silence

Samples = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Wishes:
    """What the peer would have of what it is sent (RFC 7587 section 6.1)."""

    bitrate: int = 0  # bits/s at the most; 0: no limit
    bandwidth: int = 0  # Hz of the highest rate it can play; 0: no limit
    fec: bool = False
    dtx: bool = False
    constant: bool = False  # constant bit rate


def _load() -> ctypes.CDLL | None:
    for name in ("libopus.so.0", ctypes.util.find_library("opus")):
        try:
            library = ctypes.CDLL(name) if name else None
        except OSError:
            continue
        if library:
            return library
    return None


_library = _load()


def available() -> bool:
    """Whether this machine has libopus."""
    return _library is not None


def _lib() -> ctypes.CDLL:
    if _library is None:
        raise OSError("libopus is not installed")
    return _library


def ticks(packet: bytes) -> int:
    """How long a packet sounds, at 48 kHz; 0: it is no Opus packet (RFC 6716 section 3)."""
    if not packet:
        return 0
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:  # SILK
        frame = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:  # hybrid
        frame = (480, 960)[config & 1]
    else:  # CELT
        frame = (120, 240, 480, 960)[config & 3]
    if code == 3 and len(packet) < 2:
        return 0
    frames = packet[1] & 0x3F if code == 3 else min(code, 1) + 1
    return frame * frames if frame * frames <= _MOST_TICKS else 0


class Encoder:
    """One row's. Made anew when the peer wishes otherwise. ``narrow``: there is nothing above 4 kHz
    in what is to come, which costs half as much again to code as wide."""

    def __init__(self, wishes: Wishes) -> None:
        lib = _lib()
        self._state = ctypes.create_string_buffer(lib.opus_encoder_get_size(1))
        if lib.opus_encoder_init(self._state, RATE, 1, _VOIP):
            raise OSError("libopus makes no encoder")
        self._out = ctypes.create_string_buffer(_MOST_BYTES)
        self._octets = memoryview(self._out)
        self._sound = np.empty(SIZES_MS[-1] * RATE // 1000, np.int16)
        self._samples = ctypes.c_void_p(self._sound.ctypes.data)  # once: it takes 2 µs
        self._narrow = False
        self._widest = next((band for most, band in ((8000, _NARROW), (12_000, _MEDIUM))
                       if 0 < wishes.bandwidth <= most), _WIDE)  # fmt: skip
        rate = FEC_BITRATE if wishes.fec else BITRATE
        for request, value in (
            (_SET_BITRATE, max(min(wishes.bitrate or rate, rate), 6000)),
            (_SET_BANDWIDTH, self._widest),
            (_SET_VBR, not wishes.constant),
            (_SET_COMPLEXITY, _COMPLEXITY),
            (_SET_FEC, wishes.fec),
            (_SET_LOSS, _EXPECTED_LOSS if wishes.fec else 0),
            (_SET_DTX, wishes.dtx),
            (_SET_SIGNAL, _VOICE),
        ):
            self._set(request, value)

    def _set(self, request: int, value: int) -> None:
        _lib().opus_encoder_ctl(self._state, ctypes.c_int(request), ctypes.c_int(value))

    @property
    def narrow(self) -> bool:
        return self._narrow

    @narrow.setter
    def narrow(self, narrow: bool) -> None:
        if narrow != self._narrow:
            self._narrow = narrow
            self._set(_SET_BANDWIDTH, _NARROW if narrow else self._widest)

    def run(self, sound: Samples) -> bytes:
        """10, 20, 40 or 60 ms at 16 kHz. Empty: silence that need not be sent."""
        if len(sound) > len(self._sound):
            raise ValueError(f"no more than {SIZES_MS[-1]} ms at once, not {len(sound)} samples")
        self._sound[: len(sound)] = sound
        length = _lib().opus_encode(self._state, self._samples, len(sound), self._out, _MOST_BYTES)
        if length < 0:
            raise ValueError(f"libopus cannot encode {len(sound)} samples ({length})")
        return b"" if length <= _SPARSE else bytes(self._octets[:length])


class Decoder:
    """One row's. ``sparse``: the peer has stopped sending because it is silent."""

    def __init__(self) -> None:
        lib = _lib()
        self._state = ctypes.create_string_buffer(lib.opus_decoder_get_size(1))
        if lib.opus_decoder_init(self._state, RATE, 1):
            raise OSError("libopus makes no decoder")
        self._sound = np.empty(_MOST_TICKS * RATE // CLOCK, np.int16)
        self._samples = ctypes.c_void_p(self._sound.ctypes.data)
        self.sparse = False

    def run(self, packet: bytes) -> Samples | None:
        """The sound of a packet; None: it cannot be decoded."""
        sound = self._decode(packet, len(self._sound), 0)
        if sound is not None:
            self.sparse = len(packet) <= _SPARSE
        return sound

    def conceal(self, samples: int, following: bytes | None = None) -> Samples:
        """Sound in place of a packet that is lost, a multiple of 2.5 ms: from what the packet
        after it repeats of it (FEC), if that is there and does; else made up."""
        sound = self._decode(following, samples, 1) if following else None
        if sound is None:
            sound = self._decode(None, samples, 0)
        return np.zeros(samples, np.int16) if sound is None else sound

    def _decode(self, packet: bytes | None, most: int, fec: int) -> Samples | None:
        most = min(most, len(self._sound))
        got = _lib().opus_decode(self._state, packet, len(packet or b""), self._samples, most, fec)
        return self._sound[:got].copy() if got > 0 else None
