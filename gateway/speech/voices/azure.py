"""Azure AI Speech, by SSML over HTTP; ``microsoft`` is the same with styles and roles.

https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech
"""

import re
from typing import ClassVar
from xml.sax.saxutils import escape, quoteattr

from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import Fault
from gateway.speech.settings import VendorSettings
from gateway.speech.voice_dialect import Post, PostedVoice

SHORT = {"andrew": "en-US-AndrewMultilingualNeural", "brian": "en-US-BrianMultilingualNeural",
         "emma": "en-US-EmmaMultilingualNeural"}  # fmt: skip
TAGS = ("break", "emphasis", "lang", "phoneme", "prosody", "s", "say-as", "sub")
_TAG = re.compile(r"(</?[A-Za-z][^<>]*>)")
_LANGUAGE = re.compile(r"[a-z]{2,3}-(?:[A-Z][a-z]{3}-)?[A-Z]{2}(?=-)")
_SSML = (
    '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" '
    'xmlns:mstts="http://www.w3.org/2001/mstts" xml:lang={language}>'
    "<voice name={voice}>{text}</voice></speak>"
)


class Options(BaseModel):
    """``options``: a voice's short name, its rate, its way of speaking."""

    model_config = ConfigDict(extra="forbid")

    voice: str = "andrew"
    speed: float | None = Field(None, ge=0.5, le=2)
    style: str | None = None
    style_degree: float | None = Field(None, ge=0.01, le=2)
    role: str | None = None


class Azure(PostedVoice):
    vendor: ClassVar[str] = "azure"

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings)
        self._options, self._tag = options, tag
        self.tags = TAGS

    def post(self, text: str) -> Post:
        key, region = self.key, self.settings.region
        if not (region or self.settings.base_url):
            raise self.failure(Fault.OURS, f"set region (or base_url) in [vendors.{self.vendor}]")
        url = self.url("/cognitiveservices/v1")
        if not self.settings.base_url:
            url = f"https://{region}.tts.speech.microsoft.com{url}"
        headers = {
            "Ocp-Apim-Subscription-Key": key,
            "Content-Type": "application/ssml+xml",
            "X-Microsoft-OutputFormat": "raw-16khz-16bit-mono-pcm",
            "User-Agent": "Trunkline",
            "X-ClientTraceId": self._tag,
        }
        return Post(url, headers, self._ssml(text))

    def _ssml(self, text: str) -> str:
        options = self._options
        pieces = _TAG.split(text)  # what the text has of tags is for us: see ``tags``
        inner = "".join(p if n % 2 else escape(p) for n, p in enumerate(pieces))
        if options.speed is not None:
            inner = f'<prosody rate="{(options.speed - 1) * 100:+.0f}%">{inner}</prosody>'
        express = {"style": options.style, "styledegree": options.style_degree,
                   "role": options.role}  # fmt: skip
        said = "".join(f" {n}={quoteattr(str(v))}" for n, v in express.items() if v is not None)
        if options.style or options.role:
            inner = f"<mstts:express-as{said}>{inner}</mstts:express-as>"
        voice = SHORT.get(options.voice.lower(), options.voice)
        language = _LANGUAGE.match(voice)
        return _SSML.format(
            language=quoteattr(language[0] if language else "en-US"),
            voice=quoteattr(voice),
            text=inner,
        )


class Microsoft(Azure):
    vendor: ClassVar[str] = "microsoft"
