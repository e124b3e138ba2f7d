"""What stands where a conversation has no messages yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from autogpt_desktop.catalog.roles import made_for
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.models.offer import ModelOffer
from autogpt_desktop.ui.models.rows import fit_warning
from autogpt_desktop.ui.widgets.basic import label
from autogpt_desktop.ui.widgets.reading_style import SCROLL_BAR
from autogpt_desktop.ui.widgets.theme import theme

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext


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
        for example in self.examples:
            example.setAutoDefault(True)  # Enter presses it
            # A column narrower than its text cuts the text rather than the page.
            example.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            example.clicked.connect(self._clicked)
            examples.addWidget(example)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(middle, 1000)
        row.addStretch(1)
        page = QWidget()
        page.setObjectName("page")
        column = QVBoxLayout(page)
        column.setContentsMargins(24, 16, 24 + SCROLL_BAR, 16)  # centered over the composer
        column.setSpacing(8)
        column.addStretch(2)
        column.addWidget(self.sentence)
        column.addWidget(self.note)
        column.addSpacing(16)
        column.addLayout(row)
        self._column = column
        self.offer: ModelOffer | None = None
        self._offer_models()
        column.addStretch(3)
        self.setWidget(page)
        context.language_changed.connect(self.retranslate)
        context.model_changed.connect(self.retranslate)
        context.theme_changed.connect(self.restyle)
        self.restyle()
        self.temporary = False
        self.retranslate()

    def _offer_models(self) -> None:
        """Before the first conversation: better answers are one click away, or where memory is too short
        for them the smaller model that the other panels need."""
        if self.context.settings.last_conversation:
            return
        installed = {each.name for each in self.context.installed_models()}
        larger = made_for("chat")[-1]
        fits = not fit_warning(larger, self.context.settings)
        if fits and larger.name not in installed:
            self.offer = ModelOffer(self.context, self.context.downloads, "chat", larger=True)
        elif not fits and made_for("translate")[0].name not in installed:
            self.offer = ModelOffer(self.context, self.context.downloads, "translate")
        else:
            return
        self._column.addSpacing(16)
        self._column.addWidget(self.offer)
        self.context.models_listed.connect(self._make_room)
        self._make_room()

    def _make_room(self) -> None:
        """Fewer examples beside the offer, so that a small window shows its button too."""
        offered = self.offer is not None and not self.offer.isHidden()
        for example in self.examples[2:]:
            example.setVisible(not offered)

    def restyle(self) -> None:
        """Quieter than other buttons: they are suggestions."""
        hex_of = theme().hex
        sheet = (
            f"QPushButton {{ border: 1px solid {hex_of('border')}; border-radius: 10px;"
            "padding: 8px 16px; min-height: 22px; }"
            f"QPushButton:hover {{ background: {hex_of('raised')}; border-color: {hex_of('control')}; }}"
            f"QPushButton:focus {{ border: 2px solid {hex_of('accent')}; padding: 7px 15px; }}"
        )
        for example in self.examples:
            example.setStyleSheet(sheet)

    def set_temporary(self, temporary: bool) -> None:
        self.temporary = temporary
        self.retranslate()

    def _clicked(self) -> None:
        example = self.sender()
        if isinstance(example, QPushButton):
            self.chosen.emit(example.text())

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
        for example, (english, translated) in zip(self.examples, pairs, strict=True):
            example.setText(english if foreign else translated)
