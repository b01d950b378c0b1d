"""``[trunks.<name>]``, ``[outbound]``: who calls come from, who they go to, and what is allowed."""

from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from gateway.listed import Networks, Texts
from gateway.trunks.numbers import Rule


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GatewaySettings(_Section):
    """One machine of the other side, that calls are sent to."""

    host: str = Field(min_length=1, description="an address or a name")
    port: int | None = Field(None, ge=1, le=65_535, description="unset: 5060, or what DNS says")
    transport: Literal["udp", "tcp", "tls"] = "udp"
    priority: int = Field(0, ge=0, description="the lowest that works is used")
    weight: int = Field(1, ge=0, description="its share among those of the same priority")
    inbound: bool = Field(True, description="whether its calls are the trunk's, too")


class TrunkSettings(_Section):
    gateways: list[GatewaySettings] = Field(
        default_factory=list, description="where calls go to; none: calls only come from there"
    )
    addresses: Networks = Field(
        default_factory=list, description="where its calls come from: addresses and networks"
    )
    domain: str = Field("", description="in the URIs we send; empty: the gateway's host")
    username: str = Field("", description="by which we prove who we are to its gateways")
    password: SecretStr | None = None
    register_: bool = Field(
        False, alias="register", description="register with the gateways as an extension"
    )
    expires_s: int = Field(3600, ge=60, le=86_400, description="of a registration, as we ask for")
    inbound_username: str = Field(
        "", description="who proves by digest to be this trunk may call from any address"
    )
    inbound_password: SecretStr | None = None
    options_s: float = Field(30.0, ge=0, description="between two OPTIONS; 0: none are sent")
    down_after: int = Field(3, ge=1, description="failures in a row")
    up_after: int = Field(2, ge=1, description="successes in a row")
    failover_s: float = Field(
        6.0, gt=0, le=32, description="without any answer, then the next gateway is tried"
    )
    numbers_in: Texts = Field(default_factory=lambda: ["*"])
    numbers_out: Texts = Field(default_factory=lambda: ["*"])
    rewrite_in: list[Rule] = Field(default_factory=list)
    rewrite_out: list[Rule] = Field(default_factory=list)
    caller: str = Field("", description="the number shown where a call brings none that may be")
    callers: Texts = Field(default_factory=lambda: ["*"], description="numbers we may show")
    identity: Literal["from", "pai", "account"] = "from"
    trust_identity: bool = Field(False, description="take the caller from P-Asserted-Identity")
    codecs: Texts = Field(default_factory=lambda: ["PCMU", "PCMA"])
    channels_in: int = Field(0, ge=0, description="calls at once; 0: no limit of its own")
    channels_out: int = Field(0, ge=0)
    calls_per_second_in: float = Field(0.0, ge=0)
    calls_per_second_out: float = Field(0.0, ge=0)
    headers: dict[str, str] = Field(default_factory=dict, description="sent with every INVITE")
    expose: Texts = Field(default_factory=lambda: ["X-*"], description="headers made variables")
    dtmf: Literal["auto", "rfc4733", "info", "inband"] = "auto"
    srtp: Literal["off", "optional", "required"] = "off"
    dtx: bool = Field(False, description="both sides may send nothing in silence (RFC 3389)")
    messages: bool = Field(False, description="texts go by it, as SIP MESSAGE (RFC 3428)")
    refer: bool = Field(False, description="obey a REFER of the other side")

    @field_validator("codecs")
    @classmethod
    def _known_codecs(cls, value: list[str]) -> list[str]:
        if not value:
            raise ValueError("name at least one codec")
        return [name.upper() if name.lower() != "opus" else "opus" for name in value]

    @field_validator("headers")
    @classmethod
    def _sane_headers(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if name.lower() in _OURS or not name.replace("-", "").isalnum():
                raise ValueError(f"{name!r} is no header that can be added")
            if not text.isprintable():
                raise ValueError(f"the value of {name} has control characters")
        return value

    @model_validator(mode="after")
    def _makes_sense(self) -> "TrunkSettings":
        if self.register_ and not (self.gateways and self.username):
            raise ValueError("register needs gateways and a username")
        if self.register_ and self.password is None:
            raise ValueError("register needs a password")
        if bool(self.inbound_username) != (self.inbound_password is not None):
            raise ValueError("inbound_username and inbound_password go together")
        if not (self.gateways or self.addresses or self.inbound_username):
            raise ValueError("name gateways, addresses or an inbound_username")
        return self


# What the gateway writes itself: another value of these would break the call, or tell a lie.
_OURS = {
    "via", "from", "to", "call-id", "cseq", "contact", "max-forwards", "content-length",
    "content-type", "route", "record-route", "authorization", "proxy-authorization",
}  # fmt: skip


class OutboundSettings(_Section):
    trunk: str = Field("", description="for calls that name none; empty: the only one there is")
    numbers: Texts = Field(
        default_factory=list, description="patterns of the numbers that may be called at all"
    )
    domains: Texts = Field(
        default_factory=lambda: ["*"], description="hosts of the SIP URIs that may be called"
    )
    calls_per_minute: int = Field(60, ge=0, description="through all trunks; 0: no limit")
    minutes_per_day: int = Field(0, ge=0, description="in any 24 hours; 0: no limit")
