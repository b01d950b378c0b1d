"""What is sent at a beat: packets of the rows' payloads, of the digits that main has asked for, and
where they go."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.media.addresses import WORDS, Addresses, known
from gateway.media.lines import DIGITS, NO_PAYLOAD, Lines
from gateway.media.outward import BEAT_MS, Payloads
from gateway.media.peers import Peers
from gateway.rtp import packet
from gateway.rtp.digits import Dialling, DigitsOut

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Outgoing:
    """Packets to be sent: each its row, its bytes, how many of them, and where to."""

    rows: Rows
    packets: Bytes
    lengths: npt.NDArray[np.int64]
    targets: Addresses

    def and_of(self, other: "Outgoing") -> "Outgoing":
        width = max(self.packets.shape[1], other.packets.shape[1])
        packets = np.zeros((len(self.rows) + len(other.rows), width), np.uint8)
        packets[: len(self.rows), : self.packets.shape[1]] = self.packets
        packets[len(self.rows) :, : other.packets.shape[1]] = other.packets
        return Outgoing(
            np.concatenate([self.rows, other.rows]),
            packets,
            np.concatenate([self.lengths, other.lengths]),
            np.concatenate([self.targets, other.targets]),
        )

    def only(self, chosen: Mask) -> "Outgoing":
        return Outgoing(self.rows[chosen], self.packets[chosen], self.lengths[chosen],
                        self.targets[chosen])  # fmt: skip


NOTHING = Outgoing(
    np.empty(0, np.int64),
    np.empty((0, packet.HEADER), np.uint8),
    np.empty(0, np.int64),
    np.empty((0, WORDS), np.uint64),
)


class Packing:
    def __init__(self, lines: Lines, peers: Peers) -> None:
        self._lines, self._peers = lines, peers
        self._digits = DigitsOut(lines.capacity)
        self._marker = np.ones(lines.capacity, bool)  # the next packet begins a talkspurt

    def forget(self, row: int) -> None:
        self._digits.forget(row)
        self._marker[row] = True

    def interrupt(self, rows: Rows) -> None:
        """Nothing was sent for a while."""
        self._marker[rows] = True

    def idle(self, rows: Rows) -> Mask:
        """Which are sending no digit."""
        return self._digits.idle(rows)

    def dial(self, rows: Rows) -> Dialling | None:
        """The digits that main has asked for, one after another; None: there are none."""
        lines, digits = self._lines, self._digits
        idle = digits.idle(rows)
        ready = rows[(lines["dialled"][rows] > lines["sent_digits"][rows]) & idle]
        if not len(ready) and idle.all():
            return None
        ready = ready[lines["speaks"][ready] == 1]
        event = lines["dial"][ready, lines["sent_digits"][ready] % DIGITS]
        digits.start(ready, event & 15, lines["timestamp"][ready])
        dialling = digits.step(rows, lines["digits_clock"][rows].astype(np.int64) // 50)
        lines["sent_digits"][rows] += dialling.done
        return dialling

    def pack(
        self, rows: Rows, speaks: Mask, payloads: Payloads, dialling: Dialling | None
    ) -> Outgoing:
        """Header and payload of every packet; a digit's takes the place of the row's sound."""
        lines, target = self._lines, self._peers.target
        if dialling:
            event = dialling.sends & (lines["digits_out"][rows] != NO_PAYLOAD)
            if event.any():
                payloads = payloads.instead(np.flatnonzero(event), dialling.payload[event])
        sends = speaks & known(target[rows])
        if not sends.all():
            payloads = payloads.only(sends[payloads.at])
        at, order, noise = payloads.at, payloads.order, payloads.comfort
        row = rows[at]
        types = lines["payload_out"][row]
        if np.count_nonzero(noise):
            types[noise] = lines["comfort_out"][row[noise]]
        marker = self._marker[row] & (order == 0) & ~noise
        timestamp = lines["timestamp"][row] + payloads.since
        if dialling:
            digit = event[at]
            types = np.where(digit, lines["digits_out"][row], types)
            marker = np.where(digit, dialling.marker[at], marker)
            timestamp = np.where(digit, dialling.timestamp[at], timestamp)
        packets = np.empty((len(at), packet.HEADER + payloads.octets.shape[1]), np.uint8)
        packet.write(packets, payload=types, marker=marker, timestamp=timestamp,
                     sequence=lines["sequence"][row] + order, ssrc=lines["ssrc"][row])  # fmt: skip
        packets[:, packet.HEADER :] = payloads.octets
        lengths = packet.HEADER + payloads.lengths

        # A row that collects sound for a longer packet is no silent one.
        self._marker[rows] |= ~sends | (lines["ptime_ms"][rows] <= BEAT_MS)
        self._marker[row] = noise
        np.add.at(lines["sequence"], row, np.uint16(1))
        np.add.at(lines["sent"], row, 1)
        np.add.at(lines["octets"], row, payloads.lengths)
        return Outgoing(row, packets, lengths, target[row])

    def pack_on(self, rows: Rows, payloads: Payloads) -> Outgoing:
        """The same of rows whose payloads are another row's peer's."""
        outgoing = self.pack(rows, np.ones(len(rows), bool), payloads, self.dial(rows))
        self._marker[rows] = False  # a lost packet begins no talkspurt
        return outgoing
