"""Titles that say something: many files have none of their own but what a program put there."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PROGRAM = re.compile(
    r"Microsoft (?:Office )?(?:Word|PowerPoint|Excel)\b\s*[-–—:]?\s*|Print(?:ing)?\s*[-–—:]\s*", re.I
)
_FILE = re.compile(
    r"[^\n]{0,300}\.(?:docx?|docm|dotx?|pptx?|xlsx?|pdf|rtf|odt|odp|ods|txt|html?|tex|dvi|e?ps|indd|qxp|qxd|wpd|pages|key"
    r"|pub|md|eml|tmp)\b\W*",
    re.I,
)
_PLACE = re.compile(r"(?:[A-Za-z]:[\\/]|\\\\|/|~/|file:|https?:|about:)\S*", re.I)
_NOTHING = re.compile(
    r"\W*(?:untitled|no[ -]?title|title|anonymous|unknown|none|null|n/a|unnamed|new document|blank(?: page)?"
    r"|(?:untitled|word|pdf|text|scanned|acrobat|openoffice|libreoffice)?[ -]?"
    r"(?:document|doc|scan|file|page|print|layout)"
    r"|powerpoint[ -]?presentation|presentation|slide|folie|book|mappe|workbook|sheet"
    r"|ohne titel|unbenannt|dokument|sans titre|sans nom|document sans nom|sin t[ií]tulo|documento"
    r"|senza titolo|无标题|無標題|未命名|文档|文檔|文件|新建文档|演示文稿|幻灯片|工作簿|标题"
    r"|標題|無題|タイトルなし)"
    r"[\s_-]*\d{0,6}\W*",
    re.I,
)


def telling_title(title: str, makers: Iterable[str] = ()) -> str:
    """The title, or nothing where it is only a placeholder, a file's name or place, or the name of one of
    the programs that made the file."""
    title = " ".join(title.split())[:300]
    bare = _PROGRAM.sub("", title, count=1).strip()
    if not any(letter.isalpha() for letter in bare):
        return ""
    for pattern in (_NOTHING, _FILE, _PLACE):
        if pattern.fullmatch(bare):
            return ""
    folded = bare.casefold()
    if any(folded == (name := " ".join(maker.split()).casefold()) or name.startswith(folded + " ")
           for maker in makers if maker.strip()):  # fmt: skip
        return ""
    return bare if bare != title and title.lower().startswith("microsoft") else title
