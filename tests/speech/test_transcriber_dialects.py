"""The transcribers' dialects without a socket: what is asked for, and what each frame means."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from gateway.errors import Fault, VendorError
from gateway.speech.contract import Heard
from gateway.speech.dialect import Dialect, Pieces
from gateway.speech.hearing import ROWS
from gateway.speech.settings import VendorSettings
from gateway.speech.transcribers.talkscriber import _overlap
from gateway.speech.utterances import Gate
from gateway.speech.vendors.deepgram_hearing import Flux, ListenOptions

SETTINGS = VendorSettings(api_key=SecretStr("k"), region="westeurope")
FRAME = bytes(640)


def dialect(vendor: str, model: str = "", settings: VendorSettings = SETTINGS, **o: Any) -> Dialect:
    row = ROWS[vendor]
    module = row.load()
    options = getattr(module, row.options)(**o)
    made: Dialect = getattr(module, row.make)(model, options, settings, "call-1")
    return made


def heard(made: Dialect, *messages: Any) -> list[Heard]:
    return [words for m in messages for words in made.read(m if isinstance(m, str) else dump(m))]


def dump(message: Any) -> str:
    return json.dumps(message)


@pytest.mark.parametrize(
    ("vendor", "model", "options", "place", "asked"),
    [
        ("assembly-ai", "", {"language": "multi", "keyterms_prompt": ["a", "b"]},
         "wss://streaming.assemblyai.com/v3/ws",
         {"speech_model": ["universal-streaming-multilingual"], "keyterms_prompt": ['["a", "b"]'],
          "format_turns": ["true"], "sample_rate": ["16000"]}),
        ("azure", "", {"language": "de-DE"},
         "wss://westeurope.stt.speech.microsoft.com/speech/recognition/conversation/"
         "cognitiveservices/v1", {"language": ["de-DE"], "format": ["detailed"]}),
        ("cartesia", "", {}, "wss://api.cartesia.ai/stt/websocket",
         {"model": ["ink-whisper"], "language": ["en"]}),
        ("cartesia", "ink-2", {}, "wss://api.cartesia.ai/stt/turns/websocket",
         {"model": ["ink-2"]}),
        ("11labs", "scribe_v1", {"vad_silence_threshold_secs": 0.5},
         "wss://api.elevenlabs.io/v1/speech-to-text/realtime",
         {"model_id": ["scribe_v2_realtime"], "commit_strategy": ["vad"],
          "vad_silence_threshold_secs": ["0.5"]}),
        ("openai", "", {}, "wss://api.openai.com/v1/realtime", {"intent": ["transcription"]}),
        ("soniox", "", {}, "wss://stt-rt.soniox.com/transcribe-websocket", {}),
        ("speechmatics", "", {"datacentre": "us"}, "wss://us2.rt.speechmatics.com/v2", {}),
        ("talkscriber", "", {}, "wss://api.talkscriber.com:9090", {}),
        ("xai", "", {"language": "fr"}, "wss://api.x.ai/v1/stt",
         {"language": ["fr"], "interim_results": ["true"]}),
    ],
)  # fmt: skip
def test_where_and_with_what_each_is_dialled(
    vendor: str, model: str, options: dict[str, Any], place: str, asked: dict[str, list[str]]
) -> None:
    url = urlsplit(dialect(vendor, model, **options).dial(None).url)
    assert f"{url.scheme}://{url.netloc}{url.path}" == place
    query = parse_qs(url.query)
    assert {name: query[name] for name in asked} == asked


def start(made: Dialect) -> Any:
    return json.loads(made.dial(None).first[0])


def test_what_the_first_message_asks_for() -> None:
    session = start(dialect("openai", "gpt-4o-mini-transcribe", language="de"))["session"]
    heard_by = session["audio"]["input"]
    assert heard_by["transcription"] == {"model": "gpt-4o-mini-transcribe", "language": "de"}
    assert heard_by["turn_detection"] is None
    soniox = start(dialect("soniox", language_hints=["de"], terms=["Trunkline"]))
    assert soniox["client_reference_id"] == "call-1"
    assert (soniox["language_hints"], soniox["context"]) == (["de"], {"terms": ["Trunkline"]})
    speech = start(dialect("speechmatics", max_delay=2.0, remove_disfluencies=True))
    config = speech["transcription_config"]
    assert config["max_delay"] == 2.0
    assert config["transcript_filtering_config"] == {"remove_disfluencies": True}
    assert start(dialect("talkscriber"))["multilingual"] is True
    assert start(dialect("custom-transcriber", url="wss://x.example")) == {
        "type": "start", "encoding": "linear16", "container": "raw", "sampleRate": 16000,
        "channels": 2,
    }  # fmt: skip


def test_a_custom_server_is_told_the_secret_and_the_call() -> None:
    made = dialect("custom-transcriber", url="wss://x.example/y", secret="s", headers={"A": "b"})
    dial = made.dial(None)
    assert dial.url == "wss://x.example/y"
    assert dial.headers == {"X-Call-Id": "call-1", "A": "b", "X-Vapi-Secret": "s"}
    with pytest.raises(VendorError, match=r"server\.url") as failure:
        dialect("custom-transcriber")
    assert failure.value.fault is Fault.OURS


def test_gladia_is_asked_by_http_first() -> None:
    asked = dialect("gladia", languages=["de"], datacentre="eu-west", endpointing=0.3).ask()
    assert asked is not None
    assert asked.url == "https://api.gladia.io/v2/live?region=eu-west"
    assert asked.body["language_config"] == {"languages": ["de"]}
    assert asked.body["custom_metadata"] == {"call": "call-1"}
    assert dialect("gladia").dial({"url": "wss://g.example/s"}).url == "wss://g.example/s"


def test_azure_cuts_phrases_as_it_is_told_and_must_know_its_region() -> None:
    made = dialect("azure", segmentation_silence_timeout_ms=700)
    context = str(made.dial(None).first[1]).partition("\r\n\r\n")[2]
    segmentation = json.loads(context)["phraseDetection"]["conversation"]["segmentation"]
    assert segmentation == {"mode": "Custom", "segmentationSilenceTimeoutMs": 700}
    with pytest.raises(VendorError, match="set region"):
        dialect("azure", settings=VendorSettings(api_key=SecretStr("k"))).dial(None)


AZURE = "X-RequestId:1\r\nPath:{}\r\n\r\n{}"


def azure(path: str, **body: Any) -> str:
    return AZURE.format(path, json.dumps(body))


def turn(event: str, text: str) -> dict[str, Any]:
    words = [{"word": word, "confidence": 0.9} for word in text.split()]
    return {"type": "TurnInfo", "event": event, "transcript": text, "words": words}


def test_flux_has_turns_of_its_own() -> None:
    made = Flux("flux-general-en", ListenOptions(eot_threshold=0.8), SETTINGS, "call-1")
    assert (made.asked["eot_threshold"], made.asked["tag"]) == (0.8, "call-1")
    assert list(made.offset()) == []
    frames = [
        turn("StartOfTurn", ""), turn("Update", "book a"), turn("EagerEndOfTurn", "book a table"),
        turn("TurnResumed", "book a table"), turn("EndOfTurn", "book a table for two"),
    ]  # fmt: skip
    words = [h for f in frames for h in made.read(f)]
    assert [(h.text, h.final, h.ended, h.eager) for h in words] == [
        ("book a", False, False, False),
        ("book a table", False, False, True),
        ("book a table", False, False, False),
        ("book a table for two", True, True, False),
    ]
    assert [len(piece) for piece in made.sound(bytes(6000))] == [2560, 2560]


def test_turns_of_ink_2() -> None:
    words = heard(
        dialect("cartesia", "ink-2"),
        {"type": "connected"}, {"type": "turn.start", "transcript": ""},
        {"type": "turn.update", "transcript": "yes"},
        {"type": "turn.eager_end", "transcript": "yes"}, {"type": "turn.resume"},
        {"type": "turn.end", "transcript": "yes please"},
    )  # fmt: skip
    assert words == [Heard("yes"), Heard("yes", eager=True), Heard("yes please", True, True)]


def test_an_end_that_we_asked_for_is_no_opinion_of_theirs() -> None:
    said = {"type": "Turn", "end_of_turn": True, "turn_is_formatted": True, "transcript": "Yes.",
            "words": [{"text": "Yes.", "confidence": 0.5}]}  # fmt: skip
    made = dialect("assembly-ai")
    assert heard(made, said) == [Heard("Yes.", True, True, 0.5)]
    made.offset()
    assert heard(made, said) == [Heard("Yes.", True, False, 0.5)]
    speech = dialect("speechmatics")
    word = {"type": "word", "alternatives": [{"content": "Yes", "confidence": 0.5}]}
    added = {"message": "AddTranscript", "results": [word]}
    assert heard(speech, added, {"message": "EndOfUtterance"}) == [Heard("Yes", True, True, 0.5)]
    speech.offset()
    assert heard(speech, added, {"message": "EndOfUtterance"}) == [Heard("Yes", True, False, 0.5)]
    end = {"text": "<end>", "is_final": True}
    token = {"text": "Yes", "is_final": True, "confidence": 0.5}
    soniox = dialect("soniox")
    assert heard(soniox, {"tokens": [token, end]}) == [Heard("Yes", True, True, 0.5)]
    assert heard(soniox, {"tokens": [token, {"text": "<fin>", "is_final": True}]}) == [
        Heard("Yes", True, False, 0.5)
    ]


def test_numbers_as_they_were_spoken() -> None:
    number = {
        "type": "entity", "alternatives": [{"content": "25", "confidence": 1.0}],
        "spoken_form": [{"alternatives": [{"content": w, "confidence": 1.0}]}
                        for w in ("twenty", "five")],
    }  # fmt: skip
    frames = [{"message": "AddTranscript", "results": [number]}, {"message": "EndOfUtterance"}]
    assert heard(dialect("speechmatics"), *frames)[-1].text == "25"
    assert heard(dialect("speechmatics", numerals="spoken"), *frames)[-1].text == "twenty five"


def test_segments_that_were_told_are_not_told_again() -> None:
    made = dialect("talkscriber")
    first, second = {"text": "one", "EOS": True}, {"text": "two", "EOS": True}
    assert heard(made, {"segments": [first]}, {"segments": [first, second]}) == [
        Heard("one", True, True), Heard("two", True, True)
    ]  # fmt: skip
    assert heard(made, {"segments": [second, {"text": "thr"}]}) == [Heard("thr")]
    assert _overlap(["a", "b"], ["b", "c"]) == 1
    assert _overlap([], ["b"]) == 0


def test_pieces_of_xai_are_told_whole() -> None:
    def partial(text: str, final: bool = False, end: bool = False) -> dict[str, Any]:
        return {"type": "transcript.partial", "text": text, "is_final": final, "speech_final": end}

    words = heard(
        dialect("xai"), partial("book"), partial("book a table", True), partial("for"),
        partial("book a table for two", True, True),
    )  # fmt: skip
    assert [h.text for h in words] == [
        "book", "book a table", "book a table for", "book a table for two"
    ]  # fmt: skip
    assert [h.ended for h in words] == [False, False, False, True]


@pytest.mark.parametrize(
    ("vendor", "frame", "fault"),
    [
        ("assembly-ai", {"type": "Error", "error_code": 4001, "error": "no"}, Fault.AUTH),
        ("assembly-ai", {"type": "Error", "error_code": 4002, "error": "no"}, Fault.QUOTA),
        ("assembly-ai", {"type": "Error", "error_code": 3009, "error": "no"}, Fault.OVERLOAD),
        ("assembly-ai", {"type": "Error", "error": "no"}, Fault.THEIRS),
        ("azure", azure("speech.phrase", RecognitionStatus="Error"), Fault.THEIRS),
        ("azure", azure("speech.phrase", RecognitionStatus="TooManyRequests"), Fault.OVERLOAD),
        ("cartesia", {"type": "error", "status_code": 402, "message": "no"}, Fault.QUOTA),
        ("11labs", {"message_type": "auth_error", "error": "no"}, Fault.AUTH),
        ("11labs", {"message_type": "quota_exceeded", "error": "no"}, Fault.QUOTA),
        ("11labs", {"message_type": "rate_limited", "error": "no"}, Fault.OVERLOAD),
        ("gladia", {"type": "x", "error": {"status_code": 401, "message": "no"}}, Fault.AUTH),
        ("openai", {"type": "error", "error": {"code": "invalid_api_key"}}, Fault.AUTH),
        ("openai", {"type": "error", "error": {"code": "insufficient_quota"}}, Fault.QUOTA),
        ("openai", {"type": "error", "error": {"type": "invalid_request_error"}}, Fault.OURS),
        ("openai", {"type": "error", "error": {"type": "server_error"}}, Fault.THEIRS),
        ("soniox", {"error_code": 402, "error_message": "no"}, Fault.QUOTA),
        ("soniox", {"error_code": 429, "error_message": "no"}, Fault.OVERLOAD),
        ("soniox", {"error_code": 503, "error_message": "no"}, Fault.THEIRS),
        ("speechmatics", {"message": "Error", "type": "not_authorised"}, Fault.AUTH),
        ("speechmatics", {"message": "Error", "type": "quota_exceeded"}, Fault.OVERLOAD),
        ("speechmatics", {"message": "Error", "type": "invalid_config"}, Fault.OURS),
        ("speechmatics", {"message": "Error", "type": "job_error"}, Fault.THEIRS),
        ("talkscriber", {"message": "UNAUTHORIZED"}, Fault.AUTH),
        ("talkscriber", {"status": "WAIT", "message": 3}, Fault.OVERLOAD),
        ("talkscriber", {"message": "DISCONNECT"}, Fault.THEIRS),
        ("xai", {"type": "error", "message": "no"}, Fault.THEIRS),
    ],
)
def test_an_error_in_a_frame_says_whose_fault_it_is(vendor: str, frame: Any, fault: Fault) -> None:
    with pytest.raises(VendorError) as failure:
        heard(dialect(vendor), frame)
    assert (failure.value.vendor, failure.value.fault) == (vendor, fault)


@pytest.mark.parametrize(
    ("vendor", "frame"),
    [
        ("11labs", {"message_type": "commit_throttled", "error": "less than 0.3 s"}),
        ("openai", {"type": "error", "error": {"code": "input_audio_buffer_commit_empty"}}),
        ("azure", azure("speech.phrase", RecognitionStatus="NoMatch")),
    ],
)
def test_too_little_to_hear_is_no_error(vendor: str, frame: Any) -> None:
    assert heard(dialect(vendor), frame) == [Heard("", True, False, 0.0)]


def test_azure_begins_another_turn_when_one_has_ended() -> None:
    made = dialect("azure")
    first = b"".join(f for f in made.sound(bytes(3200)) if isinstance(f, bytes))
    assert b"RIFF" in first
    assert b"RIFF" not in b"".join(f for f in made.sound(bytes(3200)) if isinstance(f, bytes))
    heard(made, azure("turn.end"))
    again = b"".join(f for f in made.sound(bytes(3200)) if isinstance(f, bytes))
    assert b"RIFF" in again
    request = first.partition(b"X-RequestId: ")[2][:32]
    assert request not in again


def test_openai_is_sent_the_speech_and_nothing_else() -> None:
    made = dialect("openai")
    assert [list(made.sound(FRAME)) for _ in range(20)] == [[]] * 20
    made.onset()
    kinds = [json.loads(f)["type"] for _ in range(5) for f in made.sound(FRAME)]
    made.offset()
    kinds += [json.loads(f)["type"] for _ in range(30) for f in made.sound(FRAME)]
    assert kinds == ["input_audio_buffer.append"] * 15 + ["input_audio_buffer.commit"]


def test_a_gate_lets_through_speech_with_a_little_around_it() -> None:
    gate = Gate()
    for _ in range(50):
        assert gate.hear(FRAME) == (b"", False)
    gate.onset()
    sound, over = gate.hear(FRAME)
    assert (len(sound), over) == (16 * 640, False)
    gate.offset()
    assert gate.hear(FRAME * 5) == (FRAME * 5, False)
    gate.onset()  # it was only a pause
    assert gate.hear(FRAME * 20) == (FRAME * 20, False)
    gate.offset()
    assert gate.hear(FRAME * 10) == (FRAME * 10, True)
    assert gate.hear(FRAME) == (b"", False)


def test_pieces_are_all_of_one_size() -> None:
    pieces = Pieces(50)
    assert [len(p) for p in pieces.cut(bytes(1000))] == []
    assert [len(p) for p in pieces.cut(bytes(3000))] == [1600, 1600]
    assert len(pieces.rest()) == 1600
    assert pieces.rest() == b""


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("wss://streaming.eu.assemblyai.com/v3/ws", True),
        ("ws://streaming.assemblyai.com/v3/ws", False),
        ("wss://assemblyai.com.evil.example/v3/ws", False),
        ("wss://evilassemblyai.com/v3/ws", False),
    ],
)
def test_the_key_for_assemblyai_goes_to_assemblyai_only(url: str, fine: bool) -> None:
    if fine:
        assert dialect("assembly-ai", url=url).dial(None).url.startswith(url)
    else:
        with pytest.raises(ValueError, match=r"assemblyai\.com"):
            dialect("assembly-ai", url=url)
