"""TERM: finish what runs, then leave. INT, or a second TERM: leave now."""

import asyncio
import signal


class Signals:
    """``leave`` is set by either, ``now`` when nothing is to be waited for."""

    def __init__(self) -> None:
        self.leave = asyncio.Event()
        self.now = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_signal_handler(signal.SIGTERM, self._term)
        self._loop.add_signal_handler(signal.SIGINT, self._int)

    def _term(self) -> None:
        if self.leave.is_set():
            self.now.set()
        self.leave.set()

    def _int(self) -> None:
        self.leave.set()
        self.now.set()

    def close(self) -> None:
        self._loop.remove_signal_handler(signal.SIGTERM)
        self._loop.remove_signal_handler(signal.SIGINT)
