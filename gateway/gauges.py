"""What Prometheus is told about the lines and the beat, read when it asks."""

import time
from collections.abc import Iterable

import numpy as np
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
        yield from self._beats()
        yield gauge("lines_muted", "Lines that made the beat fail.", int(lines["muted"].sum()))
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
        for name, text, values in (
            ("agent_cpu_ratio", "Share of a core that each agent process used in its last second.",
             [one.cpu for one in self._agents.loads]),
            ("agent_lag_seconds", "How late each agent process's loop is; see [agents] lag_ms.",
             [one.lag_s for one in self._agents.loads]),
            ("agent_lagging", "1 while an agent process is given no new calls, because it lags.",
             [float(one.lagging) for one in self._agents.loads]),
        ):  # fmt: skip
            family = GaugeMetricFamily(f"trunkline_{name}", text, labels=["process"])
            for index, value in enumerate(values):
                family.add_metric([str(index)], value)
            yield family
        yield counter(
            "agents_overloaded", "Calls refused because every agent process lagged.",
            self._agents.refused,
        )  # fmt: skip
        yield counter(
            "agent_restarts", "Agent processes that died and were replaced.", self._agents.restarts
        )

    def _beats(self) -> Iterable[Metric]:
        """Of each process that beats."""
        lines, processes = self._plane.lines, range(self._plane.processes)
        live = np.bincount(lines["beater"][lines["live"] > 0], minlength=len(processes))
        age_s = np.maximum(time.monotonic() - lines["beats_at"], 0.0)
        for kind, name, text, values in (
            (CounterMetricFamily, "beats", "Beats of 20 ms since the start.", lines["beats"]),
            (CounterMetricFamily, "beats_late", "Beats begun over 5 ms late.", lines["beats_late"]),
            (CounterMetricFamily, "beats_missed", "Beats skipped altogether.",
             lines["beats_missed"]),
            (CounterMetricFamily, "beat_busy_seconds", "Time spent inside beats.", lines["busy_s"]),
            (GaugeMetricFamily, "beat_load_ratio",
             "Share of the last beats that was spent; see [media] budget.", lines["load"]),
            (GaugeMetricFamily, "beat_age_seconds",
             "Time since the last beat; a beat takes 0.02 s.", age_s),
            (GaugeMetricFamily, "beat_lines", "Live lines of the process.", live),
        ):  # fmt: skip
            family = kind(f"trunkline_{name}", text, labels=["process"])
            for process in processes:
                family.add_metric([str(process)], float(values[process]))
            yield family
