"""Questions in one language over texts in another: the question is translated, and asked in both.

Translations of a small model are rough, and names come out of them changed. So several are made, the one that
most agree with is shown, and the words of all of them, and of the question itself, are
searched. A passage is read with the translation that fits it best, and the model with the question as it was
written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import TYPE_CHECKING

from autogpt_desktop.documents.text.passages import detect
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress
from autogpt_desktop.tasks.answer.lexicon import is_cjk
from autogpt_desktop.tasks.answer.query import Query, QueryTranslation
from autogpt_desktop.tasks.prompts import LANGUAGES
from autogpt_desktop.tasks.translate.prompts import SourceSentence
from autogpt_desktop.tasks.translate.translate import languages
from autogpt_desktop.tasks.translate.translators import translator_for

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import Models

MIN_SHARE = 0.1  # of the passages that are to be in a language, so that it is asked in
MAX_LANGUAGES = 2  # beside the question's own
TRANSLATIONS = 5  # into each
_NEARLY = 0.3  # of the likeliest language's probability: a few words may be in either
_SAMPLED_TEXTS = 24  # whose languages are told, of texts that have no index
_MAX_CHARACTERS = 600  # of a question that is translated


def translate_query(
    models: Models,
    question: str,
    shares: Mapping[str, int],
    cancelled: Callable[[], bool] = lambda: False,
    *,
    found_anyway: bool = False,
) -> Generator[Progress | Notice, None, Query]:
    """The question, also in the languages of the texts where these are others. A Notice says as what.

    ``shares``: ISO 639-1 → how many passages are in it. ``found_anyway``: a model that knows all these
    languages looks for the passages, so that a translation that cannot be had is no Notice. Raises what
    loading the model for translations can raise, except that there is none: that is a Notice too.
    """
    texts = {code: count for code, count in shares.items() if code in LANGUAGES}
    total = sum(texts.values())
    frequent = [code for code, count in Counter(texts).most_common() if count >= MIN_SHARE * total]
    own = _question_language(question, frequent)
    targets = [code for code in frequent if code != own][:MAX_LANGUAGES]
    if not targets or own not in LANGUAGES or len(question) > _MAX_CHARACTERS:
        return Query(question, own)
    try:
        translator = translator_for((yield from models.get("translate")))
    except KnownError as error:
        if error.key not in ("no-model-for-role", "no-model"):
            raise
        translator = None
    known = languages(translator) if translator is not None else ()
    translations = []
    for code in targets:
        if translator is None or own not in known or code not in known:
            continue
        yield Progress("stage.question-translating")
        source = SourceSentence(" ".join(question.split()), own)
        ranked = (yield from translator.several([source], code, TRANSLATIONS, cancelled))[0]
        said = tuple(one.text for one in ranked if one.text and one.text.casefold() != source.text.casefold())
        if said:
            translations.append(QueryTranslation(code, said))
            yield Notice("notice.also-asked", {"question": said[0]})
    if len(translations) < len(targets) and not found_anyway:
        yield Notice("notice.question-not-translated")
    return Query(question, own, tuple(translations), own in frequent)


def language_shares(texts: Iterable[str]) -> dict[str, int]:
    """In which languages texts are, by some of them."""
    texts = list(texts)
    sample = texts[:: max(1, -(-len(texts) // _SAMPLED_TEXTS))]
    return dict(Counter(ranked[0][0] for text in sample if (ranked := detect(text))))


def _question_language(question: str, of_texts: list[str]) -> str:
    """The question's language; one of the texts' where it may well be in that. "": nothing to tell from."""
    ranked = dict(detect(question))
    best = max(ranked.values(), default=0.0)
    likely = [code for code in of_texts if ranked.get(code, 0.0) >= max(_NEARLY * best, 1e-9)]
    if is_cjk(question) and likely:  # a Latin name in it says nothing
        likely = [code for code in likely if code in ("zh", "ja")] or likely
    return max(likely or ranked, key=lambda code: ranked[code], default="")
