"""``[telemetry]``: where traces of calls are sent."""

import os

from pydantic import BaseModel, ConfigDict, Field


class TelemetrySettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    otlp_endpoint: str = Field(
        "", description="an OTLP/HTTP collector, http://host:4318; empty: OTEL_EXPORTER_OTLP_*"
    )
    service: str = Field("trunkline", min_length=1, description="how the gateway names itself")

    @property
    def on(self) -> bool:
        """Whether there is anywhere to send traces to."""
        names = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        return bool(self.otlp_endpoint or any(os.environ.get(name) for name in names))
