"""The documented formatters, each a rewriting of text, in the order in which they are applied.

Those that need words are English; where the assistant speaks another language only the others
apply, and figures are left to the voice, which reads them in its own language.
"""

import re
from collections.abc import Callable
from datetime import date

from gateway.speech.spoken.numbers import LARGEST, cardinal, digits, number, ordinal

Formatter = Callable[[str, int], str]  # text and cutoff

_FIGURE = r"(?<![\w.,])[-−]?\d+(?:,\d{3})*(?:\.\d+)?"  # noqa: RUF001
_NUMBER = rf"{_FIGURE}(?![\w%]|[.,]\d)"
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_UNITS = {
    "kg": "kilogram", "g": "gram", "mg": "milligram", "lb": "pound", "lbs": "pound",
    "oz": "ounce", "l": "liter", "ml": "milliliter", "gb": "gigabyte", "mb": "megabyte",
    "kb": "kilobyte", "tb": "terabyte", "hz": "hertz", "khz": "kilohertz", "mhz": "megahertz",
    "ghz": "gigahertz", "w": "watt", "kw": "kilowatt", "kwh": "kilowatt hour", "v": "volt",
    "hrs": "hour", "hr": "hour", "mins": "minute", "min": "minute", "secs": "second",
    "sec": "second", "ms": "millisecond", "°c": "degree Celsius", "°f": "degree Fahrenheit",
}  # fmt: skip
_DISTANCES = {
    "km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "mi": "mile",
    "ft": "foot", "yd": "yard", "km/h": "kilometer per hour", "mph": "mile per hour",
}  # fmt: skip
_PLURALS = {"foot": "feet", "hertz": "hertz", "kilohertz": "kilohertz", "megahertz": "megahertz",
            "gigahertz": "gigahertz"}  # fmt: skip
_CURRENCIES = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny"),
               "¥": ("yen", "")}  # fmt: skip
# Said as words, not by their letters; anything else in capitals is spelled by the voice itself.
_WORDS = ("NASA", "NATO", "SCUBA", "LASER", "RADAR", "GIF", "JPEG", "RAM", "ROM", "PIN", "ASAP")


