"""Files that are translated one after another, each in a line of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QMenu, QScrollArea, QVBoxLayout, QWidget

from autogpt_desktop import atomic, paths
from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress, Result
from autogpt_desktop.i18n import message, tr
from autogpt_desktop.settings import BILINGUAL
from autogpt_desktop.storage.glossaries import Glossaries
from autogpt_desktop.tasks.translate.files import SUFFIXES, check_file, parts_of, translate_file
from autogpt_desktop.tasks.translate.folders import Skipped
from autogpt_desktop.tasks.translate.translate import Translated
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.jobs.panel_job import PanelJob
from autogpt_desktop.ui.translate.file_row import FileRow, Wish
from autogpt_desktop.ui.translate.language_row import LanguageRow
from autogpt_desktop.ui.translate.left_out import LeftOut
from autogpt_desktop.ui.translate.pair_models import PairModels
from autogpt_desktop.ui.widgets.basic import button, label, plain_tooltip
from autogpt_desktop.ui.widgets.boxes import ComboBox
from autogpt_desktop.ui.widgets.scroll_page import ScrollPage

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import JobModels

OTHER_ENDINGS = {".text", ".log", ".markdown", ".htm", ".xhtml"}  # of kinds that are named by another
MOST = 200  # files in the list
AT_ONCE = 20  # that have their rows at once
UNFINISHED = ("waiting", "running", "paused")  # states of a row


class FilesView(QWidget):
    """``add`` queues files for the pair of languages that is chosen then."""

    closed = Signal()
    review_requested = Signal(object)  # FileRow
    removed = Signal(object)

    def __init__(
        self, context: AppContext, languages: LanguageRow, glossaries: Glossaries, models: PairModels
    ) -> None:
        super().__init__()
        self._models = models
        self._context, self._languages, self._glossaries = context, languages, glossaries
        self.rows: list[FileRow] = []
        self._running: FileRow | None = None
        self._discard: FileRow | None = None  # the one whose unfinished work is not wanted
        self._folder: Path | None = None
        self._incoming: list[tuple[Path, Wish]] = []  # added, and without a row yet
        self._more = QTimer(self)
        self._more.setSingleShot(True)
        self._more.setInterval(0)
        self._more.timeout.connect(self._add_some)
        self._job = PanelJob(context, self)
        self._job.yielded.connect(self._on_event)
        self._job.ended.connect(self._on_ended)
        self.choose_button = button(icon="plus")
        self.choose_button.clicked.connect(self._choose)
        self.folder_button = button(kind="quiet", icon="folder")
        self.folder_button.clicked.connect(self._folder_menu)
        self.comments_box = QCheckBox()
        self.comments_box.setChecked(context.settings.translate_comments)
        self.comments_box.toggled.connect(self._on_comments)
        self.bilingual_label = label(tone="muted")
        self.bilingual_box = ComboBox()
        for way in BILINGUAL:
            self.bilingual_box.addItem("", way)
        self.bilingual_box.setCurrentIndex(BILINGUAL.index(context.settings.translate_bilingual))
        self.bilingual_box.activated.connect(self._on_bilingual)
        self.bilingual_label.setBuddy(self.bilingual_box)
        self.hint = label(tone="muted", wrap=True)
        self.left_out = LeftOut()
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.choose_button)
        head.addWidget(self.folder_button)
        head.addStretch(1)
        both = QHBoxLayout()
        both.setSpacing(8)
        both.addWidget(self.bilingual_label)
        both.addWidget(self.bilingual_box)
        both.addStretch(1)
        both.addWidget(self.comments_box)
        self._list = QVBoxLayout()
        self._list.setContentsMargins(0, 0, 8, 0)
        self._list.setSpacing(4)
        self._list.addStretch(1)
        page = ScrollPage()
        page.setLayout(self._list)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(8)
        column.addLayout(head)
        column.addLayout(both)
        column.addWidget(self.hint)
        column.addWidget(self.left_out)
        column.addWidget(self._scroll, 1)
        for text in context.settings.translate_files[:MOST]:  # of an earlier run of the app
            if (row := FileRow.from_remembered(text)) is not None:
                self._append(row)
        self.retranslate()

    def retranslate(self) -> None:
        self.choose_button.setText(tr("Choose files…"))
        kinds = ", ".join(suffix[1:].upper() for suffix in SUFFIXES if suffix not in OTHER_ENDINGS)
        self.hint.setText(
            tr(
                "Drop files here: {kinds}. Each keeps its form and is saved under a new name;"
                " the original stays as it is.", kinds=kinds,
            )
        )  # fmt: skip
        self.comments_box.setText(tr("Comments and notes too"))
        self.comments_box.setToolTip(
            plain_tooltip(
                tr("Translate what people wrote beside the text, and speakers' notes; otherwise they stay.")
            )
        )
        self.bilingual_label.setText(tr("In the new file"))
        ways = (
            tr("Translation only"),
            tr("Translation under the original"),
            tr("Translation beside the original"),
        )
        for number, text in enumerate(ways):
            self.bilingual_box.setItemText(number, text)
        self.bilingual_box.setToolTip(
            plain_tooltip(
                tr(
                    "Both languages go into subtitles, DOCX, HTML, EPUB, Markdown and text;"
                    " in Markdown and text one under the other."
                    " Files of other kinds hold the translation only."
                )
            )
        )
        self._scroll.setAccessibleName(tr("Files to translate"))
        self.left_out.retranslate()
        self._show_save_folder()
        for row in self.rows:
            row.retranslate()

    def focus_first(self) -> None:
        self.choose_button.setFocus()

    def focus_input(self) -> None:
        """To the list of files."""
        self._scroll.setFocus()

    def add(self, files: list[Path], skipped: Sequence[Skipped] = ()) -> None:
        """Queue files; one that cannot be translated is refused at once, with a sentence in its line.

        ``skipped``: what else was in the folders that they are of.
        """
        self.left_out.add(skipped)
        here = len(self.rows) + len(self._incoming)
        if here + len(files) > MOST:
            self._context.toast(tr("At most {n} files at a time.", n=MOST), error=True)
            room = max(0, MOST - here)
            self.left_out.add([Skipped(path, "skipped-full") for path in files[room:]])
            files = files[:room]
        before, wish = len(self.rows), self._wish()
        self._incoming += [(path, wish) for path in files]
        self._add_some(AT_ONCE)
        if len(self.rows) > before:
            self._reveal(self.rows[before])
        self._remember()
        self._next()

    def _add_some(self, count: int = 4) -> None:
        """Rows take a while to be made: of many files the others follow little by little."""
        known = {row.remembered(): row for row in self.rows if row.state in UNFINISHED}
        now, self._incoming = self._incoming[:count], self._incoming[count:]
        for path, wish in now:
            if there := known.get(wish.remembered(path)):  # the same file, to be made into the same
                if there.state == "paused":
                    self._resume(there)
                continue
            row = self._row(path, wish)
            known[row.remembered()] = row
            self._append(row)
            try:
                check_file(path)
            except KnownError as error:
                row.refuse(error)
        if self._incoming:
            self._more.start()
        self._next()

    def add_text(self, text: str) -> None:
        """Queue a text as a file of its own."""
        stamp = datetime.now().strftime("%Y-%m-%d %H.%M.%S")
        path = paths.data_dir() / "texts" / f"{tr('Pasted text')} {stamp}.txt"
        try:  # at once: a text that waits must not be lost with the window
            paths.make_private(path.parent)
            atomic.write_text(path, text, private=True)
        except OSError as error:
            self._context.show_error(
                KnownError("file-not-written", name=path.name, reason=error.strerror or "")
            )
            return
        self._append(self._row(path))
        self._remember()
        self._next()

    def shutdown(self) -> None:
        self._more.stop()
        self._remember()
        self._job.detach()

    # --- the queue --------------------------------------------------------------------------

    def _wish(self) -> Wish:
        """What is chosen now."""
        row, settings = self._languages, self._context.settings
        comments = self.comments_box.isChecked()
        return Wish(row.source, row.target, comments, settings.translate_bilingual, self._folder)

    def _row(self, path: Path, wish: Wish | None = None) -> FileRow:
        wish = wish or self._wish()
        row = FileRow(path, wish.source, wish.target, wish.comments, wish.bilingual)
        row.out = wish.out
        return row

    def _show_hint(self) -> None:
        """What can be dropped, until there is a list."""
        self.hint.setVisible(not self.rows)

    def _reveal(self, row: FileRow) -> None:
        """The first of those that came, once it has its place."""

        def scroll() -> None:
            if row in self.rows:
                self._scroll.ensureWidgetVisible(row, 0, 0)

        QTimer.singleShot(0, self, scroll)

    def _remember(self) -> None:
        """What is not finished comes back, paused, when the app starts again."""
        unfinished = [row.remembered() for row in self.rows if row.state in UNFINISHED]
        unfinished += [wish.remembered(path) for path, wish in self._incoming]
        if unfinished != self._context.settings.translate_files:
            self._context.settings.translate_files = unfinished
            self._context.save_settings()

    def _append(self, row: FileRow) -> None:
        row.pause_requested.connect(self._pause)
        row.resume_requested.connect(self._resume)
        row.cancel_requested.connect(self._cancel)
        row.remove_requested.connect(self._remove)
        row.retry_requested.connect(self._resume)
        row.review_requested.connect(self.review_requested)
        self.rows.append(row)
        self._list.insertWidget(self._list.count() - 1, row)
        row.show()
        self._show_hint()

    def _next(self) -> None:
        """Start the first that waits, unless one runs."""
        if self._running is not None:
            return
        row = next((row for row in self.rows if row.state == "waiting"), None)
        if row is None:
            return
        self._running = row
        row.set_state("running")
        path, out, source, target = row.path, row.out, row.source, row.target
        glossaries = self._glossaries
        known = tuple(dict.fromkeys((*self._models.known(), *self._models.packs())))
        choose = self._models.chooser()
        comments, bilingual = row.comments, row.bilingual

        def glossary(language: str) -> Glossary:
            return glossaries.glossary(language, target)

        def job(models: JobModels, cancel: Event) -> Iterator[object]:
            if out is not None and not os.path.isdir(out):  # a file would be written under its name
                raise KnownError("document-missing", name=out.name)
            yield from translate_file(
                models, path, out, source, target,
                glossary=glossary, known=known, comments=comments, bilingual=bilingual,
                choose=choose, cancelled=cancel.is_set,
            )  # fmt: skip

        title = tr("Translating {name}", name=path.name)
        self._job.start(job, title=title, role="translate", lane="background")

    def _pause(self, row: FileRow) -> None:
        """What was done is kept beside the result, and found again."""
        row.set_state("paused")
        if row is self._running:
            self._job.cancel()

    def _resume(self, row: FileRow) -> None:
        row.progress.set_paused(False)
        row.set_state("waiting")
        self._next()

    def _cancel(self, row: FileRow) -> None:
        if row is self._running:
            self._discard = row
            self._job.cancel()
        else:
            self._delete_partial_files(row)
            self._remove(row)

    def _remove(self, row: FileRow) -> None:
        self.rows.remove(row)
        self.removed.emit(row)
        self._list.removeWidget(row)
        row.hide()
        row.deleteLater()
        self._show_hint()
        self._remember()

    def _delete_partial_files(self, row: FileRow) -> None:
        with suppress(OSError):
            for part in parts_of(row.path, row.target, row.out or row.path.parent):
                part.unlink(missing_ok=True)

    def _on_event(self, event: object) -> None:
        row = self._running
        if row is None:
            return
        if isinstance(event, Progress) and row.state == "running":
            row.advance(event)
        elif isinstance(event, Translated) and row.state == "running":
            row.advance_sentence()
        elif isinstance(event, Notice):
            self._context.toast(f"{row.path.name}: {message(event.key, **event.values)}")
        elif isinstance(event, Result):
            row.finish(event.value)

    def _on_ended(self, state: str, error: BaseException | None) -> None:
        row, self._running = self._running, None
        if row is None:
            return
        discarded, self._discard = self._discard is row, None
        if discarded and row.state not in ("done", "unchanged"):
            self._delete_partial_files(row)
            self._remove(row)
        elif isinstance(error, KnownError):
            row.set_state("failed", message(error))
        elif error is not None:
            row.set_state("failed", str(error))
            self._context.show_error(error)
        elif state == "cancelled" and row.state == "running":  # stopped from the list of jobs
            row.set_state("paused")
        elif row.state == "done" and not any(other.state == "waiting" for other in self.rows):
            self._context.notify(tr("Translate"), tr("{name} is translated.", name=row.path.name))
        self._next()
        self._remember()

    def _on_comments(self, checked: bool) -> None:
        self._context.settings.translate_comments = checked
        self._context.save_settings()

    def _on_bilingual(self) -> None:
        self._context.settings.translate_bilingual = str(self.bilingual_box.currentData())
        self._context.save_settings()

    # --- choosing ---------------------------------------------------------------------------

    def _choose(self) -> None:
        pattern = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        names, _ = QFileDialog.getOpenFileNames(
            self,
            tr("Choose files to translate"),
            "",
            tr("Files that can be translated ({kinds})", kinds=pattern),
        )
        self.focus_input()
        self.add([Path(name) for name in names])

    def _folder_menu(self) -> None:
        menu = QMenu(self)
        beside = menu.addAction(tr("Save beside the originals"))
        other = menu.addAction(tr("Save in a folder…"))
        chosen = menu.exec(self.folder_button.mapToGlobal(self.folder_button.rect().bottomLeft()))
        menu.deleteLater()
        if chosen is beside:
            self._folder = None
        elif chosen is other:
            name = QFileDialog.getExistingDirectory(self, tr("Save in a folder…"))
            self._folder = Path(name) if name else self._folder
            self.focus_input()
        self._show_save_folder()

    def _show_save_folder(self) -> None:
        text = tr("Save beside the originals")
        self.folder_button.setText(tr("Save in {name}", name=self._folder.name) if self._folder else text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)
