"""The whole configuration: ``config/gateway.toml``, then the environment, which wins.

Each package declares its own section; here they are only put together. A key ``[sip] listen``
is ``GATEWAY_SIP__LISTEN`` in the environment.
"""

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from gateway.agent.settings import AgentSettings
from gateway.api.settings import ApiSettings, ToolSettings, WebhookSettings
from gateway.archive.settings import RecordingSettings
from gateway.calls.settings import CallSettings
from gateway.errors import ConfigError
from gateway.fence import FenceSettings
from gateway.logs import LogSettings
from gateway.media.settings import MediaSettings, RtpSettings
from gateway.sip.defence_settings import DefenceSettings
from gateway.sip.registrar import RegistrarSettings
from gateway.sip.settings import SipSettings
from gateway.speech.settings import VendorSettings
from gateway.store.settings import StoreSettings
from gateway.telemetry.settings import TelemetrySettings
from gateway.trunks.settings import OutboundSettings, TrunkSettings

# The names that the vendors' own tools read, honoured where ours is not set.
USUAL_KEYS = {
    "openai": "OPENAI_API_KEY",
    "deepgram": "DEEPGRAM_API_KEY",
    "anthropic-bedrock": "AWS_BEARER_TOKEN_BEDROCK",
    "assembly-ai": "ASSEMBLYAI_API_KEY",
    "azure": "AZURE_SPEECH_KEY",
    "cartesia": "CARTESIA_API_KEY",
    "11labs": "ELEVENLABS_API_KEY",
    "gladia": "GLADIA_API_KEY",
    "google": "GEMINI_API_KEY",
    "soniox": "SONIOX_API_KEY",
    "speechmatics": "SPEECHMATICS_API_KEY",
    "talkscriber": "TALKSCRIBER_API_KEY",
    "xai": "XAI_API_KEY",
    "hume": "HUME_API_KEY",
    "inworld": "INWORLD_API_KEY",
    "lmnt": "LMNT_API_KEY",
    "minimax": "MINIMAX_API_KEY",
    "neuphonic": "NEUPHONIC_API_KEY",
    "playht": "PLAYHT_API_KEY",
    "rime-ai": "RIME_API_KEY",
    "smallest-ai": "SMALLEST_API_KEY",
}


# Vendors that are folders of models on this machine.
LOCAL = ("sherpa-onnx", "faster-whisper")


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="GATEWAY_",
        env_nested_delimiter="__",
        enable_decoding=False,  # a list is given as the section reads it, not as JSON
        extra="forbid",
    )

    state_dir: Path = Field(
        Path("state"), description="database, keys and recordings; made with mode 0700"
    )
    sip: SipSettings = Field(default_factory=SipSettings)
    outbound: OutboundSettings = Field(default_factory=OutboundSettings)
    registrar: RegistrarSettings = Field(default_factory=RegistrarSettings)
    defence: DefenceSettings = Field(default_factory=DefenceSettings)
    rtp: RtpSettings = Field(default_factory=RtpSettings)
    media: MediaSettings = Field(default_factory=MediaSettings)
    agents: AgentSettings = Field(default_factory=AgentSettings)
    calls: CallSettings = Field(default_factory=CallSettings)
    api: ApiSettings = Field(default_factory=ApiSettings)
    webhooks: WebhookSettings = Field(default_factory=WebhookSettings)
    tools: ToolSettings = Field(default_factory=ToolSettings)
    fence: FenceSettings = Field(default_factory=FenceSettings)
    recording: RecordingSettings = Field(default_factory=RecordingSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    telemetry: TelemetrySettings = Field(default_factory=TelemetrySettings)
    log: LogSettings = Field(default_factory=LogSettings)
    vendors: dict[str, VendorSettings] = Field(default_factory=dict)
    trunks: dict[str, TrunkSettings] = Field(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings  # the file is given as init values


def load(path: Path | None) -> Settings:
    """Read the file (if any) and the environment.

    Raises ConfigError with one line per wrong key, in the form it has in the file.
    """
    _refuse_unknown_sections()
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text())
        except FileNotFoundError:
            raise ConfigError(f"{path}: there is no such file") from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{path}: not valid TOML: {error}") from None
    try:
        settings = Settings(**values)
    except ValidationError as error:
        lines = [_explain(entry) for entry in error.errors()]
        raise ConfigError("\n".join([f"{path or 'environment'}:", *lines])) from None
    for vendor in LOCAL:
        known = settings.vendors.setdefault(vendor, VendorSettings())
        known.base_url = known.base_url or str(settings.state_dir.absolute() / "models")
    for vendor, name in USUAL_KEYS.items():
        if key := os.environ.get(name):
            known = settings.vendors.setdefault(vendor, VendorSettings())
            known.api_key = known.api_key or SecretStr(key)
    return settings


def _refuse_unknown_sections() -> None:
    """pydantic-settings looks only for names that it knows. Those without ``__`` are let be:
    Kubernetes sets GATEWAY_PORT for a service of the name ``gateway``."""
    for name in sorted(os.environ):
        section, nested, _ = name.lower().removeprefix("gateway_").partition("__")
        if name.upper().startswith("GATEWAY_") and nested and section not in Settings.model_fields:
            raise ConfigError(f"environment:\n  {name}: there is no section [{section}]")


def _explain(entry: Any) -> str:
    *section, key = (str(part) for part in entry["loc"])
    where = f"[{'.'.join(section)}] {key}" if section else key
    env = "GATEWAY_" + "__".join([*section, key]).upper()
    secret = "key" in key or "password" in str(entry)
    given = "a secret" if secret else repr(entry["input"])
    return f"  {where} (or {env}): {entry['msg']}; it is {given}"
