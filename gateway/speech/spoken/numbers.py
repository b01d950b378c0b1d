"""English number words. Voices read digits as well, but not all of them alike, and some badly."""

import re

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_GROUPS = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth",
             "eight": "eighth", "nine": "ninth", "twelve": "twelfth"}  # fmt: skip
LARGEST = 10**12

_DIGITS = re.compile(r"\d")


def cardinal(number: int) -> str:
    """``42`` is ``forty two``. From zero to just below ``LARGEST``."""
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens - 2] + (f" {_ONES[ones]}" if ones else "")
    size, name = next(group for group in _GROUPS if number >= group[0])
    count, rest = divmod(number, size)
    return f"{cardinal(count)} {name}" + (f" {cardinal(rest)}" if rest else "")


def ordinal(number: int) -> str:
    """``21`` is ``twenty first``."""
    *before, last = cardinal(number).split()
    if last in _ORDINALS:
        last = _ORDINALS[last]
    else:
        last = f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"
    return " ".join([*before, last])


def digits(text: str) -> str:
    """Each digit by itself, with commas where the text pauses: ``555-12`` is ``5 5 5, 1 2``."""
    groups = [" ".join(_DIGITS.findall(group)) for group in re.split(r"[^\d]+", text)]
    return ", ".join(group for group in groups if group)


def number(text: str, cutoff: int) -> str:
    """A number as it is written, with sign, thousands' commas and decimals. Above ``cutoff`` its
    digits are read one by one, as those of a year, a room or an order are."""
    sign = "minus " if text[0] in "-−" else ""  # noqa: RUF001
    whole, _, decimals = text.lstrip("-−").replace(",", "").partition(".")  # noqa: RUF001
    value = int(whole)
    grouped = "," in text
    spelled = value < LARGEST and (grouped or value <= cutoff) and not _padded(whole)
    words = cardinal(value) if spelled else " ".join(whole)
    if decimals:
        words += " point " + " ".join(_ONES[int(digit)] for digit in decimals)
    return sign + words


def _padded(whole: str) -> bool:
    """``007`` is no number that one counts with."""
    return len(whole) > 1 and whole[0] == "0"
