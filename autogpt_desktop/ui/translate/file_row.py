"""One file to translate, in its line: how far it is, what became of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.i18n import message, tr
from autogpt_desktop.language_names import name_of_language
from autogpt_desktop.settings import BILINGUAL
from autogpt_desktop.tasks.translate.files import TranslatedFile, bilingual_way
from autogpt_desktop.ui.translate.labels import language_name
from autogpt_desktop.ui.widgets.basic import (
    ElidedLabel,
    button,
    hairline,
    icon_button,
    label,
    name_button,
    plain_tooltip,
    set_tone,
)
from autogpt_desktop.ui.widgets.progress_row import ProgressRow


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to become of a file. ``bilingual``: what is wished; ``out``: where to, None: beside it."""

    source: str
    target: str
    comments: bool
    bilingual: str
    out: Path | None

    def remembered(self, path: Path) -> str:
        """As ``FileRow.remembered``."""
        return json.dumps(
            [
                *(str(path), self.source, self.target, str(self.out or "")),
                *(["comments"] * self.comments),
                *([self.bilingual] if self.bilingual else []),
            ],
            ensure_ascii=False,
        )


class FileRow(QWidget):
    """``state``: "waiting", "running", "paused", "done", "unchanged" (nothing was translated) or "failed"."""

    pause_requested = Signal(object)  # itself, as all of these
    resume_requested = Signal(object)
    cancel_requested = Signal(object)
    remove_requested = Signal(object)
    retry_requested = Signal(object)
    review_requested = Signal(object)

    def __init__(
        self, path: Path, source: str, target: str, comments: bool = False, bilingual: str = ""
    ) -> None:
        """``bilingual``: what is wished, "under" or "beside"."""
        super().__init__()
        self.comments = comments  # of a DOCX file, translated too
        self._wished = bilingual
        self.bilingual = bilingual_way(path, bilingual)  # as this kind of file can hold both languages
        self.refused = False  # it is no file that can be translated
        self.path, self.source, self.target = path, source, target
        self.out: Path | None = None  # where to, None: beside the original
        self.state = "waiting"
        self.result: TranslatedFile | None = None
        self.name = ElidedLabel(path.name)
        self.name.setToolTip(plain_tooltip(str(path)))
        self.pair = label(size="small", tone="muted")
        self.facts = label(size="small", tone="muted", wrap=True)
        self.progress = ProgressRow(can_pause=True)
        self.review_button = button(kind="quiet")
        self.open_button = button(kind="quiet")
        self.folder_button = button(kind="quiet")
        self.retry_button = button(kind="quiet")
        self.close_button = icon_button("close")
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.name, 1)
        head.addWidget(self.pair)
        head.addWidget(self.close_button)
        foot = QHBoxLayout()
        foot.setSpacing(4)
        foot.addWidget(self.facts, 1)
        for made in (self.retry_button, self.review_button, self.open_button, self.folder_button):
            foot.addWidget(made)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self.progress)
        column.addLayout(foot)
        column.addSpacing(4)
        column.addWidget(hairline())
        self.progress.paused.connect(self._pause)
        self.progress.resumed.connect(self._resume)
        self.progress.cancelled.connect(self._cancel)
        self.open_button.clicked.connect(self._open)
        self.folder_button.clicked.connect(self._show_folder)
        self.retry_button.clicked.connect(self._retry)
        self.review_button.clicked.connect(self._review)
        self.close_button.clicked.connect(self._remove)
        self._error = ""
        self._progress = Progress("stage.translating")
        self.retranslate()

    def remembered(self) -> str:
        """What ``from_remembered`` makes the row again from, in another run of the app."""
        wish = Wish(self.source, self.target, self.comments, self._wished, self.out)
        return wish.remembered(self.path)

    @classmethod
    def from_remembered(cls, text: str) -> FileRow | None:
        """A row that is paused; None where the text makes no sense."""
        try:
            path, source, target, out, *more = map(str, json.loads(text))
        except (ValueError, TypeError):  # edited by hand
            return None
        known = name_of_language(target) and (source == "auto" or name_of_language(source))
        if not path or not known:
            return None
        bilingual = next((way for way in BILINGUAL[1:] if way in more), "")
        row = cls(Path(path), source, target, "comments" in more, bilingual)
        row.out = Path(out) if out else None
        row.set_state("paused")
        return row

    def retranslate(self) -> None:
        found = (self.result.source if self.result is not None else "") or self.source
        source = language_name(found) if found not in ("auto", "") else tr("Detect language")
        pair = f"{source} → {language_name(self.target)}"
        if self._wished:
            ways = {
                "under": tr("{pair}, under the original", pair=pair),
                "beside": tr("{pair}, beside the original", pair=pair),
            }
            pair = ways.get(self.bilingual, tr("{pair}, translation only", pair=pair))
        self.pair.setText(pair)
        self.review_button.setText(tr("Show them"))
        self.open_button.setText(tr("Open"))
        self.folder_button.setText(tr("Show in folder"))
        self.retry_button.setText(tr("Try again"))
        name_button(self.close_button, tr("Take {name} off the list", name=self.path.name))
        self.progress.retranslate()
        self.set_state(self.state, self._error)

    def set_state(self, state: str, error: str = "") -> None:
        if state in ("running", "waiting") and self.state not in ("running", "waiting"):
            self.progress.begin(tr("Waiting"))
        self.state, self._error = state, error
        if state == "waiting":
            if self.progress.isHidden():
                self.progress.begin("")
            self.progress.bar.setRange(0, 1)
            self.progress.set_text(tr("Waiting"))
        elif state == "paused":
            if self.progress.isHidden():
                self.progress.begin("")
                self.progress.bar.setRange(0, 1)
            self.progress.set_paused(True)
            self.progress.set_text(tr("Paused"))
            self.progress.cancel_button.setText(tr("Remove"))
        elif state in ("done", "unchanged", "failed"):
            self.progress.end()
        ended = state in ("done", "unchanged", "failed")
        written = state in ("done", "unchanged")
        self.facts.setVisible(ended)
        self.close_button.setVisible(ended)
        self.open_button.setVisible(written)
        self.folder_button.setVisible(written)
        self.review_button.setVisible(state == "done" and bool(self.result and self.result.flagged))
        self.retry_button.setVisible(state == "failed" and not self.refused)
        set_tone(self.facts, "muted" if state == "done" else "warning")
        self.facts.setText(error or self._result_text())

    def advance(self, progress: Progress) -> None:
        self._progress = progress
        self.progress.set_text(message(progress.stage))
        self.progress.advance(progress)

    def advance_sentence(self) -> None:
        """One more is translated; how many there are in all was said before."""
        now = self._progress
        if now.done < now.total:
            self.advance(Progress(now.stage, now.done + 1, now.total))

    def finish(self, result: TranslatedFile) -> None:
        self.result = result
        self.set_state("done" if result.changed else "unchanged")
        self.retranslate()

    def refuse(self, error: KnownError) -> None:
        """It cannot be translated, and trying again would not help."""
        self.refused = True
        self.set_state("failed", message(error))

    def _result_text(self) -> str:
        if self.result is None:
            return ""
        if not self.result.has_words:
            return tr("Nothing to translate in it. Saved as {name}.", name=self.result.out.name)
        if not self.result.changed and self.result.source == self.target:
            return tr(
                "Nothing was translated: it is in {language} already. Saved as {name}.",
                language=language_name(self.target), name=self.result.out.name,
            )  # fmt: skip
        if not self.result.changed:
            return tr(
                "Nothing was translated: each sentence came back as it was. Saved as {name}.",
                name=self.result.out.name,
            )
        if self.result.flagged:
            return tr(
                "Saved as {name}. {n} of {total} sentences should be looked at again.",
                name=self.result.out.name, n=self.result.flagged, total=self.result.sentences,
            )  # fmt: skip
        return tr("Saved as {name}.", name=self.result.out.name)

    def _pause(self) -> None:
        self.pause_requested.emit(self)

    def _resume(self) -> None:
        self.resume_requested.emit(self)

    def _cancel(self) -> None:
        self.cancel_requested.emit(self)

    def _remove(self) -> None:
        self.remove_requested.emit(self)

    def _retry(self) -> None:
        self.retry_requested.emit(self)

    def _review(self) -> None:
        self.review_requested.emit(self)

    def _open(self) -> None:
        if self.result is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.result.out)))

    def _show_folder(self) -> None:
        if self.result is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.result.out.parent)))
