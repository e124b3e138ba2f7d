"""What is spoken in a file of subtitles: SRT, WebVTT (W3C) and SubStation Alpha (ASS, SSA).

Each function cuts a text into (is it spoken, piece); the pieces are the text. What is spoken is all of a cue.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|\Z)")
_TIME = r"(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}"
_TIMING = re.compile(rf"\s*{_TIME}[ \t]*-->[ \t]*{_TIME}(?:[ \t]+[A-Za-z]\w{{0,20}}:\S*+)*+\s*")
_NO_CUE = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|\Z)")
_DRAWING = re.compile(r"\{[^{}]{0,500}\\p[1-9]")
_FIELDS = 10  # of a line in SubStation Alpha, where the file names none

Parts = list[tuple[bool, str]]


def _lines(text: str) -> list[str]:
    return [found[0] for found in _LINE.finditer(text) if found[0]]


def srt(text: str) -> Parts:
    """A cue ends where the next one's number stands: it may have empty lines and name times."""
    lines = _lines(text)
    parts: Parts = []
    spoken: list[str] = []
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        numbered = line.strip("\ufeff \t\r\n").isdigit() and _TIMING.fullmatch(following)
        if not (numbered or _TIMING.fullmatch(line)):
            spoken.append(line)
            continue
        _add(parts, spoken, bool(parts))
        spoken = []
        parts.append((False, line))
    _add(parts, spoken, bool(parts))
    return parts


def vtt(text: str) -> Parts:
    """A cue ends at an empty line; what goes on behind one, and is no note, is spoken too."""
    parts: Parts = []
    spoken: list[str] = []
    after_cue = False
    for number, block in enumerate(_blocks(_lines(text))):
        timings = [at for at, line in enumerate(block) if _TIMING.fullmatch(line)]
        is_note = (number == 0 and not timings) or (_NO_CUE.match(block[0]) and timings[:1] != [1])
        if not timings and not is_note and after_cue:
            spoken += block
            continue
        _add(parts, spoken, True)
        spoken = []
        if not timings:
            after_cue = False
            parts.append((False, "".join(block)))
            continue
        if number == 0 and timings[0] > 1:  # a header without an empty line behind it
            parts.append((False, "".join(block[: timings[0]])))
        else:
            parts += [(False, line) for line in block[: timings[0]]]
        for at, end in zip(timings, [*timings[1:], len(block)], strict=True):
            _add(parts, spoken, True)
            parts.append((False, block[at]))
            spoken = block[at + 1 : end]
        after_cue = True
    _add(parts, spoken, True)
    return parts


def ass(text: str) -> Parts:
    """The last field of each line of dialogue."""
    parts: Parts = []
    section, fields = "", _FIELDS
    for line in _lines(text):
        bare = line.strip("\ufeff \t\r\n")
        if bare.startswith("[") and bare.endswith("]"):
            section = bare[1:-1].lower()
        key, _, rest = bare.partition(":")
        if section == "events" and key.lower() == "format":
            fields = rest.count(",") + 1
        if section != "events" or key.lower() != "dialogue" or rest.count(",") < fields - 1:
            parts.append((False, line))
            continue
        start = line.index(":") + 1
        for _ in range(fields - 1):
            start = line.index(",", start) + 1
        parts.append((False, line[:start]))
        said = line[start:]
        _add(parts, [said], not _DRAWING.search(said))
    return parts


def _blocks(lines: Sequence[str]) -> list[list[str]]:
    """Lines with the empty ones behind them."""
    found: list[list[str]] = []
    open_block = False
    for line in lines:
        if not open_block and (line.strip() or not found):
            found.append([])
        found[-1].append(line)
        open_block = bool(line.strip())
    return found


def _add(parts: Parts, lines: Sequence[str], is_spoken: bool) -> None:
    """What lines say, without the white space around it."""
    whole = "".join(lines)
    bare = whole.strip(" \t\r\n")
    if not is_spoken or not bare:
        parts += [(False, whole)] if whole else []
        return
    start = whole.index(bare)
    parts += [(False, whole[:start]), (True, bare), (False, whole[start + len(bare) :])]
