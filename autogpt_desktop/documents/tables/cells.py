"""What kind of thing a cell of text is: a number, a date, a code, words."""

from __future__ import annotations

import re

_KINDS = {
    kind: re.compile(pattern, re.IGNORECASE)
    for kind, pattern in {
        "number": r"\(?[-+−]?\s?[$€£¥]?\s?[-+]?(?:\d[\d,.'’\u00a0\u202f]*+|[.,]\d++)(?:e[-+]?\d++)?"
        r"\s?[%‰€$£¥]?\)?",
        "date": r"\d{1,4}(?:[-/.]|\s?年)\s?\d{1,2}(?:(?:[-/.]|\s?月)\s?(?:\d{1,4}\s?日?)?)?"
        r"(?:[T ,]{1,2}\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?\s?(?:[ap]m|z|[-+]\d{2}:?\d{2})?)?"
        r"|\d{1,2}:\d{2}(?::\d{2})?",
        "date in words": r"(?:[^\W\d]{3,9}\.?,? )?"
        r"(?:\d{1,2}\.? [^\W\d]{3,9}\.?|[^\W\d]{3,9}\.? \d{1,2}),? \d{4}",
        "choice": r"true|false|yes|no|ja|nein|y|n|wahr|falsch|null|none|n/?a|nan|是|否|-",
        "address": r"https?://\S++|www\.\S++|[\w.+-]++@[\w-]++(?:\.[\w-]++)++",
        "code": r"(?=[^\s]*\d)[\w.:/#-]{2,48}+",
    }.items()
}


def kind_of(cell: str) -> str:
    """ "empty", one of the kinds above, or "text"."""
    cell = cell[:400].strip()
    if not cell:
        return "empty"
    for kind, pattern in _KINDS.items():
        if pattern.fullmatch(cell):
            return "date" if kind == "date in words" else kind
    return "text"


def is_number(text: str) -> bool:
    """Whether a spreadsheet program takes it for a number."""
    try:
        float(text.replace(",", ".").rstrip("%"))
    except ValueError:
        return False
    return True
