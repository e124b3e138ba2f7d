"""The language of the whole application: our own texts and Qt's (dialog buttons, context menus)."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from autogpt_desktop import i18n

_installed: list[QTranslator] = []


def apply(language: str) -> None:
    """Switch to ``language`` ("" follows the system). Qt's texts exist for both of ours."""
    i18n.set_language(language)
    app = QCoreApplication.instance()
    while app is not None and _installed:
        app.removeTranslator(_installed.pop())
    code = i18n.current_language()
    QLocale.setDefault(QLocale(code))
    if app is None or code == "en":
        return
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    translator = QTranslator(app)
    if translator.load(f"qtbase_{code}", folder):
        app.installTranslator(translator)
        _installed.append(translator)
