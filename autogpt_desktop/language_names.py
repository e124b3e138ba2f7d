"""What languages are called in the language of the reader."""

from __future__ import annotations

from autogpt_desktop.i18n import tr


def name_of_language(code: str) -> str:
    """ "French" or 法语; "" for a code that is not in the table."""
    return _names().get(code, "")


def order_of_language(code: str) -> int:
    """Its place in the table, where the most used come first; for lists in Chinese."""
    names = list(_names())
    return names.index(code) if code in names else len(names)


def _names() -> dict[str, str]:
    return {
        "en": tr("English"), "zh": tr("Chinese"),
        "zh-Hans": tr("Chinese (Simplified)"), "zh-Hant": tr("Chinese (Traditional)"),
        "fr": tr("French"), "de": tr("German"),
        "es": tr("Spanish"), "ja": tr("Japanese"), "ko": tr("Korean"), "pt": tr("Portuguese"),
        "it": tr("Italian"), "ru": tr("Russian"), "ar": tr("Arabic"), "nl": tr("Dutch"),
        "sv": tr("Swedish"), "da": tr("Danish"), "no": tr("Norwegian"), "fi": tr("Finnish"),
        "pl": tr("Polish"), "cs": tr("Czech"), "hu": tr("Hungarian"), "ro": tr("Romanian"),
        "tr": tr("Turkish"), "uk": tr("Ukrainian"), "el": tr("Greek"), "he": tr("Hebrew"),
        "hi": tr("Hindi"), "th": tr("Thai"), "vi": tr("Vietnamese"), "id": tr("Indonesian"),
        "fa": tr("Persian"), "la": tr("Latin"), "bg": tr("Bulgarian"), "ca": tr("Catalan"),
        "az": tr("Azerbaijani"), "be": tr("Belarusian"), "bn": tr("Bengali"), "bs": tr("Bosnian"),
        "et": tr("Estonian"), "gu": tr("Gujarati"), "hr": tr("Croatian"), "is": tr("Icelandic"),
        "kn": tr("Kannada"), "lt": tr("Lithuanian"), "lv": tr("Latvian"), "ml": tr("Malayalam"),
        "ms": tr("Malay"), "mt": tr("Maltese"), "nb": tr("Norwegian Bokmål"),
        "nn": tr("Norwegian Nynorsk"), "sk": tr("Slovak"), "sl": tr("Slovenian"), "sq": tr("Albanian"),
        "sr": tr("Serbian"), "ta": tr("Tamil"), "te": tr("Telugu"),
    }  # fmt: skip
