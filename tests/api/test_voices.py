"""Voices of the API, field by field, as the request or the frames that they become."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.agent.brief import Choice
from gateway.api.briefs import from_assistant
from gateway.api.unusable import Unusable
from gateway.api.voices import SPEAKING
from gateway.speech.choosing import made
from gateway.speech.settings import VendorSettings
from gateway.speech.speaking import ROWS, VENDORS
from gateway.speech.voice_dialect import PostedVoice, SocketVoice

SCRIPT = {"start": "a", "states": {"a": {}}}


def brief(voice: Mapping[str, Any]) -> Any:
    model = {"provider": "script", "model": "script", "script": SCRIPT}
    return from_assistant({"model": model, "voice": dict(voice)})


def dialect(choice: Choice) -> Any:
    settings = VendorSettings(api_key=SecretStr("k"), region="here", user="me")
    return made(ROWS[choice.vendor], choice.vendor, choice.model, choice.options, settings, "tag")


def asked(**voice: Any) -> str:
    """All that the vendor would be sent for one text, in one line."""
    one = dialect(brief(voice).speaking)
    if isinstance(one, PostedVoice):
        post = one.post("Hello")
        body = post.body if isinstance(post.body, str) else json.dumps(post.body)
        return " ".join([post.url, json.dumps(post.headers), body])
    assert isinstance(one, SocketVoice)
    dial = one.dial()
    return " ".join([dial.url, json.dumps(dial.headers), *map(str, one.say("c", "Hello"))])


def test_the_tables_name_the_same_vendors() -> None:
    assert set(SPEAKING) == set(VENDORS)


@pytest.mark.parametrize(
    ("voice", "sent"),
    [
        (
            {
                "provider": "11labs", "voiceId": "v1", "model": "eleven_turbo_v2_5",
                "language": "de", "stability": 0.4, "similarityBoost": 0.6, "style": 0.1,
                "useSpeakerBoost": True, "speed": 1.1, "optimizeStreamingLatency": 4,
                "enableSsmlParsing": True, "autoMode": True,
                "pronunciationDictionaryLocators": [
                    {"pronunciationDictionaryId": "d1", "versionId": "v2"}
                ],
            },
            ["wss://api.elevenlabs.io/v1/text-to-speech/v1/multi-stream-input?",
             "model_id=eleven_turbo_v2_5", "language_code=de", "optimize_streaming_latency=4",
             "enable_ssml_parsing=true", "auto_mode=true", '"xi-api-key": "k"',
             '"stability":0.4', '"similarity_boost":0.6', '"style":0.1',
             '"use_speaker_boost":true', '"speed":1.1',
             '[{"pronunciation_dictionary_id":"d1","version_id":"v2"}]', '"flush":true'],
        ),
        (
            {"provider": "11labs", "voiceId": "v1", "model": "eleven_v3", "stability": 0.5},
            ["https://api.elevenlabs.io/v1/text-to-speech/v1/stream?output_format=pcm_16000",
             '"model_id": "eleven_v3"', '"voice_settings": {"stability": 0.5}'],
        ),
        (
            {"provider": "azure", "voiceId": "emma", "speed": 1.2},
            ["https://here.tts.speech.microsoft.com/cognitiveservices/v1",
             '<voice name="en-US-EmmaMultilingualNeural"><prosody rate="+20%">Hello</prosody>'],
        ),
        (
            {"provider": "microsoft", "voiceId": "de-DE-Mia:MAI-Voice-2", "style": "cheerful",
             "styleDegree": 1.5, "role": "Girl"},
            ['xml:lang="de-DE"', '<mstts:express-as style="cheerful" styledegree="1.5" '
             'role="Girl">Hello</mstts:express-as>', 'name="de-DE-Mia:MAI-Voice-2"'],
        ),
        (
            {"provider": "cartesia", "voiceId": "v1", "model": "sonic-3", "language": "fr",
             "generationConfig": {"speed": 1.2, "volume": 0.8,
                                  "experimental": {"accentLocalization": 1}},
             "pronunciationDictId": "p1"},
            ["wss://api.cartesia.ai/tts/websocket", '"model_id":"sonic-3"', '"language":"fr"',
             '"generation_config":{"speed":1.2,"volume":0.8,"experimental":'
             '{"accent_localization":1}}', '"pronunciation_dict_id":"p1"',
             '"add_timestamps":true', '"Cartesia-Version": "2025-04-16"'],
        ),
        (
            {"provider": "cartesia", "voiceId": "v1", "model": "sonic-2",
             "experimentalControls": {"speed": "fast", "emotion": "anger:low"}},
            ['"__experimental_controls":{"speed":"fast","emotion":["anger:low"]}',
             '"Cartesia-Version": "2024-11-13"'],
        ),
        (
            {"provider": "custom-voice", "voiceId": "mine",
             "server": {"url": "https://a.example/tts", "secret": "s3", "timeoutSeconds": 7,
                        "headers": {"X-Mine": "1"}}},
            [],
        ),
        (
            {"provider": "hume", "voiceId": "v1", "model": "octave2", "isCustomHumeVoice": True,
             "description": "warm"},
            ["https://api.hume.ai/v0/tts/stream/json", '"provider": "CUSTOM_VOICE"',
             '"description": "warm"', '"version": "2"', '"X-Hume-Api-Key": "k"'],
        ),
        (
            {"provider": "inworld", "voiceId": "Hades", "model": "inworld-tts-1",
             "languageCode": "ko", "temperature": 0.9, "speakingRate": 1.25},
            ["https://api.inworld.ai/tts/v1/voice:stream", '"voiceId": "Hades"',
             '"languageCode": "ko"', '"temperature": 0.9', '"speakingRate": 1.25', "Basic k"],
        ),
        (
            {"provider": "lmnt", "voiceId": "leah", "speed": 1.5, "language": "es"},
            ["https://api.lmnt.com/v1/ai/speech/bytes", '"voice": "leah"', '"speed": 1.5',
             '"language": "es"', '"X-API-Key": "k"'],
        ),
        (
            {"provider": "minimax", "voiceId": "v1", "model": "speech-02-hd", "emotion": "happy",
             "pitch": 2, "speed": 1.1, "volume": 1.5, "region": "china",
             "languageBoost": "German", "textNormalizationEnabled": False},
            ["https://api.minimaxi.com/v1/t2a_v2?GroupId=me", '"emotion": "happy"', '"pitch": 2',
             '"speed": 1.1', '"vol": 1.5', '"language_boost": "German"',
             '"text_normalization": false', '"model": "speech-02-hd"'],
        ),
        (
            {"provider": "neuphonic", "voiceId": "v1", "model": "neu_hq", "language": "nl",
             "speed": 1.3},
            ["https://api.neuphonic.com/sse/speak/nl", '"model": "neu_hq"', '"speed": 1.3'],
        ),
        (
            {"provider": "playht", "voiceId": "ruby", "model": "Play3.0-mini", "speed": 0.9,
             "temperature": 0.5, "emotion": "female_happy", "voiceGuidance": 2,
             "styleGuidance": 12, "textGuidance": 1.5, "language": "english"},
            ["https://api.play.ht/api/v2/tts/stream", '"voice_engine": "Play3.0-mini"',
             '"speed": 0.9', '"temperature": 0.5', '"emotion": "female_happy"',
             '"voice_guidance": 2', '"style_guidance": 12', '"text_guidance": 1.5',
             '"language": "english"', '"X-User-Id": "me"'],
        ),
        (
            {"provider": "rime-ai", "voiceId": "cove", "model": "mistv2", "speed": 1.25,
             "pauseBetweenBrackets": True, "phonemizeBetweenBrackets": True,
             "reduceLatency": True, "inlineSpeedAlpha": "0.5, 3", "language": "de"},
            ["https://users.rime.ai/v1/rime-tts", '"speaker": "cove"', '"speedAlpha": 0.8',
             '"pauseBetweenBrackets": true', '"phonemizeBetweenBrackets": true',
             '"reduceLatency": true', '"inlineSpeedAlpha": "0.5, 3"', '"lang": "ger"'],
        ),
        (
            {"provider": "smallest-ai", "voiceId": "raj", "model": "lightning", "speed": 1.1},
            ["https://waves-api.smallest.ai/api/v1/lightning/get_speech", '"voice_id": "raj"',
             '"speed": 1.1'],
        ),
        (
            {"provider": "xai", "voiceId": "rex", "language": "en", "speed": 1.2},
            ["https://api.x.ai/v1/tts", '"voice_id": "rex"', '"speed": 1.2'],
        ),
    ],
    ids=lambda v: v["provider"] if isinstance(v, dict) else None,
)  # fmt: skip
def test_every_field_arrives(voice: dict[str, Any], sent: list[str]) -> None:
    if voice["provider"] == "custom-voice":
        choice = brief(voice).speaking
        assert choice.options.pop("timeout_s") == 7
        post = dialect(choice).post("Hello")
        message = json.loads(post.body)["message"]
        assert (post.url, post.headers["X-Vapi-Secret"]) == ("https://a.example/tts", "s3")
        assert (post.headers["X-Mine"], message["voiceId"]) == ("1", "mine")
        assert (message["type"], message["sampleRate"]) == ("voice-request", 16_000)
        return
    request = asked(**voice)
    for piece in sent:
        assert piece in request


@pytest.mark.parametrize("provider", ["sesame", "tavus", "wellsaid"])
def test_what_cannot_be_spoken_is_refused_by_name(provider: str) -> None:
    with pytest.raises(Unusable, match=f"voice.provider {provider} is not available"):
        brief({"provider": provider, "voiceId": "v"})


def test_the_services_own_voice_is_the_operators_choice() -> None:
    assert brief({"provider": "vapi", "voiceId": "Elliot"}).speaking.vendor == "embedded"


def test_substitutes_are_those_of_the_plan_that_are_here() -> None:
    voices = [
        {"provider": "sesame", "voiceId": "s"},
        {"provider": "cartesia", "voiceId": "c", "cachingEnabled": False},
        {"provider": "openai", "voiceId": "alloy"},
    ]
    plan: Any = {"provider": "11labs", "voiceId": "v", "fallbackPlan": {"voices": voices}}
    found = brief(plan).speaking_substitutes
    assert [choice.vendor for choice in found] == ["cartesia", "openai"]
    assert found[0].options == {"voice": "c", "caching": False}
    assert not brief(plan).fastest_voice_first
    plan["fallbackPlan"]["order"] = "fastest"
    assert brief(plan).fastest_voice_first
