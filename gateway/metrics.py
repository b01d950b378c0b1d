"""Prometheus metrics: the registry, and the buckets that durations share.

Each package declares its own metrics on ``REGISTRY``, with HELP text and a unit in the name
(``_seconds``, ``_total``, ``_bytes``). Only ``main`` is scraped; the other processes report
through shared memory or messages.
"""

from prometheus_client import CollectorRegistry

REGISTRY = CollectorRegistry()

# From one RTP packet to a caller who gives up waiting.
SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
