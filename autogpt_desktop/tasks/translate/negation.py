"""Was a "not" lost, or put where there was none? Told by words, as far as these say it plainly.

For each language what surely denies, and whatever may deny in other words ("unable", "only", "instead"): a
sentence is doubtful where one side denies and nothing in the other may. Of people's own translations (FLORES
dev, 400 sentences of each pair with English) 0 to 2.3 % are taken for wrong; of those that lost their "not"
57 to 86 % are seen, out of Chinese, Japanese and Korean none. Where a pack can be asked, ``doubt`` asks it
what it thinks of the sentence without its "not" (``without``), which tells more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice

from autogpt_desktop.documents.text.languages import base_code

# Chinese, Japanese and Korean deny so often where others do not that what denies there proves nothing.
_DENIES = {
    "en": r"\b(?:not|cannot)\b|n['’]t\b",
    "pt": r"\bnão\b",
    "es": r"\bno\b(?! \.)",
    "it": r"\bnon\b",
    "fr": r"\b(?:ne|n['’]\w+)\b.{1,40}?\b(?:pas|jamais|plus|rien|aucune?|personne)\b",
    "de": r"\b(?:nicht|kein(?:e[mnrs]?)?)\b",
    "ru": r"\bне\b",
    "ar": r"(?<!\w)(?:لا|لم|لن|ليس|ليست)(?!\w)",
}
_MAY_DENY = {
    "en": (
        r"\b(?:not|no|nor|none|never|neither|nobody|nothing|nowhere|without|cannot|hardly|rarely|"
        r"barely|lack\w*|fail\w*|unable|unlike\w*|refus\w*|instead|rather|prevent\w*|avoid\w*|"
        r"un(?!i|d|t)\w{4,}|in(?:capable|ability|sufficient|valid|adequate|complete|dependent|"
        r"correct)\w*|im(?:poss|prob)\w*|dis(?:agree|allow|like|approv)\w*|non\w*|deni\w+|\w+less|"
        r"except|only|unless|few|little)\b|n['’]t\b"
    ),
    "pt": (
        r"\b(?:não|nem|nunca|jamais|sem|nenhum\w*|ningu[ée]m|nada|impossíve\w+|in(?:suficien|"
        r"capaz|capac|dispon|determin|complet)\w*|falta\w*|exceto|apenas|somente|só|tampouco|recus\w+|"
        r"evit\w+|raramente|em vez|deix(?:ou|aram) de|imped\w+)\b"
    ),
    "es": (
        r"\b(?:no|ni|nunca|jamás|sin|ning[uú]n\w*|nadie|nada|tampoco|imposibl\w+|in(?:suficien|"
        r"capaz|capac|dispon)\w*|falta\w*|excepto|sólo|solo|sino|salvo|en vez|en lugar|evit\w+|"
        r"raramente|carec\w+|imp[ie]d\w+|negaron|negó)\b"
    ),
    "it": (
        r"\b(?:non|n[éè]|mai|senza|nessun\w*|niente|nulla|impossibil\w+|in(?:capac|sufficien)\w*|"
        r"manc\w+|solo|neppure|neanche|nemmeno|anziché|invece|evit\w+|raramente|s(?:conosciut|"
        r"prov)\w+|tranne|imped\w+)\b"
    ),
    "fr": (
        r"\b(?:ne|pas|ni|non|jamais|sans|aucune?|rien|impossible\w*|in(?:capable|suffisa)\w*|"
        r"manqu\w+|seul\w*|plutôt|au lieu|évit\w+|sauf|refus\w+|empêch\w+)\b|\bn['’]"
    ),
    "de": (
        r"\b(?:nicht\w*|nie\w*|kein\w*|ohne|weder|nein|un(?!d|t|s|g?e?f|i)\w{4,}|"
        r"\w{3,}los(?:e[mnrs]?)?|wenig\w*|kaum|statt|sondern|nur|fehl\w+|verhinder\w+|vermeid\w+|"
        r"außer|anstatt|nirgend\w*)\b"
    ),
    "ru": (
        r"\b(?:не\w*|ни(?:\b|к\w+|ч\w+|г\w+)|нет|без\w*|бес\w+|кроме|лишь|вместо|редко|"
        r"отсутств\w+|вряд|отказ\w+)\b"
    ),
    "zh": r"[不没沒无無未非勿莫否]|缺乏|禁止|拒绝|避免|以外|才",
    "ja": r"な[いくかしさ]|ませ|ず|ぬ|無|不|非|未|まい|以外",
    "ko": r"않|못|없|안 |말[고라아]|모르|몰[라랐]|아니|아닌|아닐|불[가능]|비\w|무\w",
    "ar": r"(?<!\w)[وف]?(?:لا|لم|لن|ليس\w*|غير|دون|بدون|عدم|بلا|ما)(?!\w)|سوى|إلا|رفض",
}

# What takes one "not" out of a sentence: (what says it, what stays). What this makes need not be good
# grammar, and a word that only looks like it does no harm: a model tells.
_TAKEN_OUT: dict[str, tuple[tuple[str, str], ...]] = {
    "en": ((r"\bcan(?:not|['’]t)\b", "can"), (r"\bwon['’]t\b", "will"), (r"n['’]t\b| not\b", "")),
    "pt": ((r"\bnão ", ""),),
    "es": ((r"\bno ", ""),),
    "ca": ((r"\bno ", ""),),
    "gl": ((r"\bnon ", ""),),
    "it": ((r"\bnon ", ""),),
    "ro": ((r"\bnu ", ""), (r"\bn-", "")),
    "fr": ((r"\b(?:ne |n['’])(\w+) (?:pas|plus|jamais)\b", r"\1"), (r" pas\b", "")),
    "de": ((r" nicht\b", ""), (r"\bkein(?=e[mnrs]?\b|\b)", "ein")),
    "nl": ((r" niet\b", ""), (r"\bgeen\b", "een")),
    "sv": ((r" inte\b", ""), (r"\bingen\b", "en")),
    "da": ((r" ikke\b", ""), (r"\bingen\b", "en")),
    "no": ((r" ikke\b", ""), (r"\bingen\b", "en")),
    "nb": ((r" ikke\b", ""), (r"\bingen\b", "en")),
    "nn": ((r" ikkje\b", ""), (r"\bingen\b", "ein")),
    "is": ((r" ekki\b", ""),),
    "ru": ((r"\bне ", ""), (r"\bнет\b", "есть")),
    "uk": ((r"\bне ", ""), (r"\bнемає\b", "є")),
    "be": ((r"\bне ", ""), (r"\bняма\b", "ёсць")),
    "bg": ((r"\bне ", ""), (r"\bняма\b", "има")),
    "pl": ((r"\bnie ", ""),),
    "cs": ((r"\bnení\b", "je"), (r"\bne(?=\w{2})", "")),
    "sk": ((r"\bnie ", ""), (r"\bne(?=\w{2})", "")),
    "sl": ((r"\bni(?=so\b|sem\b|smo\b)", ""), (r"\bni\b", "je"), (r"\bne ", "")),
    "hr": ((r"\bni(?=je\b|su\b|sam\b|smo\b)", ""), (r"\bne ", ""), (r"\bnema\b", "ima")),
    "sr": ((r"\b(?:ni|ни)(?=je\b|su\b|је\b|су\b)", ""), (r"\b(?:ne|не) ", ""), (r"\bнема\b", "има")),
    "bs": ((r"\bni(?=je\b|su\b|sam\b|smo\b)", ""), (r"\bne ", ""), (r"\bnema\b", "ima")),
    "mk": ((r"\bне ", ""), (r"\bнема\b", "има")),
    "lt": ((r"\bnėra\b", "yra"), (r"\bne(?=\w{2})", "")),
    "lv": ((r"\bnav\b", "ir"), (r"\bne(?=\w{2})", "")),
    "et": ((r"\bei ", ""), (r"\bpole\b", "on")),
    "fi": ((r"\b(?:en|et|ei|emme|ette|eivät) ", ""),),
    "hu": ((r"\bnem ", ""), (r"\bnincs(?:enek)?\b", "van")),
    "el": ((r"\b(?:δεν|δε|μην) ", ""),),
    "sq": ((r"\b(?:nuk|s') ?", ""),),
    "tr": ((r" değil\b", ""), (r"(?<=\w)m(?=[ıiuü]yor)", ""), (r"(?<=\w)m[ae](?=d[ıi])", "")),
    "he": ((r"\b(?:לא|אינו|אינה|אינם) ", ""), (r"\bאין ", "יש ")),
    "fa": ((r"\bن(?=می)", ""), (r"\bنیست", "است")),
    "ar": ((r"(?<!\w)(?:لا|لم|لن|ليس|ليست) ", ""),),
    "hi": ((r" (?:नहीं|न)(?= )", ""),),
    "th": ((r"ไม่", ""),),
    "vi": ((r"\b(?:không|chưa) ", ""),),
    "id": ((r"\b(?:tidak|bukan|belum) ", ""),),
    "ms": ((r"\b(?:tidak|bukan|belum) ", ""),),
    "zh": ((r"[没沒](?=有)", ""), (r"[不没沒未]", ""), (r"无法", "可以"), (r"無法", "可以")),
    "ja": (
        (r"(?<=[さし])ない", "る"), (r"(?:では|じゃ)ない", "である"), (r"(?<=[てで])い?ない", "いる"),
        (r"(?<=[れけべせめきえ])ない", "る"), (r"ありません", "あります"), (r"ません", "ます"),
        (r"(?:では)?なかった", "であった"), (r"(?<=[かがさたなばまら])ない", ""),
    ),
    "ko": ((r"지 않", ""), (r"(?<= )안 ", ""), (r"지 못", ""), (r"없", "있"), (r"(?:이|가) 아니", "이")),
}  # fmt: skip
_MOST_TAKEN_OUT = 4  # of one sentence


def without(text: str, language: str) -> list[str]:
    """The sentence without one "not", for each that it has (of the first few); [] where it has none, or
    nobody knows."""
    return list(islice(dict.fromkeys(_without(text, language)), _MOST_TAKEN_OUT))


def _without(text: str, language: str) -> Iterator[str]:
    for pattern, stays in _TAKEN_OUT.get(base_code(language), ()):
        for match in _pattern(pattern).finditer(text):
            yield " ".join((text[: match.start()] + match.expand(stays) + text[match.end() :]).split())


def lost_negation(source: str, translation: str, from_: str, to: str) -> bool:
    """Does one of them deny what the other does not? False for languages that are not known here."""
    return _alone(source, from_, translation, to) or _alone(translation, to, source, from_)


def _alone(text: str, language: str, other: str, its: str) -> bool:
    language, its = base_code(language), base_code(its)
    if language not in _DENIES or its not in _MAY_DENY:
        return False
    return bool(_pattern(_DENIES[language]).search(text)) and not _pattern(_MAY_DENY[its]).search(other)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)
