"""A guess at the language of a text, good enough to warn that a model was not made for it."""

from __future__ import annotations

import re
from functools import cache

SAMPLE = 4000  # characters that are looked at
_RANGES = (
    ("kana", 0x3040, 0x30FF), ("hangul", 0xAC00, 0xD7AF), ("hangul", 0x1100, 0x11FF), ("han", 0x4E00, 0x9FFF),
    ("han", 0x3400, 0x4DBF), ("cyrillic", 0x0400, 0x04FF), ("arabic", 0x0600, 0x06FF),
    ("hebrew", 0x0590, 0x05FF), ("greek", 0x0370, 0x03FF), ("thai", 0x0E00, 0x0E7F),
    ("devanagari", 0x0900, 0x097F),
)  # fmt: skip
_LANGUAGE = {
    "kana": "ja", "hangul": "ko", "han": "zh", "cyrillic": "ru", "arabic": "ar", "hebrew": "he",
    "greek": "el", "thai": "th", "devanagari": "hi",
}  # fmt: skip
_RELATED = {"ru": {"uk", "bg", "sr", "be", "mk", "kk"}, "ar": {"fa", "ur"}, "hi": {"mr", "ne"}}
_STOP_WORDS = {
    "en": "the and is are of to in that it you what how for with this was have not can my me please from by "
    "an do does i at be your why who when where",
    "fr": "le la les des est et une un que qui dans pour pas vous je nous sur avec ce cette quel quelle quoi "
    "comment pourquoi du au mon ma mes bonjour sont",
    "de": "der die das und ist ein eine nicht ich du sie wir mit für auf den dem von zu wie was warum bitte "
    "mir im wer wo kann sind hallo",
    "es": "el los las es y una un que de en para por con no yo cómo qué cuál como está del al mi hola quién "
    "dónde son porque la",
    "it": "il lo gli è e una un che di in per con non come cosa sono del della mi ciao perché chi dove qual "
    "questo questa la",
    "pt": "o os as é e uma um que de em para por com não como você está do da no na meu minha olá quem onde "
    "são porque qual",
}


@cache
def _words(language: str) -> frozenset[str]:
    return frozenset(_STOP_WORDS[language].split())


def guess_language(text: str) -> str:
    """ISO 639-1 code of the language that most of the text is in, "" when it cannot be told."""
    text = re.sub(r"```.*?(```|$)", " ", text[:SAMPLE], flags=re.DOTALL)  # code has no language
    letters = [character for character in text if character.isalpha()]
    if not letters:
        return ""
    counts: dict[str, int] = {}
    for character in letters:
        point = ord(character)
        script = next((name for name, low, high in _RANGES if low <= point <= high), "")
        counts[script] = counts.get(script, 0) + 1
    latin = counts.pop("", 0)
    if counts:
        if counts.get("kana", 0) * 8 > counts.get("han", 0) and "kana" in counts:
            counts["kana"] += counts.pop("han", 0)  # Japanese writes with both
        script = max(counts, key=lambda name: counts[name])
        dense = script in ("han", "kana", "hangul", "thai")  # one letter says as much as several Latin ones
        if counts[script] * (3 if dense else 1) >= latin:
            return _LANGUAGE[script]
    return _latin_language(text)


def _latin_language(text: str) -> str:
    words = re.findall(r"[^\W\d_]+", text.lower())
    if len(words) < 2:
        return ""
    scores = {language: sum(word in _words(language) for word in words) for language in _STOP_WORDS}
    best = max(scores, key=lambda language: scores[language])
    others = max(score for language, score in scores.items() if language != best)
    enough = scores[best] >= max(1 if best == "en" else 2, len(words) * 0.12)
    return best if enough and scores[best] > others else ""


def is_supported(language: str, languages: tuple[str, ...]) -> bool:
    """Whether a model that claims ``languages`` was made for ``language``; unknown counts as yes."""
    if not language or not languages:
        return True
    claimed = {code.replace("_", "-").split("-")[0].lower() for code in languages}
    return language in claimed or "multilingual" in claimed or bool(_RELATED.get(language, set()) & claimed)
