"""A document to read beside the answer: where the passage stands, in the text around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QMenu, QProgressBar, QVBoxLayout, QWidget

from autogpt_desktop import i18n
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress, Result
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.answer.document import DocumentPlace, Opened, open_document
from autogpt_desktop.ui.answer.document.find_bar import DocumentFindBar, DocumentFinder
from autogpt_desktop.ui.answer.document.page_view import PageView
from autogpt_desktop.ui.answer.document.problem import DocumentProblem
from autogpt_desktop.ui.answer.document.rows_edit import page_title
from autogpt_desktop.ui.answer.document.text import DocumentText
from autogpt_desktop.ui.answer.document.toolbar import DocumentToolbar
from autogpt_desktop.ui.jobs.panel_job import PanelJob
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import label, plain_tooltip
from autogpt_desktop.ui.widgets.send_menu import add_send_actions

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

PAGES = 2_000  # that a list can offer


class DocumentView(QWidget):
    """``open`` reads a file on the worker and shows it; what it cannot show it says in a sentence."""

    closed = Signal()
    ask_about = Signal(str)  # the text that is chosen

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        self.path: Path | None = None
        self.opened: Opened | None = None
        self._places: tuple[DocumentPlace, ...] = ()
        self._spans: list[tuple[int, int]] = []
        self._at = 0
        self._requested_page = ""
        self._page = ""  # that is seen
        self._error: BaseException | None = None
        self.job = PanelJob(context, self)
        self.job.yielded.connect(self._on_yielded)
        self.job.ended.connect(self._on_ended)
        self._build()
        self._connect()
        for keys, slot in (
            (QKeySequence(QKeySequence.StandardKey.Find), self.find_words),
            (QKeySequence("F3"), self.finder.next),
            (QKeySequence("Shift+F3"), self.finder.previous),
        ):
            shortcut = QShortcut(keys, self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(slot)
        context.language_changed.connect(self.retranslate)
        context.add_shortcuts(self.shortcut_rows)
        self.retranslate()

    def _build(self) -> None:
        self.toolbar = DocumentToolbar()
        self.find_bar = DocumentFindBar()
        self.notice = label(size="small", tone="warning", wrap=True)
        self.notice.setContentsMargins(16, 0, 16, 0)
        self.busy = QProgressBar()
        self.busy.setTextVisible(False)
        self.busy.setRange(0, 0)
        keep = self.busy.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.busy.setSizePolicy(keep)
        self.busy.hide()
        self._slow = QTimer(self)  # what opens at once needs no bar
        self._slow.setSingleShot(True)
        self._slow.setInterval(200)
        self._slow.timeout.connect(self.busy.show)
        self.text = DocumentText(self.context)
        self.text.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.page_view = PageView(self.context)
        self.page_view.hide()
        self.finder = DocumentFinder(self.text, self.find_bar, self)
        self.problem = DocumentProblem()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for widget in (self.toolbar, self.find_bar, self.notice, self.busy):
            column.addWidget(widget)
        for page in (self.text, self.page_view, self.problem):
            column.addWidget(page, 1)
        self.notice.hide()
        self.toolbar.order_tabs(
            self.find_bar.field,
            self.text,
            self.page_view,
            self.problem.again_button,
            self.problem.own_app_button,
        )

    def _connect(self) -> None:
        self.toolbar.close_button.clicked.connect(self.closed)
        self.toolbar.pages.activated.connect(self._on_page_chosen)
        self.toolbar.mode_chosen.connect(self._on_mode)
        self.page_view.stepped.connect(self._step_page)
        self.toolbar.up.clicked.connect(self.previous_passage)
        self.toolbar.down.clicked.connect(self.next_passage)
        self.toolbar.ask_button.clicked.connect(self._ask)
        self.toolbar.find_button.clicked.connect(self.find_words)
        self.toolbar.open_button.menu().aboutToShow.connect(self._fill_open)
        self.toolbar.send_button.menu().aboutToShow.connect(self._fill_send)
        self.find_bar.closed.connect(self._focus_text)
        self.text.page_changed.connect(self._on_page)
        self.text.zoom_requested.connect(self.context.step_zoom)
        self.text.selectionChanged.connect(self._on_selection)
        self.text.customContextMenuRequested.connect(self._context_menu)
        self.problem.again_button.clicked.connect(self._read)
        self.problem.own_app_button.clicked.connect(self.open_in_own_app)

    # -- opening

    def open(
        self,
        path: Path,
        start: int | None = None,
        end: int | None = None,
        page: str = "",
        *,
        text: str = "",
        more: Sequence[DocumentPlace] = (),
    ) -> None:
        """Show a document, and in it the passage ``[start, end)`` of its text.

        ``text``: what the passage said when it was found; where the file changed since, it is looked for
        nearby. ``more``: other places of the same document, to step through. Without ``start`` the
        document opens on ``page``, else at its beginning.
        """
        places = list(more)
        first = None
        if start is not None:
            first = DocumentPlace(start, start if end is None else end, text)
            if first not in places:
                places.insert(0, first)
        self._places = tuple(sorted(places, key=lambda place: (place.start, place.end)))
        self._at = self._places.index(first) if first is not None else 0
        self._requested_page = page
        if path != self.path:
            self.opened = None
            self.find_bar.close_bar()
            self.text.show_rows(None)
            self._page = ""
        self.path = path
        self._read()

    def _read(self) -> None:
        path, places, known = self.path, self._places, self.opened
        if path is None:
            return
        self._error = None
        self._show_state()
        self._slow.start()

        def job(_cancel: Event) -> Iterator[object]:
            return open_document(path, places, known)

        self.job.start_plain(job, title=tr("Opening {file}", file=path.name))

    def _on_yielded(self, event: object) -> None:
        if isinstance(event, Progress):
            self.busy.setAccessibleName(i18n.message(event.stage))
        elif isinstance(event, Result):
            self._show(event.value)

    def _on_ended(self, state: str, error: BaseException | None) -> None:
        self._slow.stop()
        self.busy.hide()
        if state == "failed":
            self.opened = None
            self.text.show_rows(None)
            self._error = error
            if error is not None and not isinstance(error, KnownError):
                self.context.show_error(error)
        self._show_state()

    def _show(self, opened: Opened) -> None:
        fresh = self.opened is None or self.opened.rows is not opened.rows
        self.opened = opened
        self._spans = [span for span in opened.places if span is not None]
        span = opened.places[self._at] if opened.places else None
        self._at = self._spans.index(span) if span in self._spans else 0
        if fresh:
            self.text.show_rows(opened.rows, self._spans)
            self._fill_pages()
        else:
            self.text.set_spans(self._spans)
        if span is not None:
            self.text.go_to(span)
        elif self._requested_page:
            self._go_to_page(self._requested_page)
        elif self._places:  # its text is gone: where it was
            self.text.go_to_offset(min(place.start for place in self._places))
        self._show_state()
        self._draw_page()

    def _fill_pages(self) -> None:
        opened = self.opened
        pages: list[tuple[str, int]] = []
        if opened is not None and 1 < len(opened.document.pages) <= PAGES:
            pages = [(page_title(name), opened.rows.start(row)) for row, name in opened.rows.labels.items()]
        self.toolbar.fill_pages(pages)
        self.toolbar.show_page(page_title(self._page))

    def _show_state(self) -> None:
        """The head, the passages, and what there is to be said."""
        opened = self.opened
        name = self.path.name if self.path is not None else ""
        title = opened.document.title if opened is not None else name
        self.toolbar.title.set_text(title or name)
        self.toolbar.title.setToolTip(plain_tooltip(str(self.path or "")))
        count = len(self._spans) if opened is not None else 0
        self.toolbar.show_passage(self._at, count)
        self.toolbar.pages.setVisible(opened is not None and self.toolbar.pages.count() > 0)
        self.toolbar.ask_button.setEnabled(opened is not None)
        self._on_selection()
        text = self._notice_text()
        self.notice.setText(text)
        self.notice.setVisible(bool(text))
        wrong = i18n.message(self._error) if isinstance(self._error, KnownError) else ""
        if self._error is not None and not wrong:
            wrong = tr("This file could not be shown.")
        self.problem.show_text(wrong)
        drawn = self._can_draw_page() and self.toolbar.shows_pages
        self.toolbar.modes.setVisible(self._can_draw_page())
        self.toolbar.send_button.setEnabled(opened is not None)
        self.page_view.setVisible(drawn and not wrong)
        self.text.setVisible(not drawn and not wrong)
        self.toolbar.find_button.setEnabled(opened is not None and not drawn)

    def _notice_text(self) -> str:
        opened = self.opened
        if opened is None:
            return ""
        texts = []
        if None in opened.places:
            texts.append(tr("This file changed since it was read, and the passage is no longer in it."))
        elif opened.moved:
            texts.append(tr("This file changed since it was read. The passage stands here now."))
        texts += [i18n.message(notice.key, **notice.values) for notice in opened.document.notices]
        return " ".join(texts)

    # -- passages and pages

    def next_passage(self) -> None:
        self._step_passage(1)

    def previous_passage(self) -> None:
        self._step_passage(-1)

    def _step_passage(self, step: int) -> None:
        if self._spans:
            self._at = (self._at + step) % len(self._spans)
            self.text.go_to(self._spans[self._at])
            self._show_state()
            self._draw_page()

    def _can_draw_page(self) -> bool:
        """Pages can be drawn of a PDF alone."""
        opened = self.opened
        return opened is not None and opened.document.path.suffix.lower() == ".pdf" and bool(self._page)

    def _on_mode(self) -> None:
        """The page as it looks, or its text."""
        self.find_bar.close_bar()
        self._show_state()
        self._draw_page()
        (self.page_view if self.page_view.isVisible() else self.text).setFocus()

    def _draw_page(self) -> None:
        opened = self.opened
        if opened is None or not self._can_draw_page():
            self.page_view.clear()
            return
        passage = ""
        if self._spans:
            start, end = self._spans[self._at]
            if opened.document.page_at(start) == self._page:
                passage = opened.document.text[start:end]
        self.page_view.show_page(opened.document.path, self._page, passage)

    def _step_page(self, step: int) -> None:
        at = self.toolbar.pages.currentIndex() + step
        if 0 <= at < self.toolbar.pages.count():
            self._on_page_chosen(at)

    def _on_page(self, page: str) -> None:
        self._page = page
        if self.page_view.isVisible():
            self._draw_page()
        self.toolbar.show_page(page_title(page))

    def _go_to_page(self, page: str) -> None:
        opened = self.opened
        if opened is None:
            return
        row = next((row for row, name in opened.rows.labels.items() if name == page), None)
        if row is not None:
            self.text.go_to_offset(opened.rows.start(row))

    def _on_page_chosen(self, at: int) -> None:
        self.text.go_to_offset(self.toolbar.pages.itemData(at))

    def find_words(self) -> None:
        """Open the line for words; chosen text goes into it."""
        if self.opened is not None:
            chosen = self.text.selected_text()
            self.find_bar.open(chosen if len(chosen) < 100 and "\n" not in chosen else "")

    # -- the chosen text

    def selected_text(self) -> str:
        return self.text.selected_text()

    def _on_selection(self) -> None:
        self.toolbar.offer_ask(self.text.textCursor().hasSelection() and self._error is None)

    def _ask(self) -> None:
        text = self.text.selected_text().strip()
        if text:
            self.ask_about.emit(text)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.selected_text())

    def _chosen_or_passage(self) -> str:
        """What is sent: the selection, else the passage that is shown."""
        chosen = self.text.selected_text()
        if not chosen and self._spans and self.opened is not None:
            start, end = self._spans[self._at]
            chosen = self.opened.document.text[start:end]
        return chosen

    def open_in_own_app(self) -> None:
        if self.path is not None and not QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.path))):
            self.context.toast(tr("No app was found that opens “{name}”.", name=self.path.name), error=True)

    def make_menu(self) -> QMenu:
        """What can be done with the chosen text and the document."""
        menu = QMenu(self)
        chosen = bool(self.text.selected_text())
        copy = menu.addAction(icons.icon("copy"), tr("Copy"))
        copy.setEnabled(chosen)
        copy.triggered.connect(self._copy)
        ask = menu.addAction(icons.icon("answer"), tr("Ask about this"))
        ask.setEnabled(chosen)
        ask.triggered.connect(self._ask)
        menu.addSeparator()
        self._add_open_actions(menu)
        add_send_actions(menu, self.context, "answer", self._chosen_or_passage)
        return menu

    def _add_open_actions(self, menu: QMenu) -> None:
        own = menu.addAction(tr("Open in its own app"))
        own.triggered.connect(self.open_in_own_app)
        folder = menu.addAction(icons.icon("folder"), tr("Open its folder"))
        folder.triggered.connect(self._open_folder)

    def _fill_open(self) -> None:
        menu = self.toolbar.open_button.menu()
        menu.clear()
        self._add_open_actions(menu)

    def _fill_send(self) -> None:
        menu = self.toolbar.send_button.menu()
        menu.clear()
        add_send_actions(menu, self.context, "answer", self._chosen_or_passage)

    def _open_folder(self) -> None:
        if self.path is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.path.parent)))

    def _context_menu(self, place: QPoint) -> None:
        menu = self.make_menu()
        menu.exec(self.text.viewport().mapToGlobal(place))
        menu.deleteLater()

    def _focus_text(self) -> None:
        self.text.setFocus()

    def retranslate(self) -> None:
        self.toolbar.retranslate()
        self.problem.retranslate()
        self.text.setAccessibleName(tr("Text of the document"))
        self.find_bar.retranslate()
        self.finder.show_count()
        if self.opened is not None:
            self._fill_pages()
            self.text.restyle()
        self._show_state()

    def shortcut_rows(self) -> tuple[str, list[tuple[str, str]]]:
        """For the list of shortcuts."""
        return tr("Document"), [
            ("Ctrl+F", tr("Find in this document")),
            ("F3", tr("Next place")),
            ("Shift+F3", tr("Previous place")),
            ("Esc", tr("Close the document")),
        ]

    # -- Qt

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif self.find_bar.isVisible():
            self.find_bar.close_bar()
        else:
            self.closed.emit()
