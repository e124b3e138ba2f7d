"""Bytes as text: which encoding a file without a mark is in.

UTF-8 is certain enough when it fits. Chinese, Japanese and Korean encodings fit each other's bytes,
so each is judged by how common the characters are that it makes, and so are the code pages of single
bytes. What none of them explains is charset-normalizer's.
"""

from __future__ import annotations

import codecs
import string
from collections import Counter

_SAMPLE = 64 << 10  # bytes that are judged
# The most frequent characters of each way of writing: what a right reading is made of.
_HAN = (
    "的一是不了在人有我他中上大和地到以要就出可也你生能而子那得下自之年作里用道行所然家事成方多去法如都同"
    "面起看定天分好小部其些主理心她本前但因只想日者意力它把十民第公此已工使情明性知全三又正外高由很最重手"
    "向文政美相被"
)
_SIMPLE = (
    "这个们来为国说时会对过后发经么学现当没动还进样开从实与长机无关点业将两间问应头体见产给门东员论处义认"
    "条气题"
)
_TRADITIONAL = (
    "這個們來為國說時會對過後發經麼學現當沒動還進樣開從實與長機無關點業將兩間問應頭體見產給門東員論處義認"
    "條氣題"
)
_KANA = "".join(
    chr(code) for code in (*range(0x3041, 0x3094), *range(0x30A1, 0x30F7), 0x30FC, 0x3001, 0x3002)
)
_HANGUL = (
    "이다는을의에가고은하지로한를도사기서자나시리인어대아그정해있일수전부라만으과스상보여장게제적국요안녕세"
    "니습까모든경우연구무"
)
_CANDIDATES = {
    "gb18030": frozenset(_HAN + _SIMPLE + _TRADITIONAL + "，。、“”：；？！"),
    "big5hkscs": frozenset(_HAN + _TRADITIONAL + "，。、「」：；？！"),
    "cp932": frozenset(_KANA + _HAN + "日本語私"),
    "euc_jp": frozenset(_KANA + _HAN + "日本語私"),
    "cp949": frozenset(_HANGUL),
    "utf-16-le": frozenset(_HAN + _SIMPLE + _TRADITIONAL + _KANA + _HANGUL + "，。、：；？！"),
    "utf-16-be": frozenset(_HAN + _SIMPLE + _TRADITIONAL + _KANA + _HANGUL + "，。、：；？！"),
}
# First bytes of the characters that each standard puts first, because they are in use.
_IN_USE = {
    "gb18030": (0xB0, 0xD7),
    "big5hkscs": (0xA4, 0xC6),
    "cp932": (0x88, 0x97),
    "euc_jp": (0xB0, 0xCF),
    "cp949": (0xB0, 0xC8),
}
_LIKELY = 0.45  # of 1; a right reading of a few words has more, a wrong one of many hardly half of it
# Single bytes: the letters that each code page is used for, lower case, the frequent ones.
_LATIN = {
    "cp1252": "àâäáãåæçèéêëìíîïñòóôöõøùúûüœß«»“”‘’„–—…°§€£©®·¿¡ªº",
    "cp1250": "ąćęłńóśźżáčďéěíňřšťúůýžőűăâîşţđ„”“’–—…§€°",
    "cp1254": "ıışşğöçüâîûİ“”’–—…€°",
    "cp1257": "ąčęėįšųūžāēģīķļņõäöü„“”’–—…€°",
}
_OTHERS = {
    "cp1251": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфіїєґў–—«»„“№",
    "koi8_r": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфё",
    "cp866": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфё",
    "cp1253": "αοιετνσηρπκμλςυδγχθωάέίόύήώφβξζψ–—«»“”’",
    "cp1256": "ايلمنتورهبدسفعكقحةأىجشصطخءضذثغزظإآئؤ،؟",
    "cp1255": "יוהלאתמרבשנעםדקחפטגצסזכןךףץ–—״׳",
    "cp874": "านรกอเงยลมตวสทดคปหแขชพบไใจะโศธถผฟ่้ัี็ิืุู",
}
_MARKS = [
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
]  # fmt: skip


def decode(data: bytes) -> tuple[str, str] | None:
    """(text, encoding) or None: this is not text. What does not fit the encoding becomes U+FFFD."""
    mark, encoding = marked(data)
    if mark and _is_wrong(mark, encoding, data):
        data = data[len(mark) :]
        encoding = ""
    found = encoding or find_encoding(data)
    return None if found is None else (data.decode(found, errors="replace"), found)


def marked(data: bytes) -> tuple[bytes, str]:
    """The mark of an encoding that the data begins with, and what it says; (b"", "") without one."""
    return next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", ""))


def _is_wrong(mark: bytes, encoding: str, data: bytes) -> bool:
    """Do the bytes behind a mark belie it, as where a program put it before text in another encoding?"""
    rest = data[len(mark) :]
    if encoding == "utf-8-sig":
        return not fits(rest, "utf-8") and not _nearly_utf8(rest)
    if rest.translate(None, string.printable.encode()) or len(rest) < 20:
        return False
    order = "utf-16-le" if mark == codecs.BOM_UTF16_LE else "utf-16-be"
    return _score(rest[: _SAMPLE & ~1], order) < _LIKELY  # Chinese can have such bytes too


