"""Which language a text is in: by its script first, then by py3langid, helped by common words.

Naive Bayes over letter groups (langid: Lui and Baldwin 2012) is unsure about a few words, and calls
them Ligurian as soon as Italian. So what it says is weighed by how many people write a language, and
a word that only few languages have counts for those.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from autogpt_desktop.documents.text.scripts import count_letters

SAMPLE = 6000  # characters looked at, from the beginning, the middle and the end
# When a language is sure. Of 11,250 sentences of FLORES and their first words, in 11 languages, 0.08 % of
# what these call sure is wrong, and they decide 45 % of what is shorter than 40 letters; with 12 letters
# 0.27 % and 57 %, with a probability of 0.9 no better. Of names alone 3 % are called another language.
SURE = 0.8  # probability
LETTERS = 16  # as ``count_letters`` has them
NEARLY = 0.3  # of the likeliest language's probability: a few words may be in either
_COUNTED = 400  # characters whose letters are counted

_SCRIPTS = {  # the first word of a character's Unicode name → script
    "CJK": "han", "HIRAGANA": "kana", "KATAKANA": "kana", "HANGUL": "hangul", "LATIN": "latin",
    "CYRILLIC": "cyrillic", "ARABIC": "arabic", "GREEK": "greek", "HEBREW": "hebrew", "THAI": "thai",
    "DEVANAGARI": "devanagari", "BENGALI": "bengali", "TAMIL": "tamil", "TELUGU": "telugu",
    "GEORGIAN": "georgian", "ARMENIAN": "armenian", "GUJARATI": "gujarati", "GURMUKHI": "gurmukhi",
    "KANNADA": "kannada", "MALAYALAM": "malayalam", "SINHALA": "sinhala", "KHMER": "khmer", "LAO": "lao",
    "MYANMAR": "burmese", "ETHIOPIC": "ethiopic", "ORIYA": "oriya", "TIBETAN": "tibetan",
    "HALFWIDTH": "kana", "IDEOGRAPHIC": "han",
}  # fmt: skip
_ONLY = {  # scripts that one language writes, or nearly
    "greek": "el", "hebrew": "he", "thai": "th", "tamil": "ta", "telugu": "te", "georgian": "ka",
    "armenian": "hy", "gujarati": "gu", "gurmukhi": "pa", "kannada": "kn", "malayalam": "ml",
    "sinhala": "si", "khmer": "km", "lao": "lo", "burmese": "my", "oriya": "or", "tibetan": "bo",
    "hangul": "ko",
}  # fmt: skip
_WRITTEN_IN = {
    "cyrillic": "ru uk be bg mk sr kk ky mn tg tt ba",
    "arabic": "ar fa ur ps ug sdh",
    "devanagari": "hi mr ne sa",
    "bengali": "bn as",
    "ethiopic": "am",
}
# For a guess by the script alone: who mostly writes it.
_MOSTLY = {**_ONLY, "han": "zh", "kana": "ja"} | {
    script: codes.split()[0] for script, codes in _WRITTEN_IN.items()
}
_RELATED = {
    "ru": {"uk", "bg", "sr", "be", "mk", "kk"},
    "ar": {"fa", "ur"},
    "hi": {"mr", "ne"},
}  # which share a script
_SAME = {"pcm": "en", "arz": "ar", "ary": "ar", "wuu": "zh", "yue": "zh", "nn": "no", "uzs": "uz"}


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_MANY = _set("en zh fr de es ja ko pt it ru ar")
_SOME = _set("nl pl sv da no fi cs hu ro tr uk el he th vi id hi fa bg hr sk sl sr ca et lt lv sw ms")
_WEIGHT = 2.5  # of a Chinese character, which says as much as two or three letters

# Written in Japan only (simplified there, or made there).
_JAPANESE = frozenset(
    "気駅図広売読対変楽薬鉄円働込峠畑匂枠栃辻塀凧沢浜桜戦竜歳氷県団権検"
    "険剣児従縦渋摂塩壱弐仏払拝択釈駄駆労栄営覚"
)

_WORDS = {
    "en": (
        "the and is are was of to in that it you for with this what how not have be my your i hello"
        " thanks thank please good where who why yes"
    ),
    "fr": (
        "le la les et est des une un je tu vous nous ne pas que qui dans pour avec merci bonjour oui où"
        " au du ce c'est j'ai salut bonsoir"
    ),
    "de": (
        "der die das und ist nicht ich du sie wir ein eine zu mit auf für von den dem hallo danke guten"
        " bitte ja wie was wo"
    ),
    "es": (
        "el la los las y es de que en un una no por para con hola gracias está cómo qué dónde muy yo lo"
        " buenos días sí"
    ),
    "pt": (
        "o a os as e é de que em um uma não por para com olá obrigado obrigada está como onde muito eu"
        " bom dia sim"
    ),
    "it": (
        "il la lo gli e è di che in un una non per con ciao grazie dove come sono molto io questo"
        " buongiorno sì"
    ),
    "nl": "de het een en is van niet ik je dat hallo dank wij zijn met voor",
    "sv": "och att det är inte jag du som en ett hej tack på",
    "da": "og at det er ikke jeg du som en et hej tak på",
    "no": "og at det er ikke jeg du som en et hei takk på",
    "pl": "nie i w na jest to się że dziękuję cześć dzień z",
    "ro": "și nu este un o în că mulțumesc salut la cu",
    "tr": "ve bir bu da de için değil merhaba teşekkürler ne",
    "id": "yang dan di ini itu tidak untuk dengan saya terima kasih selamat",
    "vi": "là và của không tôi bạn có xin chào cảm ơn một",
    "fi": "ja on ei se hän minä kiitos hei että",
    "cs": "a je se na že není děkuji ahoj to v",
    "hu": "a az és nem hogy egy köszönöm szia van",
    "la": "et in est non ad cum sed qui",
    "ru": "и в не на что я он с как это привет спасибо да нет по мы вы",
    "uk": "і в не на що я він з як це привіт дякую так та ми ви",
    "bg": "и в не на че аз той с как това здравей благодаря да за се е",
    "sr": "и у не на да ја он са како то здраво хвала је се",
    "be": "і ў не на што я ён з як гэта дзякуй",
    "ar": "في من على أن هذا هذه ما هل لا إلى مرحبا شكرا السلام",
    "fa": "در از به که این را با است سلام ممنون می نیست دنیا",
    "ur": "کے کا کی ہے میں اور سے کو یہ شکریہ نہیں",
}
# More common words of the six that a guess without the model tells apart.
_MORE_WORDS = {
    "en": "a as on about tell write give make can me from by an do does at when",
    "fr": "sur cette quel quelle quoi comment pourquoi mon ma mes sont",
    "de": "warum mir im wer kann sind",
    "es": "cuál como del al mi quién son porque",
    "it": "cosa del della mi perché chi qual questa",
    "pt": "você do da no na meu minha quem são porque qual",
}
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_CODE = re.compile(r"```.*?(```|$)", re.DOTALL)
_NOISE = re.compile(
    r"https?://\S+|(?<!\S)(?=\S[^\s@]*+@\S[^\s.]*+\.\S)\S++|`[^`]*`|<[^>]{1,200}>"
)  # an address is looked for once a word: from each letter on it would take the square of the time


@dataclass(frozen=True, slots=True)
class Detected:
    """The language of a text: ISO 639-1 where there is such a code, "" where nothing is written."""

    code: str
    probability: float  # 0 where nothing is written
    letters: int  # of the beginning, see ``count_letters``
    ranked: tuple[tuple[str, float], ...] = ()  # as ``detect`` has it

    @property
    def sure(self) -> bool:
        """Enough is written, and it is hardly another: a user may be told."""
        return self.probability >= SURE and self.letters >= LETTERS

    def share(self, code: str) -> float:
        """The probability of another language."""
        return next((share for other, share in self.ranked if other == code), 0.0)


def language_of(text: str, *, among: Container[str] = (), default: str = "") -> Detected:
    """The likeliest language of a text, or of those NEARLY as likely the first that is ``among`` these.

    ``default``: what to call it where nothing is written that tells: digits, signs, white space.
    The first call loads a model, which takes a second, see ``guess_without_model``.
    """
    ranked = tuple(detect(text))
    letters = count_letters(_NOISE.sub(" ", text[:_COUNTED]))
    if not ranked:
        return Detected(default, 0.0, letters)
    nearly = (pair for pair in ranked if pair[0] in among and pair[1] >= NEARLY * ranked[0][1])
    code, share = next(nearly, ranked[0])
    return Detected(code, share, letters, ranked)


def guess_without_model(text: str) -> str:
    """The language that most of a text is in, ISO 639-1; "" where script and common words do not tell.

    For the thread that draws: the model of ``language_of`` takes most of a second to load, this is done
    after a millisecond. Of FLORES it names 94 % of whole sentences and 63 % of their first three to five
    words, and is wrong about 1.5 and 1 %. Code in fences has no language.
    """
    text = _CODE.sub(" ", text[:SAMPLE])
    scripts = _scripts(text)
    script = max(scripts, key=lambda name: scripts[name], default="")
    if script != "latin":
        return _MOSTLY.get(script, "")
    words = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
    scores = Counter({code: sum(word in common for word in words) for code, common in _guessed().items()})
    (best, score), (_, second) = scores.most_common(2)
    different = len(_guessed()[best].intersection(words))  # "a" twice is no Portuguese
    enough = different >= (1 if best == "en" else 2) and score >= 0.12 * len(words)
    return best if len(words) > 1 and enough and score > second else ""


def base_code(tag: str) -> str:
    """The language of a tag: "zh" of "zh-Hans"."""
    return tag.replace("_", "-").split("-")[0].lower()


def is_supported(language: str, languages: Sequence[str]) -> bool:
    """Whether a model that claims ``languages`` was made for ``language``; unknown counts as yes."""
    if not language or not languages:
        return True
    claimed = set(map(base_code, languages))
    return language in claimed or "multilingual" in claimed or bool(_RELATED.get(language, set()) & claimed)


def detect(text: str) -> list[tuple[str, float]]:
    """Languages (ISO 639-1 where there is such a code) and probabilities that sum to 1, likeliest first.

    Empty where nothing is written: only digits, signs, white space.
    """
    sample = unicodedata.normalize("NFKC", _NOISE.sub(" ", _sample(text)))
    scripts = _scripts(sample)
    if not scripts and _sample(text).strip():
        sample = unicodedata.normalize("NFKC", _sample(text))
        scripts = _scripts(sample)
    total = sum(scripts.values())
    found: Counter[str] = Counter()
    for script, weight in scripts.items():
        for language, share in _of_script(script, sample, scripts).items():
            found[language] += share * weight / total  # type: ignore[assignment]
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [(language, round(share, 4)) for language, share in ranked[:8] if share >= 0.001]


def _sample(text: str) -> str:
    if len(text) <= SAMPLE:
        return text
    part, middle = SAMPLE // 3, len(text) // 2
    return " ".join((text[:part], text[middle : middle + part], text[-part:]))


def _scripts(sample: str) -> dict[str, float]:
    """How much of the text each script is; kana and the Chinese characters around it are "japanese"."""
    counted: Counter[str] = Counter()
    for character, times in Counter(sample).items():
        if script := _script(character):
            counted[script] += times
    weights = {
        name: n * (_WEIGHT if name in {"han", "kana", "hangul"} else 1.0) for name, n in counted.items()
    }
    kana, han = weights.get("kana", 0.0), weights.get("han", 0.0)
    if kana and kana >= 0.08 * (kana + han):
        weights.pop("han", None)
        weights["kana"] = kana + han
    return weights


@cache
def _script(character: str) -> str:
    if not character.isalpha():
        return ""
    return _SCRIPTS.get(unicodedata.name(character, "").split(" ")[0].split("-")[0], "other")


def _of_script(script: str, sample: str, scripts: dict[str, float]) -> dict[str, float]:
    """The languages that may have written this part of the text; they sum to 1."""
    if script in _ONLY:
        return {_ONLY[script]: 1.0}
    if script == "kana":
        return {"ja": 1.0}
    if script == "han":
        return {"ja": 0.8, "zh": 0.2} if _JAPANESE & set(sample) else {"zh": 0.95, "ja": 0.05}
    if script == "other":
        return {"und": 1.0}
    part = " ".join(word for word in _WORD.findall(sample) if _script(word[0]) == script)
    allowed = frozenset(_WRITTEN_IN[script].split()) if script in _WRITTEN_IN else None
    return _by_model(part, allowed)


def _by_model(text: str, allowed: frozenset[str] | None) -> dict[str, float]:
    """py3langid's probabilities, weighed by what is common and by the words that are known."""
    words = Counter(word.lower().replace("’", "'") for word in _WORD.findall(text))
    known = sum(words[word] * len(_languages_of(word)) > 0 for word in words)
    scores: Counter[str] = Counter()
    for code, probability in _model().rank(text):
        language = _SAME.get(code, code)
        if (allowed is None and language in _not_latin()) or (
            allowed is not None and language not in allowed
        ):
            continue
        # with little text every language is near 1 in 140: the prior decides
        scores[language] += (probability + 1e-4) * (
            1.0 if language in _MANY else 0.4 if language in _SOME else 0.08
        )
    for word, times in words.items():
        languages = _languages_of(word)
        for language in languages:
            if scores[language]:
                # the fewer languages have the word, the more it says
                scores[language] *= 1 + 6 * min(times, 3) / (len(languages) * (1 + 0.2 * max(0, known - 4)))  # type: ignore[assignment]
    total = sum(scores.values()) or 1.0
    return {language: score / total for language, score in scores.items() if score > 0}


@cache
def _languages_of(word: str) -> tuple[str, ...]:
    return tuple(language for language, words in _words().items() if word in words)


@cache
def _words() -> dict[str, frozenset[str]]:
    return {language: frozenset(words.split()) for language, words in _WORDS.items()}


@cache
def _guessed() -> dict[str, frozenset[str]]:
    return {language: _words()[language] | _set(more) for language, more in _MORE_WORDS.items()}


@cache
def _not_latin() -> frozenset[str]:
    other = " ".join(_WRITTEN_IN.values()).split() + list(_ONLY.values())
    return frozenset([*other, "zh", "ja", "zxx"]) - {"sr", "uz", "tk", "tg", "tt", "ug", "mn", "kk"}


@cache
def _model() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # a second to load: only when needed

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
