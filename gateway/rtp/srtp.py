"""SRTP and SRTCP (RFC 3711) by libsrtp, one direction of one row at a time.

A packet's index, its sequence number extended by the count of its wraps (the roll-over counter),
is known to each side only because it has seen them all. Whoever goes on with another's stream
must be told: ``index`` says where that one was. pylibsrtp has no call for it, nor for AES-256 in
counter mode, but the library inside has, and is spoken to by ctypes.
"""

import ctypes
from dataclasses import dataclass
from typing import Any

from pylibsrtp import _binding

_ffi, _lib = _binding.ffi, _binding.lib
_native = ctypes.CDLL(_binding.__file__)
_native.srtp_set_stream_roc.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32]

LONGEST_SEAL = 16  # bytes that SRTP makes RTP longer, at the most: a tag, and no MKI
_TRAILER = 16 + 4 + 128  # the most that libsrtp adds: tag, SRTCP's index, MKI
_LONGEST = 2048
_WINDOW = 128  # packets that may come late, as libsrtp has it by default


class Broken(Exception):
    """libsrtp does not take it."""


@dataclass(frozen=True)
class Suite:
    name: str  # as in SDP (RFC 4568 section 6.2, RFC 6188, RFC 7714)
    length: int  # bytes of master key and salt
    profile: int = 0  # of libsrtp's; 0: set by ``native``
    native: str = ""


# The number of a suite, as in the lines, is its index here; 0 is none.
SUITES = (
    Suite("", 0),
    Suite("AES_CM_128_HMAC_SHA1_80", 30, _lib.srtp_profile_aes128_cm_sha1_80),
    Suite("AES_CM_128_HMAC_SHA1_32", 30, _lib.srtp_profile_aes128_cm_sha1_32),
    Suite("AES_256_CM_HMAC_SHA1_80", 46, native="aes_cm_256_hmac_sha1_80"),
    Suite("AES_256_CM_HMAC_SHA1_32", 46, native="aes_cm_256_hmac_sha1_32"),
    Suite("AEAD_AES_128_GCM", 28, _lib.srtp_profile_aead_aes_128_gcm),
    Suite("AEAD_AES_256_GCM", 44, _lib.srtp_profile_aead_aes_256_gcm),
)
NUMBERS = {suite.name: number for number, suite in enumerate(SUITES)}


class _Session:
    """libsrtp's session under one key, and the buffer it works in."""

    def __init__(self, suite: Suite, key: bytes) -> None:
        if len(key) != suite.length:
            raise Broken(f"{suite.name} wants {suite.length} bytes of key, not {len(key)}")
        self._suite = suite
        self._key = _ffi.new("unsigned char[]", key)
        pointer = _ffi.new("srtp_t *")
        _check(_lib.srtp_create(pointer, _ffi.NULL))
        self._pointer = _ffi.gc(pointer, lambda its: _lib.srtp_dealloc(its[0]))
        self._session = pointer[0]
        self._memory = _ffi.new("char[]", _LONGEST + _TRAILER)
        self._octets = memoryview(_ffi.buffer(self._memory))
        self._length = _ffi.new("int *")

    def _add(self, ssrc_type: int, ssrc: int) -> None:
        policy = _ffi.new("srtp_policy_t *")
        rtp, rtcp = _ffi.addressof(policy.rtp), _ffi.addressof(policy.rtcp)
        if self._suite.profile:
            _check(_lib.srtp_crypto_policy_set_from_profile_for_rtp(rtp, self._suite.profile))
            _check(_lib.srtp_crypto_policy_set_from_profile_for_rtcp(rtcp, self._suite.profile))
        else:
            _set(f"srtp_crypto_policy_set_{self._suite.native}", rtp)
            # SRTCP's tag is of 80 bits in every suite (RFC 4568 section 6.2.2).
            _set("srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80", rtcp)
        policy.ssrc.type, policy.ssrc.value = ssrc_type, ssrc
        policy.key = self._key
        policy.window_size = _WINDOW
        _check(_lib.srtp_add_stream(self._session, policy))

    def _set_wraps(self, ssrc: int, index: int) -> None:
        """How often the stream has wrapped, up to the packet of this index."""
        handle = int(_ffi.cast("uintptr_t", self._session))
        _check(_native.srtp_set_stream_roc(handle, ssrc, index >> 16))

    def _run(self, function: Any, packet: bytes | memoryview) -> memoryview:
        size = len(packet)
        if size > _LONGEST:
            raise Broken(f"a packet of {size} bytes")
        self._octets[:size] = packet
        self._length[0] = size
        _check(function(self._session, self._memory, self._length))
        return self._octets[: self._length[0]]


