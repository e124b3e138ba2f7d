"""What is written with letters and is no word of any language: addresses, paths, hashes, numbers."""

from __future__ import annotations

import re

_AROUND = "()[]{}<>.,;:!?\"'*_`«»“”‘’、，。；：！？（）《》【】|=-–—•"
_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]{1,30}://\S+"  # of any scheme
    r"|(?:mailto|tel|sms|magnet|urn|doi|data|file|sha\d{1,3}|md5):\S+"
    r"|[\w.+-]{1,100}@[\w.-]{1,100}(?::\S*)?",  # mail, and what git is asked for
    re.IGNORECASE | re.ASCII,
)
_HOST = re.compile(  # or a file's name
    r"(?:[A-Za-z0-9_-]{1,100}\.){1,20}([A-Za-z]{2,24})((?::\d{1,5})?(?:[/?#]\S*)?)"
)
_PATH = re.compile(r"(?:~|\.{1,2}|[A-Za-z]:|\\)?[\\/][^\s/\\]{1,255}(?:[\\/][^\s/\\]{0,255})*|\\\\\S+")
_WITH_UNIT = re.compile(r"\d{1,20}(?:[.,]\d{1,20})?[A-Za-z]{1,4}")  # 20th, 5km: people read them
_LONG_RUN = re.compile(r"[A-Za-z]{5}")  # a word with a year behind it
_ENCODED = re.compile(r"(?=\S*[0-9+/_=-])(?=\S*[a-z])(?=\S*[A-Z])[A-Za-z0-9+/_-]{24,}={0,2}")


def is_code(word: str) -> bool:
    """Whether a word, as it stands between blanks, is none: an address, a path, a hash, a number."""
    word = word.strip(_AROUND) if not word.startswith(("/", "\\", ".", "~")) else word.rstrip(_AROUND)
    if not word or len(word) > 4096:
        return True
    if _ADDRESS.fullmatch(word) or _PATH.fullmatch(word) or "://" in word:
        return True
    host = _HOST.fullmatch(word)
    if host and (host[2] or host[1].islower()):  # "end.Then" lost its blank
        return True
    if not word.isascii():
        return False
    if _ENCODED.fullmatch(word):
        return True
    digits = sum(character.isdigit() for character in word)
    letters = sum(character.isalpha() for character in word)
    if not letters:
        return True
    if not digits or _WITH_UNIT.fullmatch(word):
        return False
    return digits >= letters or (len(word) >= 5 and 2 * digits >= letters and not _LONG_RUN.search(word))


def has_words(text: str) -> bool:
    """Whether there is a word in a text, beside what ``is_code`` knows."""
    return any(any(map(str.isalpha, word)) and not is_code(word) for word in text.split())
