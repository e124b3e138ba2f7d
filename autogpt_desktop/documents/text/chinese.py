"""Chinese in both its scripts: which one a text is in, and one made of the other (OpenCC's tables).

Traditional characters are written as in Taiwan; words stay what they are, because OpenCC's tables of
Taiwan's words take "procedure" (程序) for "program" (程式). The first use takes a tenth of a second.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import SequenceMatcher
from functools import cache
from typing import Any

SIMPLIFIED, TRADITIONAL = "zh", "zh-Hant"  # as languages are named; "zh" alone is in simplified characters
_TAGS = {
    "zh-hans": SIMPLIFIED, "zh-cn": SIMPLIFIED, "zh-sg": SIMPLIFIED, "zh-hant": TRADITIONAL,
    "zh-tw": TRADITIONAL, "zh-hk": TRADITIONAL, "zh-mo": TRADITIONAL,
}  # fmt: skip
_LOOKED_AT = 4000  # characters
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


def common_tag(tag: str) -> str:
    """ "zh-Hant" for "zh_TW", "zh" for "zh-CN"; other tags as they are."""
    return _TAGS.get(tag.replace("_", "-").lower(), tag)


def without_script(code: str) -> str:
    """ "zh" for both scripts; other codes as they are."""
    return SIMPLIFIED if code == TRADITIONAL else code


def simplified(text: str) -> str:
    """``text`` in simplified characters."""
    return _convert("tw2s", text)


def traditional(text: str) -> str:
    """``text`` in traditional characters, its quotation marks too."""
    if not _HAN.search(text):
        return text
    return _convert("s2tw", text).replace("“", "「").replace("”", "」")


def in_script(text: str, code: str) -> str:
    """``text`` as the script of ``code`` writes it; as it is where that is not Chinese."""
    return traditional(text) if code == TRADITIONAL else simplified(text) if code == SIMPLIFIED else text


def script_of(text: str, default: str = SIMPLIFIED) -> str:
    """The script that more characters are written in alone; ``default`` where none tells, or as many."""
    sample = "".join(_HAN.findall(text[:_LOOKED_AT]))
    old = sum(one in _traditional_only() for one in sample)
    new = sum(one in _simplified_only() for one in sample)
    return default if old == new else TRADITIONAL if old > new else SIMPLIFIED


def with_script(code: str, text: str, before: str = "") -> str:
    """A language that was found, with its script: that of ``before`` where the text does not tell."""
    if code != SIMPLIFIED:
        return code
    return script_of(text, before if without_script(before) == SIMPLIFIED else SIMPLIFIED)


def both_scripts(codes: tuple[str, ...]) -> tuple[str, ...]:
    """With "zh-Hant" behind "zh", which can be made of it."""
    if SIMPLIFIED not in codes or TRADITIONAL in codes:
        return codes
    at = codes.index(SIMPLIFIED) + 1
    return (*codes[:at], TRADITIONAL, *codes[at:])


def offsets(before: str, after: str) -> Callable[[int], int]:
    """From places in a text to places in what it was converted to. Nearly always the two are equally long."""
    if len(before) == len(after):
        return lambda place: place
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()

    def moved(place: int) -> int:
        for _, start, end, first, last in blocks:
            if place < end or end == len(before):
                return first + min(max(place - start, 0), last - first)
        return len(after)

    return moved


def _convert(table: str, text: str) -> str:
    if not _HAN.search(text):
        return text
    # lone surrogates have no UTF-8; a zero byte would end what the library reads
    parts = re.split(r"([\ud800-\udfff\0]+)", text)
    return "".join(part if at % 2 else _table(table).convert(part) for at, part in enumerate(parts))


@cache
def _table(name: str) -> Any:
    from opencc import OpenCC

    return OpenCC(name)


@cache
def _traditional_only() -> frozenset[str]:
    return _changed("t2s")


@cache
def _simplified_only() -> frozenset[str]:
    return _changed("s2t")


def _changed(table: str) -> frozenset[str]:
    """The common characters that a table makes others of."""
    every = [chr(code) for code in range(0x4E00, 0xA000)]
    converted = _table(table).convert("\n".join(every)).split("\n")
    return frozenset(one for one, other in zip(every, converted, strict=True) if one != other)
