"""``[vendors.<name>]``: where each vendor is and which key opens it."""

from pydantic import BaseModel, ConfigDict, SecretStr


class VendorSettings(BaseModel):
    """One vendor. An unset ``base_url`` means the vendor's own cloud."""

    model_config = ConfigDict(extra="forbid")

    base_url: str | None = None
    api_key: SecretStr | None = None
    user: str | None = None  # whose key it is, where the vendor asks (PlayHT, MiniMax's group)
    region: str | None = None  # of the vendor's cloud, where its address depends on that (Azure)
    timeout_s: float = 10.0
    allowed: tuple[str, ...] = ()  # the gateway's own [fence], for a URL that an assistant names

    @property
    def key(self) -> str:
        return self.api_key.get_secret_value() if self.api_key else ""
