"""A bucket, whoever keeps it, and what is in it. The work is done by ``obstore`` (the extra
``s3``), in a process of its own: see ``put``."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from gateway.errors import GatewayError

_AT_ONCE_S = 60.0  # for one file, retries of a second or two included
_PATIENCE: dict[str, Any] = {
    "client_options": {"connect_timeout": "5s", "timeout": "60s", "allow_http": True},
    "retry_config": {"max_retries": 2, "retry_timeout": timedelta(seconds=_AT_ONCE_S)},
}


class StorageError(GatewayError):
    """A bucket did not take a file; ``str()`` says which and why, without any secret."""


class Stored(BaseModel):
    """Where a recording lies, by party: stereo, mono, assistant, customer."""

    bucket: str
    urls: dict[str, str]  # as they are, or as [recording] public_url has them
    presigned: dict[str, str] = Field(default_factory=dict)  # for whoever has the link
    expires_at: datetime


@dataclass(frozen=True)
class Bucket:
    """``options`` are obstore's; ``url`` is where ``name`` can be read, without a / at its end."""

    kind: Literal["s3", "gcs", "azure"]
    name: str
    url: str
    path: str = ""
    options: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def s3(
        cls, name: str, *, region: str = "us-east-1", endpoint: str = "", key: str = "",
        secret: str = "", path: str = "", public_url: str = "",
    ) -> "Bucket":  # fmt: skip
        """One of Amazon's, or of whoever speaks S3 at ``endpoint``. No key: the environment's."""
        endpoint = endpoint.rstrip("/")
        options: dict[str, Any] = {"region": region or "us-east-1"}
        if key:
            options |= {"access_key_id": key, "secret_access_key": secret}
        if endpoint:  # the name in the path: few private servers have a host name for each bucket
            options |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
            url = f"{endpoint}/{name}"
        else:
            url = f"https://{name}.s3.{options['region']}.amazonaws.com"
        return cls("s3", name, (public_url or url).rstrip("/"), path, options)

    async def put(self, files: dict[str, tuple[Path, str]], link_s: float) -> Stored:
        """Store a file, with its media type, for each party. Raises StorageError; then some may be
        there already, which does no harm. FileNotFoundError: it is not there to be stored."""
        obstore = _obstore()
        stored = Stored(
            bucket=self.name, urls={}, expires_at=datetime.now(UTC) + timedelta(seconds=link_s)
        )
        try:
            store = self._open()
            for party, (path, media_type) in files.items():
                key = "/".join(filter(None, [self.path.strip("/"), path.name]))
                attributes = {"Content-Type": media_type}
                await obstore.put_async(store, key, path, attributes=attributes)
                stored.urls[party] = f"{self.url}/{key}"
                stored.presigned[party] = await obstore.sign_async(
                    store, "GET", key, timedelta(seconds=link_s)
                )
        except FileNotFoundError as error:
            if any(not path.is_file() for path, _ in files.values()):
                raise
            raise StorageError(f"bucket {self.name}: {_short(error)}") from None
        except Exception as error:  # obstore's, Rust's, and those of half a configuration
            raise StorageError(f"bucket {self.name}: {_short(error)}") from None
        return stored

    def _open(self) -> Any:
        store = _obstore().store
        match self.kind:
            case "s3":
                return store.S3Store(self.name, config=self.options, **_PATIENCE)
            case "gcs":
                return store.GCSStore(self.name, config=self.options, **_PATIENCE)
            case "azure":
                return store.AzureStore(self.name, config=self.options, **_PATIENCE)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _obstore() -> Any:
    try:
        import obstore
        import obstore.store
    except ImportError:
        raise StorageError("to store recordings, install the extra s3 (obstore)") from None
    return obstore
