"""Colors, type sizes and the style sheet, made from one table for light, dark and high contrast.

The look follows the system (``QStyleHints.colorScheme``) or is forced. Everything is painted from
the application's ``QPalette`` and ``resources/style.qss``, whose ``@role`` words are filled in here.
"""

from __future__ import annotations

import re
from functools import cache

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontInfo, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from autogpt_desktop import paths

LIGHT = {
    "text": "#1b2428",
    "muted": "#56656c",
    "accent": "#0b7285",
    "accent_hover": "#095c6b",
    "on_accent": "#ffffff",
    "accent_soft": "#e0f0f3",
    "surface": "#ffffff",
    "raised": "#f5f7f8",
    "hover": "#e9edef",
    "border": "#d9dfe2",
    "control": "#7d8c93",  # outline of things one can press or fill in: 3 : 1 on both surfaces
    "danger": "#b3261e",
    "warning": "#8a5300",
    "code_bg": "#f2f5f6",
    "selection": "#bfe3ea",
    "scrim": "#661b2428",
    "toast_accent": "#74c6d7",
    "toast_hover": "#344148",
    "positive": "#0a5fb4",  # blue and orange: told apart by people who do not see red and green
    "neutral": "#5f6d74",
    "negative": "#a94a00",
    "series1": "#0a5fb4",  # several kinds of things beside each other: 4.5 : 1 on the surface
    "series2": "#a94a00",
    "series3": "#00735a",
    "series4": "#7a3fd0",
    "series5": "#b3267a",
    "series6": "#666600",
    "series7": "#56656c",
    "series8": "#7a4b2a",
}
DARK = {
    "text": "#e4e9eb",
    "muted": "#9caab1",
    "accent": "#4fb3c8",
    "accent_hover": "#74c6d7",
    "on_accent": "#06232a",
    "accent_soft": "#173840",
    "surface": "#171c1f",
    "raised": "#1e2529",
    "hover": "#2a3338",
    "border": "#323c41",
    "control": "#74838a",
    "danger": "#ff8f85",
    "warning": "#e8b45a",
    "code_bg": "#10161a",
    "selection": "#1f5563",
    "scrim": "#99000000",
    "toast_accent": "#0b6373",
    "toast_hover": "#cdd6da",
    "positive": "#6db3ff",
    "neutral": "#98a5ab",
    "negative": "#ffa05c",
    "series1": "#6db3ff",
    "series2": "#ffa05c",
    "series3": "#4fd1a5",
    "series4": "#c3a1ff",
    "series5": "#ff8cc6",
    "series6": "#d6cf5a",
    "series7": "#9caab1",
    "series8": "#d2a679",
}
SERIES = 8  # how many of them there are
_OUTSPOKEN = ("text", "muted", "border", "control")
HIGH_CONTRAST = {  # laid over one of the two above
    False: dict.fromkeys(_OUTSPOKEN, "#000000") | {"accent": "#005060"},
    True: dict.fromkeys(_OUTSPOKEN, "#ffffff") | {"surface": "#000000"},
}
TYPE_SIZES = {"small": 0.88, "body": 1.0, "heading": 1.2, "title": 1.6}  # of the system's own size


# Simplified Chinese faces; else the system may take a Japanese one, whose characters look foreign.
HAN = ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Microsoft YaHei UI", "PingFang SC",
       "WenQuanYi Micro Hei")  # fmt: skip


@cache
def _chinese_faces() -> tuple[str, ...]:
    """The first of HAN that is there; to list all families takes 5 ms."""
    return tuple(name for name in HAN if QFontDatabase.hasFamily(name))[:1]


def with_chinese(font: QFont) -> QFont:
    """The same font with a face for the characters that it lacks."""
    made = QFont(font)
    # the face that is meant, not its alias ("Sans Serif"), which a list of families would skip
    made.setFamilies([QFontInfo(font).family(), *_chinese_faces()])
    return made


