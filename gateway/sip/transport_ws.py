"""SIP over WebSocket (RFC 7118), the server's side: a message is one WebSocket message."""

from http import HTTPStatus
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from gateway.sip.message import Limits
from gateway.sip.stream import House, Stream

SIP = Subprotocol("sip")  # section 4: who does not offer it is not let in


class WebSocket(Stream):
    """The WebSocket protocol itself is the library's machine; a Stream carries its bytes."""

    def __init__(self, house: House, limits: Limits, **more: Any) -> None:
        super().__init__(house, limits, **more)
        # Compression would let a small frame grow to the limit; SIP messages are small anyway.
        self._machine = ServerProtocol(
            subprotocols=[SIP], select_subprotocol=_choose, max_size=limits.message, extensions=[]
        )
        self._parts: list[bytes] = []

    def opened(self) -> None:
        self.begun_at = self.heard_at  # until the handshake is done
        super().opened()

    def read(self, data: bytes) -> None:
        self._machine.receive_data(data)
        messages = []
        for event in self._machine.events_received():
            if isinstance(event, Request):
                self._machine.send_response(self._accept(event))
                self.begun_at = None
            elif isinstance(event, Frame) and event.opcode in (
                Opcode.TEXT, Opcode.BINARY, Opcode.CONT,
            ):  # fmt: skip
                self._parts.append(bytes(event.data))
                self.begun_at = self.begun_at or self.heard_at
                if event.fin:
                    messages.append(b"".join(self._parts))
                    self._parts, self.begun_at = [], None
        self._flush()
        for message in messages:
            self._house.received(message, self)

    def send(self, data: bytes) -> None:
        if self._machine.state is State.OPEN:
            self._send(data)
            self._flush()

    def close(self) -> None:
        if self._machine.state is State.OPEN:
            self._machine.send_close(1001)
            self._flush()
        super().close()

    def _send(self, data: bytes) -> None:
        try:
            data.decode()
        except UnicodeDecodeError:  # a body that is no text: section 5 allows either kind
            self._machine.send_binary(data)
        else:
            self._machine.send_text(data)

    def _accept(self, request: Request) -> Response:
        response = self._machine.accept(request)
        if response.status_code == 101 and self._machine.subprotocol != SIP:
            return self._machine.reject(HTTPStatus.BAD_REQUEST, "The subprotocol must be sip.\n")
        return response

    def _flush(self) -> None:
        for data in self._machine.data_to_send():
            if data:
                self.write(data)
            else:
                self._transport.close()  # the machine's word that nothing more will be sent


def _choose(_: ServerProtocol, offered: Any) -> Subprotocol | None:
    return SIP if SIP in offered else None
