"""What languages are called in the language of the window, and what a translation's flags mean."""

from __future__ import annotations

from PySide6.QtCore import QLocale

from autogpt_desktop.i18n import current_language, tr
from autogpt_desktop.language_names import name_of_language, order_of_language


def language_name(code: str) -> str:
    """ "French" or 法语, Chinese with its script; a code that is not in the table by Qt's English name."""
    code = "zh-Hans" if code == "zh" else code
    language = QLocale(code).language()
    known = language != QLocale.Language.C  # what Qt calls a code that it does not know
    return name_of_language(code) or (QLocale.languageToString(language) if known else code)


def sorted_languages(codes: tuple[str, ...]) -> list[str]:
    """By their names, as a reader of the window's language looks for them."""
    names = {code: language_name(code) for code in codes}
    if current_language() == "zh_CN":
        return sorted(codes, key=order_of_language)
    return sorted(codes, key=names.__getitem__)


def flag_text(flag: str) -> str:
    """Why a sentence should be looked at again."""
    texts = {
        "empty": tr("Nothing came out for this sentence."),
        "short": tr("Much shorter than usual: something may be missing."),
        "long": tr("Much longer than usual: something may have been added."),
        "repeats": tr("A phrase is repeated again and again."),
        "copied": tr("Left as it was: not translated."),
        "numbers": tr("Numbers differ from the original."),
        "placeholders": tr("Links, codes or placeholders differ from the original."),
        "language": tr("It may be in the wrong language, or come from one that the model does not know."),
        "negation": tr("One says “not”, the other does not seem to."),
        "names": tr("Names of the original are missing, or other ones have come."),
        "omitted": tr("Some words of the original seem to be left out."),
        "unlike": tr("It may say something else than the original."),
        "term": tr("A term of your glossary may not fit its sentence."),
        "glossary": tr("A term of your glossary was not used."),
    }
    return texts.get(flag, flag)


def unknown_text(language: str) -> str:
    """What to say about a text in a language that the model does not know."""
    if language == "und":
        return tr("The language of this text is not one that the model knows.")
    return tr(
        "This text seems to be in {language}, which the model does not know:"
        " expect a poor translation, and check it.", language=language_name(language),
    )  # fmt: skip
