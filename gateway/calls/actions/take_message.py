"""The ``takeMessage`` tool: a beep, and then what the caller says is recorded until a silence, the
key #, the longest time or the call's end. The agent transcribes it meanwhile."""

import asyncio
import wave
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gateway.agent.messages import Action
from gateway.agent.row import KEYS
from gateway.calls.record import Taken
from gateway.media.lines import BEAT_S, DIGITS, FRAME, RATE, RING, VOICED

if TYPE_CHECKING:
    from gateway.calls.call import Call

NOTHING = np.zeros(0, np.int16)
LOOK_S = 0.1  # between two looks at the line
START_S = 10.0  # so long a caller may take to begin, if that is more than the silence


class Taking:
    """When a message is over. Told of every stretch of the line; ``why`` is empty until then."""

    def __init__(self, max_s: float, silence_s: float) -> None:
        self.why = ""
        self.seconds = 0.0
        self._max_s, self._silence_s = max_s, silence_s
        self._quiet_s = 0.0
        self._spoke = False

    def hear(self, voiced: list[bool], keys: str) -> None:
        """Frames of 20 ms, whether each has a voice, and the keys pressed meanwhile."""
        for voice in voiced:
            self.seconds += BEAT_S
            self._quiet_s = 0.0 if voice else self._quiet_s + BEAT_S
            self._spoke |= voice
        patience_s = self._silence_s if self._spoke else max(self._silence_s, START_S)
        if "#" in keys:
            self.why = "key"
        elif self._quiet_s >= patience_s:
            self.why = "silence" if self._spoke else "nothing was said"
        elif self.seconds >= self._max_s:
            self.why = "longest time"


async def take(call: "Call", action: Action) -> tuple[bool, str]:
    tool = next(tool for tool in call.brief.all_tools if tool.name == action.tool)
    if call.record.discreet:
        return False, "Nothing that is said in this call may be stored, so no message is taken."
    line, options = call.leg.line, tool.options
    lines, row = line.lines, line.row
    if options["beep"]:
        line.tone("beep")
        while line.playing and not line.parted:  # noqa: ASYNC110  # media tells nobody
            await asyncio.sleep(LOOK_S)
    number = len(call.record.taken) + 1
    path = f"recordings/{call.record.id}-message-{number}.wav"
    taken = Taken(action=action.action, path=path, at=datetime.now(UTC))
    call.record.taken.append(taken)
    taking = Taking(options["max_s"], options["silence_s"])
    sound: list[npt.NDArray[np.int16]] = []
    pressed = int(lines["digits"][row])
    with line.listen() as tap:
        while not taking.why:
            await asyncio.sleep(LOOK_S)
            if tap.ended or call.record.ended_reason:
                taking.why = "hang-up"
                break
            heard = tap.stereo()[:, 0]
            sound.append(heard.copy())
            beat, digits = int(lines["beat"][row]), int(lines["digits"][row])
            recent = np.arange(beat - len(heard) // FRAME, beat) % RING
            codes = lines["digit"][row, np.arange(pressed, digits) % DIGITS].tolist()
            pressed = digits
            voiced = (lines["speech"][row, recent] == VOICED).tolist()
            taking.hear(voiced, "".join(KEYS[c] for c in codes if c < len(KEYS)))
            taken.seconds = round(taking.seconds, 2)
    taken.ended_by = taking.why
    await asyncio.to_thread(_write, call.house.state_dir / path, np.concatenate([NOTHING, *sound]))
    call.happened("message_taken", seconds=taken.seconds, ended_by=taken.ended_by)
    return True, f"A message of {taken.seconds:.0f} s was recorded (ended by: {taken.ended_by})."


def _write(path: Path, sound: npt.NDArray[np.int16]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(sound.astype("<i2").tobytes())
    path.chmod(0o600)
