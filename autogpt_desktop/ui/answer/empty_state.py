"""What the conversation shows before the first question: one sentence, one action."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QLabel, QMenu, QScrollArea, QVBoxLayout, QWidget

from autogpt_desktop import i18n
from autogpt_desktop.catalog.roles import candidates
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.models.offer import ModelOffer
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import button, label

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

NO_FILES, FILES, NO_TEXT, TEXT = "no files", "files", "no text", "text"


class AnswerEmptyState(QScrollArea):
    """``kind`` is one of the words above."""

    files_requested = Signal()
    folder_requested = Signal()

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        self.kind = NO_FILES
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._picture = QLabel()
        self._sentence = label(size="title", wrap=True)
        self._note = label(tone="muted", wrap=True)
        for made in (self._picture, self._sentence, self._note):
            made.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.add_button = button(kind="primary", icon="folder")
        self._menu = QMenu(self)
        self._files, self._folder = QAction(self), QAction(self)
        self._files.triggered.connect(self.files_requested)
        self._folder.triggered.connect(self.folder_requested)
        self._menu.addActions([self._files, self._folder])
        self.add_button.setMenu(self._menu)
        self.offer = ModelOffer(context, context.downloads, "embed")
        self._offering = QWidget()  # the offer hides and shows itself inside
        inside = QVBoxLayout(self._offering)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.offer)
        page = QWidget()
        page.setObjectName("page")
        column = QVBoxLayout(page)
        column.setContentsMargins(24, 16, 24, 16)
        column.setSpacing(8)
        column.addStretch(2)
        column.addWidget(self._picture)
        column.addWidget(self._sentence)
        column.addWidget(self._note)
        column.addSpacing(8)
        column.addWidget(self.add_button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(2)
        column.addWidget(self._offering)
        column.addStretch(1)
        self.setWidget(page)
        context.theme_changed.connect(self.retranslate)
        context.models_listed.connect(self.retranslate)
        self.retranslate()

    def show_kind(self, kind: str) -> None:
        self.kind = kind
        self.retranslate()

    def retranslate(self) -> None:
        size = QSize(40, 40)
        self._picture.setPixmap(icons.icon("answer", "accent").pixmap(size, self.devicePixelRatioF()))
        sentences = {
            NO_FILES: tr("Ask your own files"),
            FILES: tr("What would you like to know?"),
            NO_TEXT: tr("Paste a text and ask about it"),
            TEXT: tr("What would you like to know?"),
        }
        notes = {
            NO_FILES: tr("Answers come with the passages that they are taken from. Your files stay here."),
            FILES: tr("Answers come with the passages that they are taken from."),
            NO_TEXT: tr("The answer is marked in the text."),
            TEXT: tr("The answer is marked in the text."),
        }
        self._sentence.setText(sentences[self.kind])
        self._note.setText(notes[self.kind])
        self.add_button.setText(tr("Add files or a folder"))
        self.add_button.setVisible(self.kind == NO_FILES)
        self._files.setText(tr("Files…"))
        self._folder.setText(tr("A folder…"))
        languages, installed = set(i18n.user_languages()), self.context.installed_models()
        here = any(languages <= set(one.languages) for one in candidates("embed", installed))
        self._offering.setVisible(not here and self.kind in (NO_FILES, FILES))
