"""Small shared pieces: labels in the four type sizes, buttons, a hairline, languages and times in words."""

from __future__ import annotations

from html import escape
from itertools import pairwise

from PySide6 import QtGui
from PySide6.QtCore import QBuffer, QIODevice, QLocale, QSize, Qt
from PySide6.QtGui import QImage, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets import icons

ICON = QSize(20, 20)
NATIVE = {
    "en": "English", "zh": "中文", "de": "Deutsch", "es": "Español", "fr": "Français", "it": "Italiano",
    "pt": "Português", "ru": "Русский", "ja": "日本語", "ko": "한국어", "ar": "العربية", "hi": "हिन्दी",
    "nl": "Nederlands", "pl": "Polski", "tr": "Türkçe", "uk": "Українська", "vi": "Tiếng Việt", "th": "ไทย",
}  # fmt: skip  # Qt would name the language of the locale's country: American English, Español de España


def label(text: str = "", *, size: str = "body", tone: str = "text", wrap: bool = False) -> QLabel:
    """``size``: small, body, heading, title; ``tone``: text, muted, accent, warning, danger."""
    made = QLabel(text)
    made.setProperty("textSize", size)
    made.setProperty("tone", tone)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if wrap:
        made.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return made


def plain_tooltip(text: str) -> str:
    """A tooltip, or a message, that shows the text letter by letter.

    Qt takes what looks like HTML for HTML, and would load the pictures that a file or a model names in it.
    """
    if not QtGui.Qt.mightBeRichText(text):
        return text
    return f"<p style='white-space:pre-wrap'>{escape(text)}</p>"


def set_tone(widget: QWidget, tone: str) -> None:
    """Change a label's color role."""
    set_property(widget, "tone", tone)


def set_property(widget: QWidget, name: str, value: object) -> None:
    """Set a property that the style sheet looks at, and style again when it changed."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def button(text: str = "", *, kind: str = "", icon: str = "") -> QPushButton:
    """``kind``: "primary" (at most one in view), "quiet" (no outline) or "" (outlined)."""
    made = QPushButton(text)
    made.setProperty("kind", kind)
    made.setAutoDefault(True)  # Enter presses it, not only Space
    if icon:
        role = {"primary": "on_accent", "quiet": "accent"}.get(kind, "text")
        made.setIcon(icons.icon(icon, role))
        made.setIconSize(QSize(18, 18))
    return made


class ToolButton(QToolButton):
    """Enter presses it on every desktop, not only Space."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            self.click()
        else:
            super().keyPressEvent(event)


def icon_button(icon: str, role: str = "muted") -> ToolButton:
    """An icon alone; give it a name with ``name_button``."""
    made = ToolButton()
    made.setIcon(icons.icon(icon, role))
    made.setIconSize(ICON)
    made.setAutoRaise(True)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return made


def name_button(made: QToolButton | QPushButton, text: str, shortcut: str = "") -> None:
    """What an icon does, as tooltip and for screen readers."""
    made.setToolTip(plain_tooltip(f"{text} ({shortcut})" if shortcut else text))
    made.setAccessibleName(text)


def parent_of(widget: QWidget) -> QWidget:
    """The parent that ``widget`` was made with; for those that are never without one."""
    parent = widget.parentWidget()
    assert parent is not None
    return parent


def application() -> QApplication:
    """The one that runs."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    return app


def tab_order(*stops: QWidget) -> None:
    """The Tab key goes from each to the next."""
    for before, after in pairwise(stops):
        QWidget.setTabOrder(before, after)


def name_field(field: QLineEdit, text: str) -> None:
    """A field with a × (made first) and perhaps an icon, none of which has a name of its own."""
    field.setPlaceholderText(text)
    field.setAccessibleName(text)
    for made, name in zip(field.findChildren(QToolButton), (tr("Clear"), text), strict=False):
        made.setAccessibleName(name)


def hairline() -> QFrame:
    line = QFrame()
    line.setObjectName("hairline")
    line.setFixedHeight(1)
    return line


class ElidedLabel(QLabel):
    """One line that ends in … where it does not fit; the whole is its tooltip."""

    def __init__(self, text: str = "", *, size: str = "body", tone: str = "text") -> None:
        super().__init__()
        self.setProperty("textSize", size)
        self.setProperty("tone", tone)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._whole = ""
        self.set_text(text)

    def set_text(self, text: str) -> None:
        self._whole = text
        self.setAccessibleName(text)
        self._elide()

    def whole_text(self) -> str:
        return self._whole

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        return QSize(self.fontMetrics().horizontalAdvance(self._whole) + 4, hint.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(40, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        text = self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, max(self.width(), 40))
        self.setToolTip(plain_tooltip(self._whole) if text != self._whole else "")
        if text != self.text():
            super().setText(text)

    def setText(self, text: str) -> None:
        """Or it would be gone with the next change of size."""
        self.set_text(text)


def png_bytes(image: QImage) -> bytes:
    """A picture as a PNG file."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())


def size_text(count: float) -> str:
    """Bytes in words: 98 MB, 1.2 GB."""
    from autogpt_desktop.catalog.entries import human_size

    return tr("{count} bytes", count=f"{count:.0f}") if count < 999.5 else human_size(count)


def languages_text(codes: tuple[str, ...], limit: int = 4) -> str:
    """Languages by their own names: English, 中文, Deutsch +9."""
    names = [NATIVE.get(code) or QLocale(code).nativeLanguageName() or code for code in codes[:limit]]
    names = [name[:1].upper() + name[1:] for name in names]
    more = len(codes) - limit
    text = ", ".join(names)
    return tr("{languages} and {n} more", languages=text, n=more) if more > 0 else text


def time_text(seconds: float) -> str:
    """A rest of time, roughly."""
    if seconds < 90:
        return tr("{n} s", n=max(round(seconds), 1))
    if seconds < 5400:
        return tr("{n} min", n=round(seconds / 60))
    return tr("{n} h", n=f"{seconds / 3600:.1f}")


def bring_to_front(window: QWidget) -> None:
    """Show a window, in front of others, with the focus."""
    window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
    window.show()
    window.raise_()
    window.activateWindow()
