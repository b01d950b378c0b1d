"""``[api]``: where the REST API listens, and which key opens it."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator

AT_ONCE = 4
MOST_WAITING = 1000


def _web_url(text: str) -> str:
    url = urlsplit(text)  # ValueError: brackets or a port that are none
    if text and (url.scheme not in ("http", "https") or not url.hostname or url.port == 0):
        raise ValueError("must be an http or https URL with a host, e.g. https://example.org/hook")
    return text


WebUrl = Annotated[str, AfterValidator(_web_url)]  # or empty


class ApiSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    listen: str = Field("0.0.0.0:8080", description="address:port of the API, /metrics and /docs")
    key: SecretStr | None = Field(
        None, description="the bearer key; unset: made at the first start, in <state_dir>/api.key"
    )
    public_url: WebUrl = Field(
        "",
        description="how clients reach the API, e.g. https://voice.example.org: the beginning of "
        "links in webhooks; empty: http:// and the listening address",
    )

    default_model: str = Field(
        "",
        description="who thinks for model.provider vapi, as vendor/model; empty: the first of "
        "OpenAI, Anthropic, Google, Groq, Mistral and xAI that has a key",
    )

    at_once: int = Field(
        AT_ONCE, ge=1, description="requests worked on at once; the others wait in line"
    )
    most_waiting: int = Field(
        MOST_WAITING, ge=1, description="requests in line; beyond, they are answered 503"
    )

    @field_validator("listen")
    @classmethod
    def _address_and_port(cls, listen: str) -> str:
        split_address(listen)
        return listen

    @property
    def address(self) -> tuple[str, int]:
        return split_address(self.listen)

    @property
    def link_url(self) -> str:
        """The beginning of links that leave the machine, without a slash at its end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host, port = self.address
        host = "localhost" if host in ("0.0.0.0", "::", "") else host
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class ToolSettings(BaseModel):
    """``[tools]``: what assistants' tools may do on this machine."""

    model_config = ConfigDict(extra="forbid")

    code: bool = Field(False, description="run the code of code tools, each in a sandbox")
    code_network: bool = Field(False, description="that code may use the network, unfenced")


class WebhookSettings(BaseModel):
    """``[webhooks]``: server messages of calls whose assistant and number name no server."""

    model_config = ConfigDict(extra="forbid")

    url: WebUrl = Field("", description="where they go; empty: nowhere")
    secret: SecretStr = Field(SecretStr(""), description="sent as X-Vapi-Secret")
    credential_id: str = Field("", description="a stored webhook credential to sign with")

    @property
    def server(self) -> dict[str, Any]:
        """As the documented Server object."""
        return {
            "url": self.url,
            "secret": self.secret.get_secret_value(),
            "credentialId": self.credential_id,
        }


def split_address(listen: str) -> tuple[str, int]:
    """``0.0.0.0:8080`` or ``[::]:8080``; ValueError says what is wrong with anything else."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("must be address:port, e.g. 0.0.0.0:8080 or [::]:8080")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise ValueError("an IPv6 address needs brackets, e.g. [::]:8080")
    return host.strip("[]"), int(port)
