"""What Prometheus is told about the trunks, read when it asks."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.trunks.book import Trunks


class TrunkGauges(Collector):
    def __init__(self, trunks: Trunks) -> None:
        self._trunks = trunks

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily(
            "trunkline_trunk_gateway_up",
            "1 if calls are sent to this gateway of a trunk, 0 if it is down.",
            labels=["trunk", "gateway"],
        )
        registered = GaugeMetricFamily(
            "trunkline_trunk_registered",
            "1 if this trunk is registered with its registrar, 0 if it should be.",
            labels=["trunk"],
        )
        calls = GaugeMetricFamily(
            "trunkline_trunk_calls", "Calls by this trunk.", labels=["trunk", "direction"]
        )
        for trunk in self._trunks:
            for gateway in trunk.gateways:
                where = f"{gateway.host}:{gateway.settings.port or 5060}"
                up.add_metric([trunk.name, where], float(gateway.health.usable))
            if trunk.registration:
                registered.add_metric([trunk.name], float(trunk.registration.registered))
            calls.add_metric([trunk.name, "inbound"], trunk.inbound.used)
            calls.add_metric([trunk.name, "outbound"], trunk.outbound.used)
        yield from (up, registered, calls)
