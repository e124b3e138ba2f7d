"""The widgets of the Translate panel and their places: editors or files, and what stands beside them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.prompts import LANGUAGES
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.models.offer import ModelOffer
from autogpt_desktop.ui.translate.editor_pair import EditorPair
from autogpt_desktop.ui.translate.language_row import LanguageRow
from autogpt_desktop.ui.translate.notice_bar import NoticeBar
from autogpt_desktop.ui.translate.pair_models import is_ready
from autogpt_desktop.ui.translate.side_panel import SidePanel
from autogpt_desktop.ui.widgets.basic import button, tab_order
from autogpt_desktop.ui.widgets.focus import show_page
from autogpt_desktop.ui.widgets.segmented import SegmentedChoice
from autogpt_desktop.ui.widgets.text_field import local_files

WIDE = 900  # px from which the glossary or the history stands beside the editors
SIDE = 320  # px of them
ONE_ROW = 760  # px from which the modes stand beside the languages
TEXT, FILES, GLOSSARY, HISTORY = MODES = ("text", "files", "glossary", "history")


class TranslateView(QWidget):
    """Languages and a notice above; below them the editors, the files, or an offer of a model."""

    model_came = Signal()  # the offer of one is to give way to what was shown before
    anyway_chosen = Signal()  # the model that is there is to be used, though it is not made for this
    files_dropped = Signal(list)  # of Path, on no editor

    def __init__(self, context: AppContext, source: str, target: str, recent: Sequence[str]) -> None:
        super().__init__()
        self.context = context
        self.languages = LanguageRow(tuple(LANGUAGES), source, target, recent)
        self.notice = NoticeBar()
        self.pair = EditorPair(context)
        self.offer = ModelOffer(context, context.downloads, "translate")
        self.anyway_button = button(kind="quiet")
        self.anyway_button.clicked.connect(self._on_anyway)
        self.modes = SegmentedChoice(MODES)
        self.glossary_button, self.history_button = self.modes.buttons[GLOSSARY], self.modes.buttons[HISTORY]
        self.sides: dict[str, SidePanel] = {}  # "glossary" and "history", made when first asked for
        self.side = ""  # the one that is shown
        self._anyway = False
        self._build()
        self.setAcceptDrops(True)
        self._order_tabs()
        self.retranslate()
        self.show_ready()

    def _build(self) -> None:
        self._offer_page = QWidget()
        center = QVBoxLayout(self._offer_page)
        center.addStretch(1)
        center.addWidget(self.offer)
        self.languages_button = button(icon="plus")
        self.languages_button.clicked.connect(self.languages.more_requested)
        center.addWidget(self.languages_button, 0, Qt.AlignmentFlag.AlignHCenter)
        center.addWidget(self.anyway_button, 0, Qt.AlignmentFlag.AlignHCenter)
        center.addStretch(2)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.pair)
        self.pages.addWidget(self._offer_page)
        self.top = QWidget()
        self._top_row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self.top)
        self._top_row.setContentsMargins(0, 0, 0, 0)
        self._top_row.setSpacing(8)
        self._top_row.addWidget(self.modes)
        self._top_row.addWidget(self.languages, 1)
        self.body = QSplitter(Qt.Orientation.Horizontal)
        self.body.setObjectName("gap")
        self.body.setHandleWidth(8)
        self.body.setChildrenCollapsible(False)
        self.body.addWidget(self.pages)
        self.body.setStretchFactor(0, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addWidget(self.top)
        column.addWidget(self.notice)
        column.addWidget(self.body, 1)

    def _order_tabs(self) -> None:
        row, pair = self.languages, self.pair
        tab_order(
            *self.modes.buttons.values(), row.source_box, row.swap_button, row.target_box,
            self.notice.action, self.notice.close_button,
            pair.source, pair.clear_button, pair.target,
            pair.info_button, pair.review_count, pair.stop_button, pair.copy_button,
        )  # fmt: skip

    def retranslate(self) -> None:
        self.languages.retranslate()
        self.languages_button.setText(tr("Add a language…"))
        self.pair.retranslate()
        self.notice.clear()
        self.modes.set_texts(
            tr("What is translated"),
            {TEXT: tr("Text"), FILES: tr("Files"), GLOSSARY: tr("Glossary"), HISTORY: tr("History")},
            {FILES: "Ctrl+Shift+O", GLOSSARY: "Ctrl+G", HISTORY: "Ctrl+H"},
        )
        for side in self.sides.values():
            side.retranslate()

    # --- is there a model ---------------------------------------------------------------------

    def is_ready(self) -> bool:
        """There are packs, or a model that is made to translate, or that the user wants to use."""
        return is_ready(self.context, anyway=self._anyway)

    def show_ready(self) -> None:
        """The editors, or what is needed for them."""
        ready = self.is_ready()
        self.top.setEnabled(ready)
        model = self.context.model_for("translate")
        self.anyway_button.setVisible(model is not None)
        if model is not None:
            self.anyway_button.setText(tr("Translate with {model} for now", model=model.title))
        if not ready:
            self.show_side("")
            show_page(self.pages, self._offer_page)
        elif self.pages.currentWidget() is self._offer_page:
            self.model_came.emit()

    def _on_anyway(self) -> None:
        self._anyway = True
        self.show_ready()
        self.focus_text()
        self.anyway_chosen.emit()

    # --- editors or files ---------------------------------------------------------------------

    def show_text_page(self) -> None:
        if self.is_ready():
            show_page(self.pages, self.pair)
        if self.side and self.width() < WIDE:
            self.show_side("")
        self._show_mode()

    def show_files_page(self, files: QWidget) -> None:
        if self.pages.indexOf(files) < 0:
            self.pages.addWidget(files)
        self.show_side("")
        show_page(self.pages, files)
        self._show_mode()
        self.notice.clear("files")

    def _show_mode(self) -> None:
        """The glossary or the history where it stands beside the editors, else what is shown."""
        plain = self.pages.currentWidget() in (self.pair, self._offer_page)
        beside = self.side if self.side in MODES else ""
        self.modes.set_choice(beside or (TEXT if plain else FILES))

    def focus_input(self) -> None:
        """Where one types or reads on the page that is shown."""
        page = self.pages.currentWidget()
        if self.side and self.pages.isHidden():
            self.sides[self.side].focus_first()
        elif page is self.pair:
            self.pair.source.setFocus()
        elif page is self._offer_page:
            self.offer.fetch_button.setFocus()
        elif page is not None:
            page.setFocus()

    def focus_text(self) -> None:
        if self.pages.currentWidget() is self.pair:
            self.pair.source.setFocus()

    # --- beside the editors -------------------------------------------------------------------

    def add_side(self, name: str, side: SidePanel) -> None:
        """``show_side(name)`` shows it from now on."""
        side.closed.connect(self._on_side_closed)
        self.sides[name] = side
        self.body.addWidget(side)

    def show_side(self, name: str) -> None:
        """One that was added, or "" for none."""
        if name == self.side == "":
            return
        self.side = name
        for other, side in self.sides.items():
            side.setVisible(other == name)
        self._show_mode()
        self._fit_side()
        if name:
            self.sides[name].focus_first()
        else:
            self.focus_text()

    def _on_side_closed(self) -> None:
        self.show_side("")

    def _fit_side(self) -> None:
        """Beside the editors where there is room, else in their place."""
        wide = self.width() >= WIDE
        self.pages.setVisible(wide or not self.side)
        if wide and self.side:
            index = self.body.indexOf(self.sides[self.side])
            sizes = [0] * self.body.count()
            sizes[0], sizes[index] = self.body.width() - SIDE, SIDE
            self.body.setSizes(sizes)

    # --- Qt ---------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        beside = event.size().width() >= ONE_ROW
        ways = QBoxLayout.Direction
        self._top_row.setDirection(ways.LeftToRight if beside else ways.TopToBottom)
        self._fit_side()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if local_files(event.mimeData()) and self.is_ready():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.files_dropped.emit(local_files(event.mimeData()))
        event.acceptProposedAction()


def shortcut_rows() -> tuple[str, list[tuple[str, str]]]:
    return tr("Translate"), [
        ("Ctrl+Enter", tr("Translate now, and more carefully")),
        ("Ctrl+Shift+S", tr("Swap the languages and the texts")),
        ("Ctrl+Shift+C", tr("Copy the translation")),
        ("Ctrl+G", tr("Glossary")),
        ("Ctrl+H", tr("History")),
        ("Ctrl+Shift+O", tr("Translate files")),
        ("Ctrl+L", tr("Go to the text")),
        ("Ctrl+T", tr("Go to the translation")),
        ("Ctrl+Shift+L", tr("Choose the languages")),
        ("Enter", tr("Other ways to say a sentence, or selected words (in the translation)")),
        ("F8 / Shift+F8", tr("Next or previous sentence to look at again")),
        ("Ctrl+F8", tr("List of the sentences to look at again")),
        ("Esc", tr("Stop translating")),
    ]
