"""Text shown to people: English in the code, other languages in ``resources/i18n``.

``tr("Send")`` looks its English text up in the current language's catalog. Errors, notices and
stages travel as keys; ``message(key)`` words them from ``resources/i18n/<language>/*.json``, where
the English catalog holds such keys only and every other language holds keys and ``tr`` texts.
"""

from __future__ import annotations

import json
import locale
import os
import re
from functools import cache
from typing import Any

from autogpt_desktop import paths
from autogpt_desktop.errors import KnownError

LANGUAGES = {"en": "English", "zh_CN": "简体中文"}
_current = "en"


@cache
def catalog(language: str) -> dict[str, str]:
    """All texts of one language, its files merged."""
    merged: dict[str, str] = {}
    for file in sorted((paths.resources() / "i18n" / language).glob("*.json")):
        merged.update(json.loads(file.read_text(encoding="utf-8")))
    return merged


def _system_locale() -> str:
    return os.environ.get("LC_ALL") or os.environ.get("LANG") or locale.getlocale()[0] or ""


def system_language() -> str:
    """The best of LANGUAGES for this system."""
    name = _system_locale()
    return "zh_CN" if name.lower().startswith(("zh", "chinese")) else "en"


def set_language(language: str) -> None:
    """Switch every later ``tr``; ``""`` follows the system."""
    global _current
    _current = language if language in LANGUAGES else system_language()


def current_language() -> str:
    return _current


def user_languages() -> tuple[str, ...]:
    """The languages that the user reads, ISO 639-1: the window's, and the system's."""
    system = re.match("[a-z]{2}(?![a-z])", _system_locale())  # not of "C", nor of Windows' long names
    return tuple(dict.fromkeys((_current[:2], *([system[0]] if system else ()))))


def tr(text: str, /, **values: Any) -> str:
    """``text`` in the current language, its ``{placeholders}`` filled."""
    if _current != "en":
        text = catalog(_current).get(text, text)
    return text.format(**values) if values else text


def message(what: KnownError | str, /, **values: Any) -> str:
    """The sentence for a known error, or for a key such as ``notice.gpu-full``."""
    if isinstance(what, KnownError):
        key, values = f"error.{what.key}", what.values
    else:
        key = what
    text = catalog(_current).get(key) or catalog("en").get(key) or key
    try:
        return text.format(**values)
    except (KeyError, IndexError):
        return text