class Sending(_Session):
    """``index`` is that of the last packet sent under this key (-1: none yet), ``reports`` the
    number of SRTCP packets: neither may ever be used twice (RFC 3711 section 9.1)."""

    def __init__(self, suite: Suite, key: bytes, ssrc: int, index: int = -1, reports: int = 0):
        super().__init__(suite, key)
        self._add(_lib.ssrc_specific, ssrc)
        self.index, self.reports = index, 0
        self._resumes, self._ssrc = index >= 0, ssrc
        while self.reports < reports:  # there is no other way to advance SRTCP's index
            self.report(b"\x80\xc9\0\1" + ssrc.to_bytes(4, "big"))

    def seal(self, packet: bytes | memoryview) -> memoryview:
        """The packet as it goes out; good until the next call. Raises Broken."""
        sequence = packet[2] << 8 | packet[3]
        ahead = (sequence - self.index) & 0xFFFF
        index = self.index + ahead if self.index >= 0 else sequence
        if self._resumes:
            self._set_wraps(self._ssrc, index)
            self._resumes = False
        sealed = self._run(_lib.srtp_protect, packet)
        self.index = index
        return sealed

    def report(self, packet: bytes) -> memoryview:
        """The same for RTCP."""
        self.reports += 1
        return self._run(_lib.srtp_protect_rtcp, packet)


class Receiving(_Session):
    """``ssrc`` and ``index`` are of the stream that another process received (-1: none)."""

    def __init__(self, suite: Suite, key: bytes, ssrc: int = 0, index: int = -1) -> None:
        super().__init__(suite, key)
        self._add(_lib.ssrc_any_inbound, 0)
        self.ssrc, self.index = ssrc, index
        self._resumes = index >= 0
        if self._resumes:
            self._add(_lib.ssrc_specific, ssrc)

    def open(self, packet: bytes | memoryview) -> memoryview:
        """What was in it; good until the next call. Raises Broken: forged, old, or come twice."""
        if len(packet) < 12:
            raise Broken("too short")
        sequence = packet[2] << 8 | packet[3]
        ssrc = int.from_bytes(packet[8:12], "big")
        known = ssrc == self.ssrc and self.index >= 0
        index = _guess(sequence, self.index) if known else sequence
        if self._resumes and known:  # until a packet has proved it
            self._set_wraps(ssrc, index)
        opened = self._run(_lib.srtp_unprotect, packet)
        if known:
            self._resumes = False
            self.index = max(self.index, index)
        else:
            self.ssrc, self.index = ssrc, index
        return opened

    def report(self, packet: bytes) -> memoryview:
        """The same for RTCP."""
        return self._run(_lib.srtp_unprotect_rtcp, packet)


def _guess(sequence: int, highest: int) -> int:
    """The index nearest to the highest that was seen (RFC 3711 section 3.3.1)."""
    ahead = (sequence - highest + 0x8000 & 0xFFFF) - 0x8000
    return highest + ahead if highest + ahead >= 0 else sequence


def _set(function: str, policy: Any) -> None:
    getattr(_native, function)(ctypes.c_void_p(int(_ffi.cast("uintptr_t", policy))))


def _check(status: int) -> None:
    if status != _lib.srtp_err_status_ok:
        raise Broken(f"libsrtp: error {status}")  # numbers as in its srtp.h
