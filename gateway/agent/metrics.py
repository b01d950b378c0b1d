"""What Prometheus is told about the agents, by main."""

from prometheus_client import Counter

from gateway.metrics import REGISTRY

VOICE_CACHE = Counter(
    "trunkline_voice_cache",
    "Texts for a voice with caching, by whether their sound was known (hit) or not (miss).",
    ["result"],
    registry=REGISTRY,
)
