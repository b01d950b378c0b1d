"""What main itself hears on a line: keys, and whether somebody speaks. Read now and then from
shared memory, where it is announced to nobody."""

from gateway.agent.row import KEYS
from gateway.media.line import Line
from gateway.media.lines import BEAT_S, DIGITS, NO_PAYLOAD, RING, VOICED

SPOKEN_S = 0.2  # of voice that are somebody speaking
PAUSE_S = 0.7  # of silence after which they have finished


class Attention:
    """From now on, until ``close``: meanwhile the line is decoded though no agent hears it."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._keys = int(line.lines["digits"][line.row])
        self._beat = int(line.lines["beat"][line.row])
        self._voice_s = self._quiet_s = 0.0
        self._open = True
        line.followers(1)

    def pressed(self) -> str:
        """Those pressed since the last call."""
        lines, row = self._line.lines, self._line.row
        end = int(lines["digits"][row])
        first, self._keys = max(self._keys, end - DIGITS), end
        codes = [int(lines["digit"][row, n % DIGITS]) for n in range(first, end)]
        return "".join(KEYS[code] for code in codes if code < len(KEYS))

    def spoke(self) -> bool:
        """Somebody has spoken, and paused. To be asked at least every 1.8 s."""
        lines, row = self._line.lines, self._line.row
        end = int(lines["beat"][row])
        for beat in range(max(self._beat, end - RING + 1), end):
            if lines["speech"][row, beat % RING] == VOICED:
                self._voice_s, self._quiet_s = self._voice_s + BEAT_S, 0.0
            else:
                self._quiet_s += BEAT_S
        self._beat = end
        return self._voice_s >= SPOKEN_S and self._quiet_s >= PAUSE_S

    @property
    def events(self) -> bool:
        """Keys come as events, which a bridge does not carry; as tones, it does."""
        return bool(self._line.lines["digits_in"][self._line.row] != NO_PAYLOAD)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._line.followers(-1)
