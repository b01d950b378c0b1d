"""``[recording]``: what becomes of recordings."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from gateway.archive.bucket import Bucket


class RecordingSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: Literal["wav", "mp3", "opus"] = Field(
        "wav", description="of recordings, where the assistant does not say: WAV costs nothing but "
        "room, MP3 and Opus (in Ogg) are made after the call",
    )  # fmt: skip
    wait_s: float = Field(
        5.0, ge=0, le=60, description="how long the report of a call's end may wait for that, and "
        "for the bucket; it goes on after that",
    )  # fmt: skip
    keep_local: bool = Field(True, description="keep the files here when they are in a bucket")
    link_s: float = Field(
        86_400.0, ge=60, le=604_800, description="how long a presigned link to a bucket is valid"
    )
    bucket: str = Field("", description="an S3 bucket that recordings are put into; empty: none")
    endpoint: str = Field("", description="URL of its server; empty: Amazon's of that region")
    region: str = Field("us-east-1", description="its region")
    access_key_id: str = Field(
        "", description="its key; empty: AWS_ACCESS_KEY_ID, or the machine's own role"
    )
    secret_access_key: SecretStr | None = Field(None, description="and the key's secret")
    path: str = Field("", description="put before the names of the files in it")
    public_url: str = Field(
        "", description="where readers find what is in it; empty: the address in the bucket itself"
    )

    @model_validator(mode="after")
    def _whole(self) -> "RecordingSettings":
        if bool(self.access_key_id) != bool(self.secret_access_key):
            raise ValueError("access_key_id and secret_access_key belong together")
        return self

    @property
    def own_bucket(self) -> Bucket | None:
        if not self.bucket:
            return None
        return Bucket.s3(
            self.bucket,
            region=self.region,
            endpoint=self.endpoint,
            key=self.access_key_id,
            secret=self.secret_access_key.get_secret_value() if self.secret_access_key else "",
            path=self.path,
            public_url=self.public_url,
        )