def _markdown(text: str, _: int) -> str:
    text = re.sub(r"```\w*\n?|`", "", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)  # a link's or an image's words
    text = re.sub(r"^\s{0,3}(?:#{1,6}\s+|>\s?|[-*+]\s+|\d{1,3}[.)]\s+)", "", text, flags=re.M)
    text = re.sub(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", r"\2", text)
    return re.sub(r"(?<!\w)_(?=\S)([^_\n]+?)(?<=\S)_(?!\w)", r"\1", text)


def _asterisk(text: str, _: int) -> str:
    """Stage directions: *smiles*."""
    return re.sub(r"(?<![\w*])\*(?=\S)[^*\n]+?(?<=\S)\*(?![\w*])\s?", "", text)


def _quote(text: str, _: int) -> str:
    return re.sub(r"[\"“”„«»]", "", text)


def _dash(text: str, _: int) -> str:
    return re.sub(r"\s*[–—]\s*|\s+--?\s+", ", ", text)  # noqa: RUF001


def _newline(text: str, _: int) -> str:
    stop = r"([.!?,;:…。！？｡，、；：؟۔،؛।॥։።។။])?"  # noqa: RUF001
    return re.sub(rf"{stop}[ \t]*\n\s*", lambda m: f"{m[1] or '.'} ", text)


def _colon(text: str, _: int) -> str:
    return re.sub(r":(?=\s|$)", ".", text)


def _acronym(text: str, _: int) -> str:
    text = re.sub(rf"\b({'|'.join(_WORDS)})\b", lambda m: m[1].lower(), text)
    return re.sub(r"(?<![\w.])\.([A-Z][A-Za-z]+)\b", r"dot \1", text)  # .NET


def _dollars(text: str, cutoff: int) -> str:
    def said(found: re.Match[str]) -> str:
        unit, part = _CURRENCIES[found[1]]
        whole, cents = found[2].replace(",", ""), found[3]
        if found[4]:  # $5 million
            amount = f"{whole}.{cents}" if cents else whole
            return f"{number(amount, LARGEST)} {found[4]} {_plural(unit)}"
        words = _counted(int(whole), unit)
        if cents and int(cents) and part:
            return f"{words} and {_counted(int(cents.ljust(2, '0')[:2]), part)}"
        return words

    symbols = "".join(_CURRENCIES)
    amount = rf"([{symbols}])\s?(\d[\d,]*)(?:\.(\d{{1,2}}))?(?:\s?(million|billion|thousand))?\b"
    return re.sub(amount, said, text)


def _email(text: str, _: int) -> str:
    def said(found: re.Match[str]) -> str:
        marks = {".": "dot", "-": "dash", "_": "underscore", "+": "plus", "@": "at"}
        return re.sub(r"[.\-_+@]", lambda mark: f" {marks[mark[0]]} ", found[0])

    return re.sub(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b", said, text)


def _date(text: str, _: int) -> str:
    def said(found: re.Match[str]) -> str:
        try:
            day = date(int(found[1]), int(found[2]), int(found[3]))
        except ValueError:
            return found[0]
        return f"{day:%A}, {_MONTHS[day.month - 1]} {ordinal(day.day)}, {year(day.year)}"

    return re.sub(r"\b(\d{4})[-/ ](\d{2})[-/ ](\d{2})\b", said, text)


def year(number: int) -> str:
    """``1999`` is ``nineteen ninety nine``, ``2023`` ``twenty twenty three``."""
    first, last = divmod(number, 100)
    if not 10 <= first < 100 or (first % 10 == 0 and last < 10):
        return cardinal(number)
    ending = "hundred" if not last else f"oh {cardinal(last)}" if last < 10 else cardinal(last)
    return f"{cardinal(first)} {ending}"


def _time(text: str, _: int) -> str:
    def said(found: re.Match[str]) -> str:
        hour, minute = int(found[1]), int(found[2])
        if hour > 23 or minute > 59:
            return found[0]
        half = (found[3] or "").replace(".", "").strip().upper()
        if not half and (hour > 12 or found[1][0] == "0"):
            half = "PM" if hour >= 12 else "AM"
            hour = hour % 12 or 12
        minutes = "" if not minute else f" oh {cardinal(minute)}" if minute < 10 else (
            f" {cardinal(minute)}"
        )  # fmt: skip
        ending = f" {half[0]} {half[1]}" if half else "" if minutes else " o'clock"
        return f"{cardinal(hour)}{minutes}{ending}"

    return re.sub(r"\b(\d{1,2}):(\d{2})\b(?:\s?([AaPp]\.?[Mm]\b\.?))?", said, text)


def _measured(units: dict[str, str]) -> Formatter:
    names = "|".join(sorted(map(re.escape, units), key=len, reverse=True))
    pattern = re.compile(rf"({_FIGURE})\s?({names})(?![\w/])", re.IGNORECASE)

    def formatter(text: str, _: int) -> str:
        def said(found: re.Match[str]) -> str:
            unit = units[found[2].lower()]
            one = found[1] == "1"
            return f"{number(found[1], LARGEST)} {unit if one else _plural(unit)}"

        return pattern.sub(said, text)

    return formatter


def _percentage(text: str, _: int) -> str:
    return re.sub(rf"({_FIGURE})\s?%", lambda found: f"{number(found[1], LARGEST)} percent", text)


def _phone(text: str, _: int) -> str:
    def said(found: re.Match[str]) -> str:
        plus = "plus " if found[0].startswith("+") else ""
        return plus + digits(found[0])

    international = r"\+\d[\d\s().-]{6,18}\d"
    national = r"\(?\b\d{3}\)?[\s.-]\d{3}[\s.-]\d{4}\b"
    return re.sub(rf"{international}|{national}", said, text)


def _numbers(text: str, cutoff: int) -> str:
    return re.sub(_NUMBER, lambda found: number(found[0], cutoff), text)


def _strip_asterisk(text: str, _: int) -> str:
    return text.replace("*", "")


def _counted(count: int, unit: str) -> str:
    words = cardinal(count) if count < LARGEST else " ".join(str(count))
    return f"{words} {unit if count == 1 else _plural(unit)}"


def _plural(unit: str) -> str:
    if unit in _PLURALS:
        return _PLURALS[unit]
    if unit in ("penny", "yen"):
        return "pence" if unit == "penny" else unit
    first, _, rest = unit.partition(" ")
    if first in ("kilowatt",):
        return f"{unit}s"
    return f"{first}s {rest}".strip()


ENGLISH: dict[str, Formatter] = {
    "acronym": _acronym,
    "dollarAmount": _dollars,
    "email": _email,
    "date": _date,
    "time": _time,
    "distance": _measured(_DISTANCES),
    "unit": _measured(_UNITS),
    "percentage": _percentage,
    "phoneNumber": _phone,
    "number": _numbers,
}
FORMATTERS: dict[str, Formatter] = {
    "markdown": _markdown,
    "asterisk": _asterisk,
    "quote": _quote,
    "newline": _newline,
    "colon": _colon,
    "dash": _dash,
    **ENGLISH,
    "stripAsterisk": _strip_asterisk,
}
# Documented to be off unless they are asked for.
UNUSUAL = frozenset({"asterisk", "quote", "dash"})
