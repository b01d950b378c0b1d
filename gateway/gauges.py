"""What Prometheus is told about the lines and the beat, read when it asks."""

import time
from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.agent.pool import Agents
from gateway.media.plane import Plane


class Gauges(Collector):
    """The other processes' figures, out of shared memory."""

    def __init__(self, plane: Plane, agents: Agents) -> None:
        self._plane = plane
        self._agents = agents

    def describe(self) -> Iterable[Metric]:
        return []  # or the registry would collect before the lines exist

    def collect(self) -> Iterable[Metric]:
        lines = self._plane.lines
        live = lines["live"] > 0

        def gauge(name: str, text: str, value: float) -> Metric:
            return GaugeMetricFamily(f"trunkline_{name}", text, value)

        def counter(name: str, text: str, value: float) -> Metric:
            return CounterMetricFamily(f"trunkline_{name}", text, value)

        yield gauge("lines", "Lines that exist: calls that could be held.", lines.capacity)
        yield gauge("lines_free", "Lines that could be taken now.", self._plane.free)
        yield counter("beats", "Beats of 20 ms since the start.", int(lines["beats"][0]))
        yield counter("beats_late", "Beats begun over 5 ms late.", int(lines["beats_late"][0]))
        yield counter("beats_missed", "Beats skipped altogether.", int(lines["beats_missed"][0]))
        yield counter(
            "beat_busy_seconds", "Time spent inside beats, of the media process.",
            float(lines["busy_s"][0]),
        )  # fmt: skip
        yield gauge(
            "beat_load_ratio", "Share of the last beats that was spent; see [media] budget.",
            float(lines["load"][0]),
        )  # fmt: skip
        yield gauge("lines_muted", "Lines that made the beat fail.", int(lines["muted"].sum()))
        yield gauge(
            "beat_age_seconds",
            "Time since the last beat; a beat takes 0.02 s.",
            max(0.0, time.monotonic() - float(lines["beats_at"][0])),
        )
        yield counter("media_restarts", "Media processes that died.", self._plane.restarts)
        for name, text in (
            ("received", "RTP packets taken, of the live lines."),
            ("sent", "RTP packets sent, of the live lines."),
            ("lost", "RTP packets that never came, of the live lines."),
            ("foreign", "Datagrams from elsewhere than the peer, of the live lines."),
            ("garbage", "Datagrams that were not what was agreed, of the live lines."),
        ):
            yield gauge(f"live_packets_{name}", text, int(lines[name][live].sum()))
        load = GaugeMetricFamily(
            "trunkline_agent_calls", "Calls held by each agent process.", labels=["process"]
        )
        for index, calls in enumerate(self._agents.load):
            load.add_metric([str(index)], calls)
        yield load
