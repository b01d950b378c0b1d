"""SRTP and SRTCP written from the RFCs (3711, 6188, 7714) on the primitives of `cryptography`: what
the gateway's own, which is libsrtp's, is compared with."""

import hmac
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CIPHER, AUTH, SALT = 0, 1, 2  # labels (RFC 3711 section 4.3.2); SRTCP's are three higher
CONTROL = 3
# Octets of key, salt and tag. SRTCP's tag is of 80 bits in each (RFC 4568 section 6.2.2).
SHAPES = {
    "AES_CM_128_HMAC_SHA1_80": (16, 14, 10),
    "AES_CM_128_HMAC_SHA1_32": (16, 14, 4),
    "AES_256_CM_HMAC_SHA1_80": (32, 14, 10),
    "AES_256_CM_HMAC_SHA1_32": (32, 14, 4),
    "AEAD_AES_128_GCM": (16, 12, 0),
    "AEAD_AES_256_GCM": (32, 12, 0),
}


class Refused(Exception):
    """The tag is not that of the packet."""


def keystream(key: bytes, counter: bytes, length: int) -> bytes:
    """AES in counter mode from this block on."""
    coder = Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor()
    return coder.update(bytes(length)) + coder.finalize()


def derived(key: bytes, salt: bytes, label: int, length: int) -> bytes:
    """A session key (RFC 3711 section 4.3.3, RFC 7714 section 11), at a derivation rate of 0."""
    begin = int.from_bytes(salt.ljust(14, b"\0"), "big") ^ label << 48
    return keystream(key, (begin << 16).to_bytes(16, "big"), length)


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


@dataclass(frozen=True)
class ByHand:
    """One direction of one source under a master key. ``roc`` and ``index`` are the caller's."""

    suite: str
    master: bytes

    def _session(self, label: int, length: int, control: bool) -> bytes:
        size, salt, _ = SHAPES[self.suite]
        key = self.master[:size]
        return derived(key, self.master[size : size + salt], label + CONTROL * control, length)

    def _crypt(self, body: bytes, ssrc: int, index: int, control: bool) -> bytes:
        size, length, _ = SHAPES[self.suite]
        salt = int.from_bytes(self._session(SALT, length, control), "big")
        counter = salt << 16 ^ ssrc << 64 ^ index << 16
        key = self._session(CIPHER, size, control)
        return _xor(body, keystream(key, counter.to_bytes(16, "big"), len(body)))

    def _tag(self, octets: bytes, length: int, control: bool) -> bytes:
        return hmac.digest(self._session(AUTH, 20, control), octets, "sha1")[:length]

    def _gcm(self, nonce: bytes, control: bool) -> tuple[AESGCM, bytes]:
        size, length, _ = SHAPES[self.suite]
        salt = self._session(SALT, length, control)
        return AESGCM(self._session(CIPHER, size, control)), _xor(nonce, salt)

    def seal(self, packet: bytes, roc: int = 0) -> bytes:
        sequence, ssrc = struct.unpack_from(">2xH4xI", packet)
        head, body = packet[:12], packet[12:]
        length = SHAPES[self.suite][2]
        if not length:
            gcm, nonce = self._gcm(struct.pack(">2xIIH", ssrc, roc, sequence), False)
            return head + gcm.encrypt(nonce, body, head)
        sealed = head + self._crypt(body, ssrc, roc << 16 | sequence, False)
        return sealed + self._tag(sealed + roc.to_bytes(4, "big"), length, False)

    def open(self, sealed: bytes, roc: int = 0) -> bytes:
        sequence, ssrc = struct.unpack_from(">2xH4xI", sealed)
        length = SHAPES[self.suite][2]
        if not length:
            gcm, nonce = self._gcm(struct.pack(">2xIIH", ssrc, roc, sequence), False)
            return sealed[:12] + _opened(gcm, nonce, sealed[12:], sealed[:12])
        plain, tag = sealed[:-length], sealed[-length:]
        if self._tag(plain + roc.to_bytes(4, "big"), length, False) != tag:
            raise Refused
        return plain[:12] + self._crypt(plain[12:], ssrc, roc << 16 | sequence, False)

    def report(self, packet: bytes, index: int) -> bytes:
        (ssrc,) = struct.unpack_from(">4xI", packet)
        head, body, number = packet[:8], packet[8:], (1 << 31 | index).to_bytes(4, "big")
        if not SHAPES[self.suite][2]:
            gcm, nonce = self._gcm(struct.pack(">2xI2xI", ssrc, index), True)
            return head + gcm.encrypt(nonce, body, head + number) + number
        sealed = head + self._crypt(body, ssrc, index, True) + number
        return sealed + self._tag(sealed, 10, True)

    def open_report(self, sealed: bytes) -> tuple[bytes, int]:
        """And its index."""
        (ssrc,) = struct.unpack_from(">4xI", sealed)
        tagged = 10 if SHAPES[self.suite][2] else 0
        end = len(sealed) - tagged
        number = sealed[end - 4 : end]
        index = int.from_bytes(number, "big") & 0x7FFFFFFF
        head, body = sealed[:8], sealed[8 : end - 4]
        if not tagged:
            gcm, nonce = self._gcm(struct.pack(">2xI2xI", ssrc, index), True)
            return head + _opened(gcm, nonce, body, head + number), index
        if self._tag(sealed[:end], 10, True) != sealed[end:]:
            raise Refused
        return head + self._crypt(body, ssrc, index, True), index


def _opened(gcm: AESGCM, nonce: bytes, body: bytes, head: bytes) -> bytes:
    try:
        return gcm.decrypt(nonce, body, head)
    except InvalidTag:
        raise Refused from None