class Theme(QObject):
    """The look of the application; one instance, ``theme()``."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.is_dark = False
        self._mode = "system"
        self._colors: dict[str, QColor] = {role: QColor(value) for role, value in LIGHT.items()}
        self._base_points = 0.0
        self._installed = False

    def install(self, mode: str) -> None:
        """Style the application; once, before the first widget."""
        app = _app()
        if not self._installed:
            self._installed = True
            app.setStyle("Fusion")
            self._base_points = max(app.font().pointSizeF(), 10.0)
            font = app.font()
            font.setPointSizeF(self._base_points)
            app.setFont(with_chinese(font))
            QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_changed)
            hints = QGuiApplication.styleHints().accessibility()
            hints.contrastPreferenceChanged.connect(self._on_system_changed)
        self.set_mode(mode)

    def set_mode(self, mode: str) -> None:
        """ "light", "dark" or "system"."""
        self._mode = mode
        schemes = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
        # tells the platform too: window frames and file dialogs follow where it can
        QGuiApplication.styleHints().setColorScheme(schemes.get(mode, Qt.ColorScheme.Unknown))
        self._apply()

    def color(self, role: str) -> QColor:
        return QColor(self._colors[role])

    def hex(self, role: str) -> str:
        color = self._colors[role]
        return color.name(QColor.NameFormat.HexArgb if color.alpha() < 255 else QColor.NameFormat.HexRgb)

    def font(self, size: str, *, bold: bool = False) -> QFont:
        """The system's font in one of TYPE_SIZES."""
        font = QFont(_app().font())
        font.setPointSizeF((self._base_points or 10.0) * TYPE_SIZES[size])
        if bold:
            font.setWeight(QFont.Weight.DemiBold)
        return font

    def points(self, size: str) -> float:
        return round((self._base_points or 10.0) * TYPE_SIZES[size], 1)

    def _on_system_changed(self) -> None:
        self._apply()

    def _apply(self) -> None:
        hints = QGuiApplication.styleHints()
        system_dark = hints.colorScheme() == Qt.ColorScheme.Dark
        dark = system_dark if self._mode == "system" else self._mode == "dark"
        high_contrast = hints.accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast
        values = dict(DARK if dark else LIGHT)
        if high_contrast:
            values.update(HIGH_CONTRAST[dark])
        colors = {role: QColor(value) for role, value in values.items()}
        app = _app()
        if colors == self._colors and app.styleSheet():
            return
        self.is_dark, self._colors = dark, colors
        app.setPalette(self._palette())
        app.setStyleSheet(self._style_sheet())
        self.changed.emit()

    def _palette(self) -> QPalette:
        roles = QPalette.ColorRole
        palette = QPalette()
        for role, name in (
            (roles.Window, "surface"), (roles.Base, "surface"), (roles.AlternateBase, "raised"),
            (roles.Button, "raised"), (roles.ToolTipBase, "raised"), (roles.WindowText, "text"),
            (roles.Text, "text"), (roles.ButtonText, "text"), (roles.ToolTipText, "text"),
            (roles.BrightText, "danger"), (roles.PlaceholderText, "muted"), (roles.Highlight, "selection"),
            (roles.HighlightedText, "text"), (roles.Link, "accent"), (roles.LinkVisited, "accent"),
            (roles.Accent, "accent"), (roles.Mid, "border"), (roles.Midlight, "hover"),
            (roles.Dark, "control"), (roles.Light, "raised"),
        ):  # fmt: skip
            palette.setColor(role, self._colors[name])
        faint = QColor(self._colors["muted"])
        faint.setAlpha(150)
        for role in (roles.WindowText, roles.Text, roles.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, role, faint)
        return palette

    def _style_sheet(self) -> str:
        def fill(match: re.Match[str]) -> str:
            word = match.group(1)
            if word == "icons":
                return (paths.resources() / "icons").as_posix()
            if word == "mode":
                return "dark" if self.is_dark else "light"
            if word.startswith("size_"):
                return f"{self.points(word[5:])}pt"
            return _css(self._colors[word])

        return re.sub(r"@([a-z_]+)", fill, _template())


@cache
def theme() -> Theme:
    """The one theme of the process."""
    return Theme()


@cache
def _template() -> str:
    return (paths.resources() / "style.qss").read_text(encoding="utf-8")


def _css(color: QColor) -> str:
    if color.alpha() == 255:
        return color.name()
    return f"rgba({color.red()}, {color.green()}, {color.blue()}, {color.alpha()})"


def _app() -> QApplication:
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        raise RuntimeError("the theme needs a QApplication")
    return app


def contrast(first: QColor, second: QColor) -> float:
    """WCAG 2 contrast ratio of two opaque colors."""

    def luminance(color: QColor) -> float:
        channels = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in (color.redF(), color.greenF(), color.blueF())
        ]
        return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]

    bright, dim = sorted((luminance(first), luminance(second)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)
