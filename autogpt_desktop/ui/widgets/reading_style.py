"""The look of chat text: sizes and colors, taken from the application's palette and the zoom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontInfo, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QStyleOptionToolButton, QWidget

from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import ToolButton, plain_tooltip
from autogpt_desktop.ui.widgets.theme import theme, with_chinese

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

COLUMN = 72  # characters at most in a line of text
SCROLL_BAR = 12  # px that every column leaves free for it
_SAMPLE = "The quick brown fox jumps over the lazy dog, and then it reads a book at home "


@dataclass(frozen=True)
class ChatStyle:
    """Everything a message needs to draw itself."""

    font: QFont
    mono: QFont
    small: QFont
    dark: bool
    text: QColor
    muted: QColor
    accent: QColor
    raised: QColor
    border: QColor
    code_bg: QColor
    selection: QColor

    @property
    def column_width(self) -> int:
        """Pixels of a column of COLUMN average characters."""
        sample = _SAMPLE[:COLUMN]
        return int(QFontMetricsF(self.font).horizontalAdvance(sample) / len(sample) * COLUMN)

    @property
    def line_height(self) -> float:
        return QFontMetricsF(self.font).height() * 1.3

    @property
    def leading(self) -> int:
        """Pixels that the generous line height leaves below the last line."""
        return round(self.line_height - QFontMetricsF(self.font).height())

    @property
    def key(self) -> tuple[object, ...]:
        """Changes whenever a drawn message would look different."""
        return (self.font.pixelSize(), self.font.family(), self.dark, self.text.rgba(), self.accent.rgba())


def chat_style(context: AppContext) -> ChatStyle:
    """The style for the current theme, palette and zoom."""
    zoom = max(0.5, min(3.0, float(context.settings.zoom)))
    base = QApplication.font()
    font = QFont(base)
    font.setPixelSize(round(max(15, QFontInfo(base).pixelSize() * 1.15) * zoom))
    mono = with_chinese(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
    mono.setPixelSize(round(font.pixelSize() * 0.88))
    mono.setStyleHint(QFont.StyleHint.Monospace)
    small = theme().font("small")
    color = context.color
    return ChatStyle(
        font, mono, small, context.is_dark(), color("text"), color("muted"), color("accent"),
        color("raised"), color("border"), color("code_bg"), color("selection"),
    )  # fmt: skip


class QuietButton(ToolButton):
    """A small flat icon button. ``quiet`` hides it from the eye, not from keyboard or screen reader."""

    def __init__(self, icon: str, parent: QWidget | None = None, size: int = 28) -> None:
        super().__init__(parent)
        self.quiet = False
        self.setAutoRaise(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setIconSize(QSize(16, 16))
        self.setFixedSize(size, size)
        self.set_icon(icon)

    def set_icon(self, name: str) -> None:
        self.setIcon(icons.icon(name, "muted"))

    def name(self, text: str, shortcut: str = "") -> None:
        """Tooltip and screen-reader name in one."""
        self.setToolTip(plain_tooltip(f"{text} ({shortcut})" if shortcut else text))
        self.setAccessibleName(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.quiet and not self.hasFocus():
            return
        option = QStyleOptionToolButton()
        self.initStyleOption(option)
        painter = QPainter(self)
        self.style().drawComplexControl(self.style().ComplexControl.CC_ToolButton, option, painter, self)
        painter.end()
