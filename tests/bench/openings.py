"""How phones are answered: a set of openings, made by rule, the same every time.

Each is 16 kHz sound with marks of voice as the daemon's own detector gives them, what a
transcriber might have made of it, with words missing, and the truth. All went through 8 kHz and
G.711; some have noise, our own echo, or another level.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np
import numpy.typing as npt
import soxr

from gateway.agent.opening import Opening, Who
from gateway.media.ambience import hold_music, office
from gateway.media.ears import Ears
from gateway.media.lines import FRAME, RATE
from gateway.speech.vendors.espeak import EspeakSpeaking, Voice

Sound = npt.NDArray[np.float64]

VOICES = ("", "+f2", "+m3", "+f4")
BEEPS = (400, 440, 523, 600, 700, 800, 880, 950, 1000, 1050, 1100, 1200, 1330, 1400, 1500, 1650,
         1750, 1850, 2000)  # fmt: skip
LATE_S = 0.4  # of a transcript, after the words


@dataclass
class Clip:
    """``words``: at which second the transcript becomes what; ``said``: our own voice."""

    kind: str
    truth: Who
    sound: Sound
    words: list[tuple[float, str]] = field(default_factory=list)
    said: Sound | None = None
    beep_s: float | None = None  # where the last one ends


HUMANS = (
    ("en-us", "Hello?"), ("en-us", "Hi."), ("en-us", "Yeah?"), ("en-us", "Hello, this is Bob."),
    ("en-us", "Hey, what's up?"), ("en-us", "John speaking."), ("en-gb", "Hello, who is calling?"),
    ("en-us", "Miller and sons, Anna speaking, how can I help?"),
    ("en-us", "Good morning, thank you for calling Acme Dental, this is Sarah, how may I help "
              "you?"),
    ("en-gb", "Good afternoon, Brown and Partners, you are through to Emily, what can I do for "
              "you?"),
    ("en-us", "Riverside Hotel front desk, Michael speaking."),
    ("en-us", "Yes, hello, who is this?"), ("en-us", "Joe's Pizza, pickup or delivery?"),
    ("en-us", "Doctor Smith's office, can you hold?"),
    ("en-us", "Hello? Hello, is anybody there?"), ("en-us", "Sorry, one second. Okay, hello?"),
    ("de", "Hallo?"), ("de", "Ja, Müller?"), ("de", "Schmidt am Apparat."),
    ("de", "Autohaus Weber, guten Tag, mein Name ist Petra Klein, was kann ich für Sie tun?"),
    ("fr", "Allô?"), ("fr", "Oui, bonjour."), ("fr", "Cabinet Dupont, bonjour, je vous écoute."),
    ("es", "¿Dígame?"), ("es", "¿Sí? ¿Quién es?"),
    ("es", "Buenos días, Talleres García, ¿en qué puedo ayudarle?"),
    ("it", "Pronto?"), ("it", "Pronto, chi parla?"), ("nl", "Met Jansen."),
    ("nl", "Goedemiddag, met bakkerij De Vries, waarmee kan ik u helpen?"),
    ("pt", "Alô?"), ("pt", "Sim, quem fala?"),
)  # fmt: skip
MAILBOXES = (
    ("en-us", "Hi, this is Bob. Leave a message."),
    ("en-us", "You have reached the voicemail of John Smith. Please leave a message after the "
              "tone."),
    ("en-us", "Hey, it's Kate. I can't come to the phone right now. Leave me a message and I will "
              "get back to you as soon as I can. Thanks, bye."),
    ("en-us", "Your call has been forwarded to an automated voice message system. Five five "
              "five, one two three four, is not available. At the tone, please record your "
              "message."),
    ("en-gb", "Thank you for calling Brown and Partners. Our office is currently closed. Our "
              "office hours are nine to five, Monday to Friday. Please leave your name and "
              "number."),
    ("en-us", "Please leave your message."), ("en-us", "At the tone, record your message."),
    ("en-us", "The person you are calling is not available. Please leave a message after the "
              "beep."),
    ("de", "Guten Tag, hier ist der Anrufbeantworter von Familie Schmidt. Wir sind gerade nicht "
           "erreichbar. Bitte hinterlassen Sie eine Nachricht nach dem Signalton."),
    ("de", "Hier ist die Mailbox von Peter. Bitte sprechen Sie nach dem Piep."),
    ("fr", "Bonjour, vous êtes bien sur la messagerie de Marie. Je ne suis pas disponible. "
           "Laissez-moi un message après le bip."),
    ("es", "Hola, en este momento no puedo atender su llamada. Deje su mensaje después de la "
           "señal."),
    ("it", "Risponde la segreteria telefonica. Lasciate un messaggio dopo il segnale acustico."),
    ("nl", "U bent verbonden met de voicemail van Jan. Spreek na de piep uw bericht in."),
    ("pt", "Você ligou para a caixa postal. Deixe sua mensagem após o sinal."),
)  # fmt: skip
MENUS = (
    "Thank you for calling Acme. For sales, press one. For support, press two. For all other "
    "questions, stay on the line.",
    "Welcome to the city bank. Please listen carefully, as our menu has changed. To check your "
    "balance, press one. To report a lost card, press two.",
    "Your call is important to us. All of our agents are busy. Please hold, and your call will be "
    "answered in the order it was received.",
    "This call may be recorded. If you know your party's extension, dial it now. Otherwise, press "
    "zero for the operator.",
)


def openings() -> list[Callable[[], Clip]]:
    """All of them, each to be made when it is wanted, from a dice of its own."""
    made: list[Callable[[random.Random], Clip]] = []
    for at, (language, text) in enumerate(HUMANS):
        for turn in range(3):
            voice = (at + turn) % len(VOICES)
            made.append(partial(_human, language=language, text=text, voice=voice, turn=turn))
    for at, (language, text) in enumerate(MAILBOXES):
        for turn in range(5):
            hz, voice = BEEPS[(5 * at + turn) % len(BEEPS)], (at + turn) % len(VOICES)
            made.append(
                partial(_mailbox, language=language, text=text, voice=voice, hz=hz, turn=turn)
            )
    for text in MENUS:
        made += [partial(_menu, text=text, turn=turn) for turn in range(5)]
    made += [partial(_silence, turn=turn) for turn in range(8)]
    made += [partial(_music, turn=turn) for turn in range(6)]
    made += [partial(_office, turn=turn) for turn in range(6)]
    made += [partial(_fax, turn=turn) for turn in range(6)]
    made += [partial(_echo, turn=turn) for turn in range(8)]
    return [partial(one, random.Random(number)) for number, one in enumerate(made)]


def _silence(dice: random.Random, turn: int) -> Clip:
    return done(dice, "silence", "silent", [gap(9.0)], noise_db=-75 + 5 * (turn % 5))


def _music(dice: random.Random, turn: int) -> Clip:
    start = turn * RATE * 2 % (7 * RATE)
    return done(dice, "music", "machine", [hold_music()[start : start + 9 * RATE] / 32768.0])


def _office(dice: random.Random, turn: int) -> Clip:
    start = turn * RATE
    quiet = office()[start : start + 8 * RATE] / 32768.0 * 0.1
    return done(dice, "office noise", "silent", [quiet])


def _fax(dice: random.Random, turn: int) -> Clip:
    answer = [gap(0.4 + 0.2 * turn), tone(2.9, 2100, 0.3), gap(3.0)]
    return done(dice, "fax", "fax", answer)


def _human(dice: random.Random, language: str, text: str, voice: int, turn: int) -> Clip:
    parts: list[Sound | str] = [gap(dice.uniform(0.2, 1.6))]
    parts += [(spoken(text, language, voice, dice.choice((150, 165, 190)))), text]
    parts += [gap(dice.uniform(2.5, 4.0))]
    again = {"en-us": "Hello?", "de": "Hallo?"}.get(language)
    if turn == 2 and again:
        parts += [spoken(again, language, voice, 165), again, gap(2.0)]
    noise = (-70.0, -45.0, -38.0)[turn]
    return done(dice, "human", "human", parts, noise_db=noise)


def _mailbox(dice: random.Random, language: str, text: str, voice: int, hz: int, turn: int) -> Clip:
    beep = tone(dice.choice((0.12, 0.2, 0.4, 0.7, 1.0)), hz, dice.choice((0.05, 0.15, 0.3)))
    if turn == 3:
        beep = beep + tone(len(beep) / RATE, 1.35 * hz, 0.1)
    parts: list[Sound | str] = [gap(dice.uniform(0.3, 1.5))]
    for sentence in text.replace("? ", ". ").split(". "):
        parts += [spoken(sentence, language, voice, dice.choice((150, 165, 190))), sentence + "."]
        parts += [gap(dice.uniform(0.15, 0.6))]
    parts += [gap(dice.uniform(0.3, 1.5))]
    if turn == 4:
        parts += [gap(4.0)]
        return done(dice, "mailbox without a beep", "machine", parts)
    before = sum(len(part) for part in parts if not isinstance(part, str))
    clip = done(dice, "mailbox", "machine", [*parts, beep, gap(3.0)], noise_db=-60)
    clip.beep_s = (before + len(beep)) / RATE
    return clip


def _menu(dice: random.Random, text: str, turn: int) -> Clip:
    parts: list[Sound | str] = [gap(0.3 + 0.2 * turn)]
    for sentence in text.split(". "):
        parts += [spoken(sentence, "en-us", turn % 4, 160), sentence + ".", gap(0.5)]
    return done(dice, "menu", "machine", [*parts, gap(2.0)])


def _echo(dice: random.Random, turn: int) -> Clip:
    """A person who says hello while our own greeting comes back."""
    ours = spoken("Hello, this is the assistant of the city library. I am calling because of the "
                  "book that you ordered. Do you have a minute?", "en-us", 1, 165)  # fmt: skip
    late = np.concatenate([gap(0.06 + 0.03 * (turn % 5)), ours])
    if turn >= 4:  # and one who says nothing at all
        return done(dice, "echo", "silent", [0.08 * late], said=ours)
    hello = spoken("Hello?", "en-us", turn % 4, 165)
    length = max(len(late), RATE)
    sound = np.zeros(length + RATE)
    sound[: len(late)] += 0.08 * late
    sound[RATE // 3 : RATE // 3 + len(hello)] += hello
    return done(dice, "echo and a person", "human", [sound], said=ours)


def done(
    dice: random.Random,
    kind: str,
    truth: Who,
    parts: list[Sound | str],
    noise_db: float = -65.0,
    said: Sound | None = None,
    under: Sound | None = None,
) -> Clip:
    """``parts`` one after the other, and what a transcriber makes of those that are words;
    ``under`` is a sound beneath them all."""
    words, at, text = [], 0, ""
    for part in parts:
        if isinstance(part, str):
            heard = " ".join(word for word in part.split() if dice.random() > 0.12)
            text = f"{text} {heard}".strip()
            words.append((at / RATE + LATE_S, text))
        else:
            at += len(part)
    sound = np.concatenate([part for part in parts if not isinstance(part, str)])
    rng = np.random.default_rng(dice.randrange(1 << 30))
    sound = sound * 10 ** (dice.uniform(-8, 2) / 20)
    sound += rng.standard_normal(len(sound)) * 10 ** (noise_db / 20)
    if under is not None:
        sound += np.resize(under, len(sound))
    return Clip(kind, truth, _telephone(sound), words, said)


def _telephone(sound: Sound) -> Sound:
    """8 kHz and mu-law, and back."""
    narrow = np.clip(soxr.resample(sound, RATE, 8000), -1, 1)
    code = np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256)
    code = np.round(code * 127) / 127
    narrow = np.sign(code) * np.expm1(np.abs(code) * np.log(256)) / 255
    return np.asarray(soxr.resample(narrow, 8000, RATE))


def gap(seconds: float) -> Sound:
    return np.zeros(round(seconds * RATE))


def tone(seconds: float, hz: float, peak: float = 0.2) -> Sound:
    t = np.arange(round(seconds * RATE)) / RATE
    edge = np.minimum(1, np.minimum(t, seconds - t) / 0.005)
    return np.asarray(peak * edge * np.sin(2 * np.pi * hz * t))


def spoken(text: str, language: str, voice: int, words_per_minute: int) -> Sound:
    return read_out(text, language + VOICES[voice], words_per_minute)


@cache
def read_out(text: str, name: str, words_per_minute: int) -> Sound:
    """By a voice of eSpeak NG, whose silence at both ends is left out."""

    async def all_of_it() -> bytes:
        speaking = EspeakSpeaking(Voice(voice=name, words_per_minute=words_per_minute))
        return b"".join([piece async for piece in speaking.speak(text)])

    sound = np.frombuffer(asyncio.run(all_of_it()), np.int16) / 32768.0
    loud = np.flatnonzero(np.abs(sound) > 0.01)
    return np.asarray(sound[loud[0] : loud[-1]])


def listened(clip: Clip, transcript: bool) -> tuple[Opening, list[Who]]:
    """The detector after the clip, and each verdict that it gave on the way."""
    opening, ears = Opening(), Ears(1)
    row, given = np.array([0]), []
    heard = np.clip(clip.sound * 32768, -32768, 32767).astype(np.int16)
    said = np.zeros(len(heard), np.int16)
    if clip.said is not None:
        length = min(len(said), len(clip.said))
        said[:length] = (clip.said[:length] * 32767).astype(np.int16)
    words = list(clip.words) if transcript else []
    for at in range(0, len(heard) - FRAME, FRAME):
        frame = heard[at : at + FRAME]
        ears.listen(row, frame[None])
        opening.hear(frame, int(ears.marks(row)[0]), said[at : at + FRAME])
        while words and words[0][0] <= at / RATE:
            opening.words(words.pop(0)[1])
        if not given or given[-1] != opening.verdict.who:
            given.append(opening.verdict.who)
    return opening, given
