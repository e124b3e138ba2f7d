"""The small parts of the chat panel: its header, the context meter, the empty state, the banner."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, ParamSpec

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from autogpt_desktop.catalog.roles import made_for
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.models.offer import ModelOffer
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import ElidedLabel, button, icon_button, label, name_button
from autogpt_desktop.ui.widgets.reading_style import SCROLL_BAR
from autogpt_desktop.ui.widgets.theme import theme

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

P = ParamSpec("P")
HIGH = 0.8  # share of the context from which the meter warns


def plainly(method: Callable[P, None]) -> Callable[P, None]:
    """For slots that write to the history: a known error (a full disk) is said, not thrown."""

    @wraps(method)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(*args, **kwargs)
        except KnownError as error:
            args[0].context.show_error(error)  # type: ignore[attr-defined]

    return guarded


@lru_cache(maxsize=16)  # what is attached is counted with every key
def estimate_tokens(text: str) -> int:
    """Roughly how many tokens a text is: four Latin letters or one other character each."""
    if text.isascii():
        return (len(text) + 3) // 4
    others = sum(character > "\u2e7f" for character in text)
    return others + (len(text) - others + 3) // 4


class ContextMeter(QWidget):
    """How much of the model's context the conversation fills, and what is being written adds."""

    def __init__(self) -> None:
        super().__init__()
        self.used = self.draft = self.length = 0
        self.setFixedSize(48, 20)

    def show_values(self, used: int, draft: int, length: int) -> None:
        """In tokens; ``length`` 0: not known, nothing is drawn."""
        self.used, self.draft, self.length = used, draft, length
        text = tr("Context: about {used} of {length} tokens", used=f"{used + draft:,}", length=f"{length:,}")
        self.setToolTip(text if length else "")
        self.setAccessibleName(text if length else tr("Context"))
        self.update()

    @property
    def share(self) -> float:
        return (self.used + self.draft) / self.length if self.length else 0.0

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.length:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        width, y = self.width(), self.height() / 2 - 2
        painter.setBrush(theme().color("border"))
        painter.drawRoundedRect(0, y, width, 4, 2, 2)
        color = theme().color(
            "danger" if self.draft > self.length else "warning" if self.share > HIGH else "accent"
        )
        for tokens, alpha in ((self.used + self.draft, 110), (self.used, 255)):
            color.setAlpha(alpha)
            painter.setBrush(color)
            painter.drawRoundedRect(0, y, max(0.0, min(1.0, tokens / self.length) * width), 4, 2, 2)
        painter.end()


