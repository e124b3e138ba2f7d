"""Dates and numbers are answered whole: of “14 March 2021” a model may copy “March”, of “62 kg” the unit."""

from __future__ import annotations

import re

from autogpt_desktop.tasks.answer.lexicon import kind_of, words

_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.?)"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = re.compile(
    rf"\b(?:{_DAY}\s(?:of\s)?)?{_MONTH}(?:\s{_DAY}\b(?!\d))?(?:,?\s\d{{4}})?\b"
    r"|\d{4}\s?年(?:\s?\d{1,2}\s?月(?:\s?\d{1,2}\s?日)?)?"
    r"|[〇零一二三四五六七八九]{4}年(?:[一二三四五六七八九十]{1,2}月(?:[一二三四五六七八九十]{1,3}日)?)?"
)
_UNIT = (
    r"(?:%|％|per\s?cent|percent|degrees?|[kmcµ]?[mg]|km²|m²|ha|litres?|liters?|tonnes?|tons?|miles?|feet|inches"
    r"|met(?:re|er)s?|kilomet(?:re|er)s?|kilograms?|hours?|minutes?|seconds?|days?|weeks?|months?|years?|centuries"
    r"|euros?|dollars?|pounds?|yuan|cents?)"
)
_NUMBER = re.compile(
    r"(?:[$€£¥]\s?)?\d+(?:[.,]\d+)*(?:\s(?:hundred|thousand|million|billion|trillion))*"
    rf"(?:\s?{_UNIT}(?![^\W\d_]))?|[〇零一二三四五六七八九十百千万亿两]+(?=[^〇零一二三四五六七八九十百千万亿两])"
)
_YEAR = re.compile(r"[〇零一二三四五六七八九]{4}年|\d{4}年")
_WHEN = re.compile(r"\bwhen\b|\bdate\b|\bwhat day\b|什么时候|何时|哪一?天|时间", re.IGNORECASE)


def whole(question: str, text: str, start: int, end: int) -> tuple[int, int]:
    """The phrase ``text[start:end]``, or the date or number that it is only a part of.

    A question for a year or a month is left its part of a date, and one that names the unit the bare number.
    """
    kind = kind_of(question)
    wanted = [_NUMBER] if kind in ("number", "thing") else []
    if kind == "date":
        wanted.append(_DATE if _WHEN.search(question) else _YEAR)
    asked = {word for word, _, _ in words(question) if word.isascii()}
    for pattern in wanted:
        for found in pattern.finditer(text, max(0, start - 40), min(len(text), end + 40)):
            if not found.start() <= start < end <= found.end():
                continue
            more = words(f"{text[found.start() : start]} {text[end : found.end()]}")
            if more and not all(word in asked for word, _, _ in more):
                return found.start(), found.end()
    return start, end
