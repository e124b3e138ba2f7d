"""What the Translate panel is made of and how it is arranged; what it does is in ``ui.translate_panel``."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from autogpt_desktop.catalog.roles import made_for
from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import current_language, tr
from autogpt_desktop.storage.glossaries import Glossaries
from autogpt_desktop.storage.translations import TranslateHistory
from autogpt_desktop.tasks.prompts import LANGUAGES
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.models.offer import ModelOffer
from autogpt_desktop.ui.translate.editor_pair import EditorPair
from autogpt_desktop.ui.translate.files_view import FilesView
from autogpt_desktop.ui.translate.glossary_view import GlossaryView
from autogpt_desktop.ui.translate.history_view import HistoryView
from autogpt_desktop.ui.translate.language_row import AUTO, LanguageRow
from autogpt_desktop.ui.translate.live_translation import LiveTranslation
from autogpt_desktop.ui.translate.notice_bar import NoticeBar
from autogpt_desktop.ui.translate.side_panel import SidePanel
from autogpt_desktop.ui.widgets.basic import button, icon_button, name_button, tab_order
from autogpt_desktop.ui.widgets.draft_keeper import DraftKeeper

WIDE = 900  # px from which the glossary or the history stands beside the editors
SIDE = 320  # px of them
KEEP_MS = 2000  # a translation that stands so long goes into the history


class TranslateLayout(QWidget):
    """The widgets, in their places."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        self.glossaries = Glossaries()
        source, target, recent = _languages(context)
        self.languages = LanguageRow(tuple(LANGUAGES), source, target, recent)
        self.notice = NoticeBar()
        self.pair = EditorPair(context)
        self.live = LiveTranslation(context, self.pair, self.languages, self.glossaries, self)
        self.offer = ModelOffer(context, context.downloads, "translate")
        self.files: FilesView | None = None  # made when first shown
        self.pages = QStackedWidget()
        self.pages.addWidget(self.pair)
        self._anyway = False
        self.anyway_button = button(kind="quiet")
        self.anyway_button.clicked.connect(self._use_anyway)
        self._offer_page = QWidget()
        center = QVBoxLayout(self._offer_page)
        center.addStretch(1)
        center.addWidget(self.offer)
        center.addWidget(self.anyway_button, 0, Qt.AlignmentFlag.AlignHCenter)
        center.addStretch(2)
        self.pages.addWidget(self._offer_page)
        self._top = QWidget()
        top = QHBoxLayout(self._top)
        top.setContentsMargins(0, 0, 0, 0)
        top.addWidget(self.languages, 1)
        self.files_button, self.glossary_button = icon_button("file"), icon_button("glossary")
        self.history_button = icon_button("history")
        for made in (self.files_button, self.glossary_button, self.history_button):
            made.setCheckable(True)
            top.addWidget(made)
        top.setSpacing(4)
        self.files_button.clicked.connect(self.toggle_files)
        self.glossary_button.clicked.connect(self.toggle_glossary)
        self.history_button.clicked.connect(self.toggle_history)
        self._sides: dict[str, SidePanel] = {}  # made when first asked for
        self._side = ""  # the one that is shown
        self.body = QSplitter(Qt.Orientation.Horizontal)
        self.body.setObjectName("gap")
        self.body.setHandleWidth(8)
        self.body.setChildrenCollapsible(False)
        self.body.addWidget(self.pages)
        self.body.setStretchFactor(0, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addWidget(self._top)
        column.addWidget(self.notice)
        column.addWidget(self.body, 1)
        self._keep = QTimer(self)
        self._keep.setSingleShot(True)
        self._keep.setInterval(KEEP_MS)
        self._keep.timeout.connect(self.save_now)
        self.history = TranslateHistory()
        self._entry = 0  # of the history, which what is written now replaces
        wanted = partial(getattr, context.settings, "keep_translations")
        self.draft = DraftKeeper("translate", self.pair.source, context.show_error, self, wanted)
        context.language_changed.connect(self.retranslate)
        self._order_tabs()
        self.retranslate()
        self.show_ready()

    def _order_tabs(self) -> None:
        row, pair = self.languages, self.pair
        tab_order(
            row.source_box, row.swap_button, row.target_box,
            self.files_button, self.glossary_button, self.history_button,
            self.notice.action, self.notice.close_button,
            pair.source, pair.clear_button, pair.target,
            pair.review_button, pair.stop_button, pair.copy_button,
        )  # fmt: skip

    def retranslate(self) -> None:
        self.languages.retranslate()
        self.pair.retranslate()
        self.notice.clear()
        name_button(self.files_button, tr("Translate files"), "Ctrl+Shift+O")
        name_button(self.glossary_button, tr("Glossary"), "Ctrl+G")
        name_button(self.history_button, tr("History"), "Ctrl+H")
        for side in self._sides.values():
            side.retranslate()
        if self.files is not None:
            self.files.retranslate()

    def is_ready(self) -> bool:
        """There is a model that is made to translate, or one that the person wants to use for it."""
        model = self.context.model_for("translate")
        if model is None:
            return False
        chosen = self._anyway or "translate" in self.context.settings.roles
        return chosen or any(entry.name == model.name for entry in made_for("translate"))

    def show_ready(self) -> None:
        """The editors, or what is needed for them."""
        ready = self.is_ready()
        self._top.setEnabled(ready)
        model = self.context.model_for("translate")
        self.anyway_button.setVisible(model is not None)
        if model is not None:
            self.anyway_button.setText(tr("Translate with {model} for now", model=model.title))
        if not ready:
            self.show_side("")
            self.pages.setCurrentWidget(self._offer_page)
        elif self.pages.currentWidget() is self._offer_page:
            self.pages.setCurrentWidget(self.pair)
            if not self.pair.source.document().isEmpty():
                self.live.run()

    def _use_anyway(self) -> None:
        self._anyway = True
        self.show_ready()
        self.focus_text()
        self.live.warm_up()

    def show_text_page(self) -> None:
        self.files_button.setChecked(False)
        if self.is_ready():
            self.pages.setCurrentWidget(self.pair)
        if self._side and self.width() < WIDE:
            self.show_side("")

    def show_pair(self) -> None:
        """What belongs to the pair of languages: the glossary."""
        language, target = self.languages.language, self.languages.target
        view = self._sides.get("glossary")
        if isinstance(view, GlossaryView):
            view.show_pair(language, target)
        try:
            known = bool(language) and language != target
            self.pair.set_glossary(self.glossaries.glossary(language, target) if known else Glossary())
        except KnownError as error:
            self.context.show_error(error)

    # --- beside the editors -----------------------------------------------------------------

    def toggle_glossary(self) -> None:
        self.show_side("" if self._side == "glossary" else "glossary")

    def toggle_history(self) -> None:
        self.show_side("" if self._side == "history" else "history")

    def toggle_files(self) -> None:
        if self.files is not None and self.pages.currentWidget() is self.files:
            self.show_text_page()
            self.focus_text()
        else:
            self.show_files()

    def offer_unfinished(self) -> None:
        """Files that were not finished when the app was closed wait until they are asked for."""
        if count := len(self.context.settings.translate_files):
            self.notice.say(
                "files", tr("Files whose translation is not finished: {n}", n=count),
                action=tr("Show them"), do=self._show_unfinished,
            )  # fmt: skip

    def _show_unfinished(self) -> None:
        self.show_files()

    def show_files(self) -> FilesView:
        """The files in place of the editors."""
        if self.files is None:
            self.files = FilesView(self.context, self.languages, self.glossaries)
            self.files.closed.connect(self.show_text_page)
            self.pages.addWidget(self.files)
        self.pages.setCurrentWidget(self.files)
        self.files_button.setChecked(True)
        self.notice.clear("files")
        self.files.focus_first()
        return self.files

    def show_side(self, name: str) -> None:
        """ "glossary", "history", or "" for none."""
        if name and name not in self._sides:
            side = self._make_side(name)
            side.closed.connect(self._close_side)
            self._sides[name] = side
            self.body.addWidget(side)
        if name == self._side == "":
            return
        self._side = name
        for other, side in self._sides.items():
            side.setVisible(other == name)
        self.glossary_button.setChecked(name == "glossary")
        self.history_button.setChecked(name == "history")
        self._fit_side()
        if name == "history":
            self.history_view().reload()
        if name:
            self._sides[name].focus_first()
        else:
            self.focus_text()

    def _close_side(self) -> None:
        self.show_side("")

    def focus_text(self) -> None:
        if self.pages.currentWidget() is self.pair:
            self.pair.source.setFocus()

    def history_view(self) -> HistoryView:
        view = self._sides["history"]
        assert isinstance(view, HistoryView)
        return view

    def glossary_view(self) -> GlossaryView:
        view = self._sides["glossary"]
        assert isinstance(view, GlossaryView)
        return view

    def _make_side(self, name: str) -> SidePanel:
        if name == "history":
            history = HistoryView(self.context, self.history)
            history.opened.connect(self.open_entry)
            history.keep.toggled.connect(self.draft.keep)
            return history
        glossary = GlossaryView(self.context, self.glossaries)
        glossary.show_pair(self.languages.language, self.languages.target)
        glossary.changed.connect(self._on_glossary)
        return glossary

    def _on_glossary(self) -> None:
        self.show_pair()
        self.live.run()

    def _fit_side(self) -> None:
        """Beside the editors where there is room, else in their place."""
        wide = self.width() >= WIDE
        self.pages.setVisible(wide or not self._side)
        if wide and self._side:
            index = self.body.indexOf(self._sides[self._side])
            sizes = [0] * self.body.count()
            sizes[0], sizes[index] = self.body.width() - SIDE, SIDE
            self.body.setSizes(sizes)

    # --- the history ------------------------------------------------------------------------

    def save_soon(self) -> None:
        """The translation is to be kept once it stands for a moment."""
        if self.pair.source.document().isEmpty():
            self.begin_new()
        else:
            self._keep.start()

    def begin_new(self) -> None:
        """What follows is another text: the one before is kept as it is."""
        if self._keep.isActive():
            self.save_now()
        self._entry = 0

    def save_now(self) -> None:
        self._keep.stop()
        text, translation = self.pair.source.text(), self.pair.target.text()
        if not (self.context.settings.keep_translations and self.live.complete and translation.strip()):
            return
        try:
            source, target = self.live.language, self.languages.target
            sentences = self.pair.map.dump()
            self._entry = self.history.keep(source, target, text, translation, sentences, self._entry)
        except KnownError as error:
            self.context.show_error(error)
        if self._side == "history":
            self.history_view().reload()

    def open_entry(self, entry: int) -> None:
        """A translation of the history, as it was; it is not asked of the model again."""
        try:
            kept = self.history.get(entry)
        except KnownError as error:
            self.context.show_error(error)
            return
        if kept is None:
            return
        self.begin_new()
        self.show_text_page()
        self.languages.blockSignals(True)
        self.languages.set_pair(kept.source, kept.target)
        self.languages.blockSignals(False)
        self.show_pair()
        if not self.live.show_saved(kept.text, kept.translation, kept.sentences, kept.source):
            self.live.run()
        self._keep.stop()
        self._entry = entry

    def restore_text(self) -> None:
        """What stood here when the app was closed; with its translation, if that was kept."""
        text, row = self.draft.restored, self.languages
        if not text:
            return
        try:
            kept = self.history.find(text, "" if row.source == AUTO else row.source, row.target)
        except KnownError:  # the text comes back without it, and is translated again
            kept = None
        if kept is not None and self.live.show_saved(text, kept.translation, kept.sentences, kept.source):
            self._entry = kept.id
            if row.source == AUTO:
                row.set_found(kept.source)
        else:
            self.pair.source.replace_text(text)
            self.live.stop()  # until the panel is shown
        self._keep.stop()
        self.pair.source.document().clearUndoRedoStacks()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_side()

    @staticmethod
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
            ("Enter", tr("Other ways to say a sentence (in the translation)")),
            ("F8 / Shift+F8", tr("Next or previous sentence to look at again")),
            ("Esc", tr("Stop translating")),
        ]


def _languages(context: AppContext) -> tuple[str, str, list[str]]:
    """The pair that was used last; at first, from whatever it is into the window's language."""
    settings = context.settings
    recent = [code for code in settings.translate_recent if code in LANGUAGES]
    pair = settings.translate_pair
    if len(pair) == 2 and pair[0] in (AUTO, *LANGUAGES) and pair[1] in LANGUAGES and pair[0] != pair[1]:
        return pair[0], pair[1], recent
    return AUTO, "zh" if current_language() == "zh_CN" else "en", recent
