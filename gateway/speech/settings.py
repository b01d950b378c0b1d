"""``[vendors.<name>]``: where each vendor is and which key opens it."""

from pydantic import BaseModel, ConfigDict, PrivateAttr, SecretStr

from gateway.fence import Fence


class VendorSettings(BaseModel):
    """One vendor. An unset ``base_url`` means the vendor's own cloud."""

    model_config = ConfigDict(extra="forbid")

    base_url: str | None = None
    api_key: SecretStr | None = None
    user: str | None = None  # whose key it is, where the vendor asks (PlayHT, MiniMax's group)
    region: str | None = None  # of the vendor's cloud, where its address depends on that (Azure)
    timeout_s: float = 10.0
    models: tuple[str, ...] = ()  # beside the documented ones, where those are enumerated (OpenAI)
    _fence: Fence = PrivateAttr(default_factory=Fence)

    @property
    def fence(self) -> Fence:
        """For a URL that an assistant names; unless it is given, only what is public is within."""
        return self._fence

    def behind(self, fence: Fence) -> "VendorSettings":
        self._fence = fence
        return self

    @property
    def key(self) -> str:
        return self.api_key.get_secret_value() if self.api_key else ""
