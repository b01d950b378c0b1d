"""``[defence]``: how much a stranger may ask of the gateway."""

from pydantic import BaseModel, ConfigDict, Field

from gateway.listed import Networks, Texts


class DefenceSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    exempt: Networks = Field(
        default_factory=lambda: ["127.0.0.1", "::1"],
        description="addresses and networks without limits, as those of trunks are",
    )
    packets_per_second: float = Field(200.0, ge=0, description="from one stranger; 0: no limit")
    requests_per_second: float = Field(20.0, ge=0)
    invites_per_second: float = Field(5.0, ge=0)
    dialogs_per_source: int = Field(30, ge=0)
    all_packets_per_second: float = Field(5_000.0, ge=0, description="from all strangers together")
    all_requests_per_second: float = Field(500.0, ge=0)
    all_invites_per_second: float = Field(50.0, ge=0)
    transactions: int = Field(20_000, ge=0, description="open at once; then strangers wait")
    connections_per_source: int = Field(20, ge=0, description="open TCP connections")
    scanners: Texts = Field(
        default_factory=lambda: [
            "friendly-scanner", "sipvicious", "sipcli", "sip-scan", "sipsak", "sundayddr",
            "vaxsipuseragent", "pplsip", "smap", "iwar", "sipv", "siparmyknife", "gulp",
        ],
        description="parts of a User-Agent at which the sender is banned at once",
    )  # fmt: skip
    failures: float = Field(10.0, gt=0, description="401, 403, 404 within ban_window_s")
    ban_window_s: float = Field(60.0, gt=0)
    ban_s: float = Field(60.0, gt=0, description="the first ban; each next one is twice as long")
    ban_most_s: float = Field(86_400.0, gt=0)