class Header(QWidget):
    """Title of the conversation, figures, and the buttons for the whole of it."""

    def __init__(self) -> None:
        super().__init__()
        self.sidebar = icon_button("sidebar")
        self.title = ElidedLabel(size="body")
        self.figures = label(size="small", tone="muted")
        self.meter = ContextMeter()
        self.find = icon_button("search")
        self.temporary = icon_button("temporary")
        self.temporary.setCheckable(True)
        self.export = icon_button("export")
        self.drawer = icon_button("drawer")
        self.drawer.setCheckable(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(4)
        row.addWidget(self.sidebar)
        row.addSpacing(4)
        row.addWidget(self.title, 1)
        row.addWidget(self.figures)
        row.addSpacing(12)
        row.addWidget(self.meter)
        row.addSpacing(8)
        for made in (self.find, self.temporary, self.export, self.drawer):
            row.addWidget(made)
        self.retranslate()

    def retranslate(self) -> None:
        name_button(self.sidebar, tr("Conversations"), "Ctrl+B")
        name_button(self.find, tr("Find in this conversation"), "Ctrl+F")
        name_button(self.temporary, tr("Temporary chat: nothing of it is kept"), "Ctrl+Shift+N")
        name_button(self.export, tr("Export this conversation"))
        name_button(self.drawer, tr("System prompt and sampling"), "Ctrl+E")


class Banner(QWidget):
    """One quiet sentence above the composer, and what can be done about it."""

    def __init__(self) -> None:
        super().__init__()
        self.picture = QLabel()
        self.text = label(size="small", tone="muted", wrap=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.setSpacing(8)
        row.addWidget(self.picture)
        row.addWidget(self.text, 1)
        self.action = button(kind="quiet")
        row.addWidget(self.action)
        self.hide()

    def say(self, text: str, icon: str = "info") -> None:
        """Show a sentence; "" hides it."""
        self.setVisible(bool(text))
        if text and text != self.text.text():
            self.picture.setPixmap(icons.icon(icon, "muted").pixmap(QSize(16, 16), self.devicePixelRatioF()))
            self.text.setText(text)
            self.setAccessibleName(text)


class EmptyState(QScrollArea):
    """One sentence and example prompts that send when clicked."""

    chosen = Signal(str)

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its buttons are the stops
        self.sentence = label(size="title", wrap=True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.note = label(tone="muted", wrap=True)
        self.note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.examples = [QPushButton() for _ in range(4)]
        middle = QWidget()
        middle.setMaximumWidth(440)
        examples = QVBoxLayout(middle)
        examples.setContentsMargins(0, 0, 0, 0)
        examples.setSpacing(8)
        for made in self.examples:
            made.setAutoDefault(True)  # Enter presses it
            made.clicked.connect(self._clicked)
            examples.addWidget(made)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(middle, 1000)
        row.addStretch(1)
        page = QWidget()
        page.setObjectName("page")
        column = QVBoxLayout(page)
        column.setContentsMargins(24, 16, 24 + SCROLL_BAR, 16)  # centred over the composer
        column.setSpacing(8)
        column.addStretch(2)
        column.addWidget(self.sentence)
        column.addWidget(self.note)
        column.addSpacing(16)
        column.addLayout(row)
        self._column = column
        self.offer: ModelOffer | None = None
        self._offer_of_tasks()
        column.addStretch(3)
        self.setWidget(page)
        context.language_changed.connect(self.retranslate)
        context.model_changed.connect(self.retranslate)
        context.theme_changed.connect(self.restyle)
        self.restyle()
        self.temporary = False
        self.retranslate()

    def _offer_of_tasks(self) -> None:
        """Before the first conversation: what the other panels need is one click away here too."""
        model = made_for("translate")[0]
        here = any(each.name == model.name for each in self.context.installed_models())
        if here or self.context.settings.last_conversation:
            return
        self.offer = ModelOffer(self.context, self.context.downloads, "translate")
        self._column.addSpacing(16)
        self._column.addWidget(self.offer)
        self.context.models_listed.connect(self._make_room)
        self._make_room()

    def _make_room(self) -> None:
        """Fewer examples beside the offer, so that a small window shows its button too."""
        offered = self.offer is not None and not self.offer.isHidden()
        for made in self.examples[2:]:
            made.setVisible(not offered)

    def restyle(self) -> None:
        """Quieter than other buttons: they are suggestions."""
        hex_of = theme().hex
        sheet = (
            f"QPushButton {{ border: 1px solid {hex_of('border')}; border-radius: 10px;"
            "padding: 8px 16px; min-height: 22px; }"
            f"QPushButton:hover {{ background: {hex_of('raised')}; border-color: {hex_of('control')}; }}"
            f"QPushButton:focus {{ border: 2px solid {hex_of('accent')}; padding: 7px 15px; }}"
        )
        for made in self.examples:
            made.setStyleSheet(sheet)

    def set_temporary(self, temporary: bool) -> None:
        self.temporary = temporary
        self.retranslate()

    def _clicked(self) -> None:
        self.chosen.emit(self.sender().text())

    def retranslate(self) -> None:
        self.sentence.setText(
            tr("Temporary chat") if self.temporary else tr("What would you like to talk about?")
        )
        self.note.setText(
            tr("Nothing of it is written to disk. It is gone when you leave it.")
            if self.temporary
            else tr("The model runs on this computer. Nothing you write leaves it.")
        )
        pairs = (
            ("Why is the sky blue?", tr("Why is the sky blue?")),
            ("Write a short poem about the sea", tr("Write a short poem about the sea")),
            ("Give me three ideas for a quick dinner", tr("Give me three ideas for a quick dinner")),
            ("Explain what an atom is in simple words", tr("Explain what an atom is in simple words")),
        )
        model = self.context.model()
        foreign = (
            model is not None and model.languages and "zh" not in model.languages
        )  # it would answer badly
        for made, (english, translated) in zip(self.examples, pairs, strict=True):
            made.setText(english if foreign else translated)
