"""SRTP of every row: between the sockets and the beat, which knows only what is in the clear.

What must outlive this process is in ``lines``: the keys, and for each direction the index that
was reached under its key. They are noted packet by packet, so that a process that takes over
neither uses an index twice nor loses count of the wraps.
"""

import zlib

import numpy as np
import numpy.typing as npt

from gateway.media.lines import Lines
from gateway.rtp.rekeyed import Rekeyed
from gateway.rtp.srtp import SUITES, Broken, Receiving, Sending, Suite


class Guard:
    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._out: list[Sending | None] = [None] * lines.capacity
        self._in: list[Receiving | Rekeyed | None] = [None] * lines.capacity
        self._keys: list[tuple[Suite, bytes, bytes]] = [(SUITES[0], b"", b"")] * lines.capacity
        self.secured = np.zeros(lines.capacity, bool)

    @property
    def any_secured(self) -> bool:
        return bool(self.secured.any())

    def forget(self, row: int) -> None:
        self._out[row] = self._in[row] = None
        self._keys[row] = (SUITES[0], b"", b"")
        self.secured[row] = False

    def settle(self, row: int) -> None:
        """Main may have changed the row's keys. A direction whose key is the same goes on."""
        lines = self._lines
        number = int(lines["crypto"][row])
        if not number:
            self.forget(row)
            return
        suite = SUITES[number]
        ssrc = int(lines["ssrc"][row])
        # A new source under the same key has indices of its own (RFC 3711 section 3.2.3).
        key_out = lines["key_out"][row, : suite.length].tobytes() + ssrc.to_bytes(4, "big")
        key_in = lines["key_in"][row, : suite.length].tobytes()
        known_suite, known_out, known_in = self._keys[row]
        if suite is not known_suite or key_out != known_out:
            index, reports = -1, 0
            if _is_of(lines["srtp_key_out"], row, key_out):
                index, reports = int(lines["srtp_sent"][row]) - 1, int(lines["srtcp_sent"][row])
            self._out[row] = Sending(suite, key_out[:-4], ssrc, index, reports)
            self._note_out(row)
        if suite is not known_suite or key_in != known_in:
            before = self._in[row]
            if _is_of(lines["srtp_key_in"], row, key_in):
                source, index = int(lines["srtp_from"][row]), int(lines["srtp_heard"][row]) - 1
                self._in[row] = Receiving(suite, key_in, source, index)
            else:
                self._in[row] = (
                    Rekeyed(suite, key_in, before) if before else Receiving(suite, key_in)
                )
            self._note_in(row)
        self._keys[row] = suite, key_out, key_in
        self.secured[row] = True

    # In these, ``row`` must be secured.

    def seal(self, row: int, packet: memoryview) -> memoryview:
        """RTP as it goes out; good until the next packet of this row. Raises Broken."""
        sending = self._out[row]
        assert sending is not None
        sealed = sending.seal(packet)
        self._lines["srtp_sent"][row] = sending.index + 1
        return sealed

    def open(self, row: int, packet: memoryview) -> int:
        """Decipher RTP in place; its new length, 0 if it was not the peer's."""
        receiving = self._in[row]
        assert receiving is not None
        try:
            opened = receiving.open(packet)
        except Broken:
            self._lines["forged"][row] += 1
            return 0
        packet[: len(opened)] = opened
        self._note_in(row)
        return len(opened)

    def seal_report(self, row: int, data: bytes) -> memoryview:
        """The same for RTCP."""
        sending = self._out[row]
        assert sending is not None
        # Noted first: an index that was counted and not used does no harm.
        self._lines["srtcp_sent"][row] = sending.reports + 1
        return sending.report(data)

    def open_report(self, row: int, data: bytes) -> bytes:
        """Empty if it was not the peer's."""
        receiving = self._in[row]
        assert receiving is not None
        try:
            return bytes(receiving.report(data))
        except Broken:
            self._lines["forged"][row] += 1
            return b""

    def _note_out(self, row: int) -> None:
        sending = self._out[row]
        assert sending is not None
        self._lines["srtp_sent"][row] = sending.index + 1
        self._lines["srtcp_sent"][row] = sending.reports

    def _note_in(self, row: int) -> None:
        receiving = self._in[row]
        assert receiving is not None
        self._lines["srtp_from"][row] = receiving.ssrc
        self._lines["srtp_heard"][row] = receiving.index + 1


def _is_of(column: npt.NDArray[np.uint32], row: int, key: bytes) -> bool:
    """Whether the indices in the lines were reached under this key; from now on, they are."""
    mark = zlib.crc32(key)
    known = int(column[row]) == mark
    column[row] = mark
    return known