def find_encoding(data: bytes, complete: bool = True) -> str | None:
    """The name of the encoding, "utf-8" for plain ASCII; None: this is not text.

    ``complete=False``: the data is only a file's beginning, which may end inside a character.
    """
    if encoding := marked(data)[1]:
        return encoding
    if fits(data, "utf-8", complete):
        return "utf-8" if b"\0" not in data else _zeros(data)
    if b"\0" in data[:_SAMPLE]:
        return _zeros(data)
    if _nearly_utf8(data):
        return "utf-8"
    sample = _sample(data)
    # an accent here and there would make Chinese characters with the letters behind it
    western, score = _best_page(sample, _LATIN) if _mostly_ascii(sample, 4) else ("", 0.0)
    found = western if score >= 0.95 else _by_characters(sample) or _by_bytes(sample)
    if found is None or not _is_text(sample.decode(found, errors="replace")):
        return None
    return found


def fits(data: bytes, encoding: str, complete: bool = True) -> bool:
    """Whether all of the data is valid in this encoding."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(data, final=complete)
    except UnicodeDecodeError:
        return False
    return True


def _nearly_utf8(data: bytes) -> bool:
    """A few wrong bytes among many that only UTF-8 would put so."""
    text = data.decode("utf-8", errors="replace")
    wrong = text.count("\ufffd")
    beyond = len(data) - len(text)  # about two for each character that is not ASCII
    return beyond > 40 * wrong


def _zeros(data: bytes) -> str | None:
    """UTF-16 without a mark has its zeros at every second place; other files with zeros are no text."""
    sample = data[: _SAMPLE & ~1]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    encoding = "utf-16-be" if even > odd else "utf-16-le"
    if not fits(sample, encoding, complete=False) or not _is_text(sample.decode(encoding, errors="replace")):
        return None
    if 10 * (even + odd) < len(sample) and not sample.translate(None, string.printable.encode() + b"\0"):
        return None  # a zero here and there in a text of single bytes
    return encoding if max(even, odd) > 8 * min(even, odd) or _score(sample, encoding) >= _LIKELY else None


def _sample(data: bytes) -> bytes:
    """The lines that tell most: those with bytes beyond ASCII. Else a long English beginning hides them."""
    if len(data) <= _SAMPLE:
        return data
    first = next((at for at in range(0, len(data), 4096) if not data[at : at + 4096].isascii()), 0)
    start = data.rfind(b"\n", 0, first) + 1 if first else 0
    if first - start > _SAMPLE // 2:
        start = first
    return data[start : start + _SAMPLE]


def _by_characters(sample: bytes) -> str | None:
    scores = {encoding: _score(sample, encoding) for encoding in _CANDIDATES}
    best = max(scores, key=lambda encoding: scores[encoding])
    return best if scores[best] >= _LIKELY else None


def _score(sample: bytes, encoding: str) -> float:
    """How common the characters beyond ASCII are: 1 each for the most frequent, 0.6 for those in use.

    0 where the bytes do not fit.
    """
    if encoding.startswith("utf-16") and len(sample) % 2 and len(sample) < _SAMPLE:
        return 0.0
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample, final=False)
    except UnicodeDecodeError:
        return 0.0
    counted = Counter(character for character in text if character > "\x7f")
    common, (low, high) = _CANDIDATES[encoding], _IN_USE.get(encoding, (1, 0))
    score = 0.0
    for character, times in counted.items():
        if character in common:
            score += times
        elif encoding.startswith("utf-16"):
            score += 0.35 * times * ("\u3040" <= character <= "\ud7a3")
        elif low <= character.encode(encoding, errors="replace")[0] <= high:
            score += 0.6 * times
    return score / counted.total() if counted else 0.0


def _by_bytes(sample: bytes) -> str:
    """The code page whose letters these are: Latin ones stand among ASCII letters, others do not."""
    best, score = _best_page(sample, _LATIN if _mostly_ascii(sample, 1) else _OTHERS)
    if score >= 0.5:
        return best
    from charset_normalizer import from_bytes

    found = from_bytes(sample[:8192]).best()
    return found.encoding if found is not None else "cp1252"


def _mostly_ascii(sample: bytes, times: int) -> bool:
    """Whether there are so many times more ASCII letters than others."""
    letters = len(sample) - len(sample.translate(None, string.ascii_letters.encode()))
    return letters > times * sum(byte >= 0xC0 for byte in sample)


def _best_page(sample: bytes, pages: dict[str, str]) -> tuple[str, float]:
    scores = {encoding: _lower_score(sample, encoding, likely) for encoding, likely in pages.items()}
    best = max(scores, key=lambda encoding: scores[encoding])  # the first of equals
    return best, scores[best]


def _lower_score(sample: bytes, encoding: str, likely: str) -> float:
    counted = Counter(character for character in sample.decode(encoding, "replace") if character > "\x7f")
    score = sum(
        times * (1.0 if character in likely else 0.4 * (character.lower() in likely))
        for character, times in counted.items()
    )
    return score / counted.total() if counted else 0.0


def _is_text(text: str) -> bool:
    head = text[:20_000]
    control = sum(1 for character in head if character < " " and character not in "\t\n\r\f\x1b\x1a")
    return "\0" not in head and control * 100 <= len(head) and head.count("\ufffd") * 5 <= len(head)
