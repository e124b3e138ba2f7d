"""Goes through the sentences that should be looked at again: of the text, or of a translated file."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

from PySide6.QtCore import QObject, Signal

from autogpt_desktop.events import Result
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.translate.files import TranslatedFile, correct_file, with_flags
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.jobs.panel_job import PanelJob
from autogpt_desktop.ui.translate.file_row import FileRow
from autogpt_desktop.ui.translate.pair_models import PairModels
from autogpt_desktop.ui.translate.rereading import Rereading
from autogpt_desktop.ui.translate.review_view import ReviewItem, ReviewView
from autogpt_desktop.ui.translate.view import TranslateView


class Review(QObject):
    """Fills the list, and does what is asked for in it."""

    wanted = Signal()  # the list is to be shown

    def __init__(self, context: AppContext, view: TranslateView, models: PairModels) -> None:
        super().__init__(view)
        self._context, self._view = context, view
        self.list: ReviewView | None = None  # made when first shown
        self.row: FileRow | None = None  # the file whose sentences are shown; None: those of the text
        self._places: list[tuple[int, int]] = []  # of a file's sentences: text, number in it
        self._corrected: tuple[int, int] | None = None  # the place that is being written
        self._read: dict[tuple[str, str], tuple[FileRow, int, int]] = {}  # what is read again, and whose
        self._rereading = Rereading(context, models, self)
        self._rereading.read.connect(self._on_reread)
        self._job = PanelJob(context, self)
        self._job.yielded.connect(self._on_corrected)
        self._job.ended.connect(self._on_ended)
        view.pair.review_requested.connect(self.show_text)
        view.pair.facts_shown.connect(self._on_facts)
        view.pages.currentChanged.connect(self._on_page)

    def make_list(self) -> ReviewView:
        self.list = ReviewView(self._context)
        self.list.chosen.connect(self._on_chosen)
        self.list.corrected.connect(self._on_correction)
        self.fill()
        return self.list

    def show_text(self) -> None:
        self.row = None
        self.fill()
        self.wanted.emit()

    def show_file(self, row: FileRow) -> None:
        self.row = row
        self.fill()
        self.wanted.emit()

    def forget(self, row: FileRow) -> None:
        """The file is taken off its list."""
        if self.row is row:
            self.row = None
            self.fill()

    def shutdown(self) -> None:
        self._job.detach()
        self._rereading.shutdown()

    def fill(self) -> None:
        """Show what there is now."""
        if self.list is None:
            return
        if self.row is not None and self.row.result is not None:
            found = self.row.result.to_review()
            self._places = [place for place, _ in found]
            texts = self.row.result.texts
            items = [
                ReviewItem(
                    one.source, one.text, one.flags, texts[part], one.start, one.end, part + 1, len(texts)
                )
                for (part, _), one in found
            ]
            self.list.show_items(items, self.row.path.name)
            return
        pairs = self._view.pair.map.pairs
        items = [ReviewItem(one.source, one.text, one.flags) for one in pairs if one.flags]
        if self.list.items != items or self._places:
            self._places = []
            self.list.show_items(items)

    def _on_facts(self) -> None:
        if self.row is None and self._view.side == "review":
            self.fill()

    def _on_page(self) -> None:
        """Back at the text, its own sentences are shown."""
        if self._view.pages.currentWidget() is self._view.pair and self.row is not None:
            self.row = None
            self.fill()

    def _on_chosen(self, number: int) -> None:
        flagged = self._view.pair.flagged()
        if self.row is None and number < len(flagged):
            if self._view.pages.isHidden():  # the list stands in its place
                self._view.show_side("")
            self._view.pair.go_to(flagged[number])

    def _on_correction(self, number: int, text: str) -> None:
        if self.row is None or self.row.result is None or number >= len(self._places):
            return
        done, (part, index) = self.row.result, self._places[number]
        self._corrected = part, index

        def job(cancel: Event) -> Iterator[object]:
            yield from correct_file(done, part, index, text)

        self._job.start_plain(job, title=tr("Correcting {name}", name=done.out.name))

    def _on_corrected(self, event: object) -> None:
        if isinstance(event, Result) and isinstance(event.value, TranslatedFile) and self.row is not None:
            self.row.finish(event.value)
            self._read_again(self.row, event.value)
            self._context.toast(tr("Corrected in {name}", name=event.value.out.name))
            self.fill()

    def _read_again(self, row: FileRow, done: TranslatedFile) -> None:
        """What was corrected is read as what was translated is: its mark follows."""
        if self._corrected is None:
            return
        part, index = self._corrected
        whole = done.translations[part]
        one = whole.sentences[index]
        self._read[one.source, one.text] = row, part, index
        self._rereading.add(one.source, one.text, whole.source, whole.target, None)

    def _on_reread(self, sentence: str, text: str, flags: tuple[str, ...]) -> None:
        row, part, index = self._read.pop((sentence, text), (None, 0, 0))
        if row is None or row.result is None or not flags:
            return
        one = row.result.translations[part].sentences[index]
        if (one.source, one.text) == (sentence, text):
            row.finish(with_flags(row.result, part, index, flags))
            if self.row is row:
                self.fill()

    def _on_ended(self, _state: str, error: BaseException | None) -> None:
        if error is not None:
            self._context.show_error(error)
