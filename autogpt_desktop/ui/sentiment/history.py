"""What was judged: kept once it stands for a moment, listed, opened again, deleted with Undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.one_line import one_line
from autogpt_desktop.storage.verdicts import LIST, TABLE, TEXT, KeptVerdict, TableSource, VerdictHistory
from autogpt_desktop.ui.sentiment.labels import LABELS, percent, word
from autogpt_desktop.ui.sentiment.run_control import FINISHED, PAUSED, STOPPED
from autogpt_desktop.ui.sentiment.scheme import Scheme
from autogpt_desktop.ui.sentiment.table_page import TablePage
from autogpt_desktop.ui.sentiment.text_page import TextPage
from autogpt_desktop.ui.widgets.history_card import HistoryCard
from autogpt_desktop.ui.widgets.history_model import HistoryItem
from autogpt_desktop.ui.widgets.kept_history import HistoryTexts, KeptHistory, goes_on
from autogpt_desktop.ui.widgets.late_saves import LateSaves, Slot

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

SAVE_MS = 2000  # what is judged and stands so long is kept
SETTING = "keep_verdicts"


class VerdictSaver(QObject):
    """Keeps what both pages judge, as long as the user wants that."""

    saved = Signal()  # the history has a new or a changed entry

    def __init__(self, context: AppContext, text_page: TextPage, table_page: TablePage) -> None:
        super().__init__(text_page)
        self.history = VerdictHistory()
        self._context, self._text_page, self._table_page = context, text_page, table_page
        self._slot = Slot()  # of the history, which what is written now replaces
        self._saves = LateSaves(context.show_error, self)
        self._saves.saved.connect(self.saved)
        self._kept, self._kind = text_page.draft.restored, ""  # the text of that entry; "": whatever it was
        self._source: TableSource | None = None  # of the run
        self._table_slot = Slot()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SAVE_MS)
        self._timer.timeout.connect(self.save_now)
        text_page.judged.connect(self._timer.start)
        text_page.left.connect(self.begin_new)
        table_page.started.connect(self._on_table)
        table_page.run_view.control.changed.connect(self._on_run)

    def begin_new(self) -> None:
        """What follows is another text: the one before is kept as it is."""
        if self._timer.isActive():
            self.save_now()
        self._slot, self._kept, self._kind = Slot(), "", ""

    def save_now(self) -> None:
        """The text or the list as it stands, if it has been judged."""
        self._timer.stop()
        text, outcome = self._text_page.field.text(), self._text_page.outcome()
        kind = LIST if self._text_page.is_list else TEXT
        if not outcome or (text == self._kept and self._kind in ("", kind)):  # as it was kept or came back
            return
        if not goes_on(self._kept, text):
            self._slot = Slot()
        self._kept, self._kind = text, kind
        how = _labels(self._text_page.scheme)
        self._save(self._slot, partial(self.history.keep, kind, text, outcome, **how))

    def set_entry(self, one: KeptVerdict) -> None:
        """What is shown is this one: nothing is left to save."""
        self._timer.stop()
        self._slot, self._kept, self._kind = Slot(one.id), one.text, one.kind

    def finish(self) -> None:
        """The window closes: what waits to be kept is kept now."""
        if self._timer.isActive():
            self.save_now()
        self._saves.finish()
        self.history.close()

    def _on_table(self, source: TableSource) -> None:
        self._source, self._table_slot = source, Slot()
        self._save_table(source, (), self._table_page.scheme)

    def _on_run(self) -> None:
        """How far a table came."""
        control = self._table_page.run_view.control
        if control.table_run is None:
            self._source = None
        elif self._source is not None and control.state in (FINISHED, PAUSED, STOPPED):
            self._save_table(self._source, control.outcome(), control.scheme)

    def _save_table(self, source: TableSource, outcome: Sequence[float], scheme: Scheme) -> None:
        def keep(_number: int) -> int:  # it is known by its file
            return self.history.keep_table(source, outcome, **how)

        how = _labels(scheme)
        self._save(self._table_slot, keep)

    def _save(self, slot: Slot, keep: Callable[[int], int]) -> None:
        if getattr(self._context.settings, SETTING):
            self._saves.put(slot, keep)


class VerdictHistoryCard(HistoryCard):
    """The list of what was judged; ``opened`` carries the whole of an entry."""

    opened = Signal(object)  # KeptVerdict

    def __init__(self, context: AppContext, saver: VerdictSaver, window: QWidget) -> None:
        self._context, self._history = context, saver.history
        self.kept = KeptHistory(context, saver.history, _item, _texts, SETTING)
        self.kept.foot.setContentsMargins(16, 0, 16, 0)
        super().__init__(window, self.kept.list, self.kept)
        self.kept.opened.connect(self._on_opened)
        saver.saved.connect(self._on_saved)
        self.retranslate()

    def retranslate(self) -> None:
        self.set_title(tr("What was judged"))
        self.kept.retranslate()

    def show_rows(self) -> None:
        self.kept.reload()
        super().show_rows()

    def _on_saved(self) -> None:
        if self.isVisible():
            self.kept.reload()

    def _on_opened(self, number: int) -> None:
        if not self.isVisible():  # a click that also activates comes twice
            return
        try:
            one = self._history.get(number)
        except KnownError as error:
            self._context.show_error(error)
            return
        if one is not None:
            self.close_overlay()
            self.opened.emit(one)


def _labels(scheme: Scheme) -> dict[str, Any]:
    """What the history keeps of them."""
    return {"model": scheme.model, "labels": scheme.labels} if scheme.is_own else {}


def _item(one: KeptVerdict) -> HistoryItem:
    return HistoryItem(one.id, one_line(one.text), one.changed, note=_note(one), value=one)


def _note(one: KeptVerdict) -> str:
    """What it was, and what came out."""
    parts = [{TEXT: tr("Text"), LIST: tr("List"), TABLE: tr("Table")}.get(one.kind, "")]
    if one.source is not None and one.source.column:
        parts.append(one_line(one.source.column))
    names = [one_line(label) for label in one.labels] or [word(label) for label in LABELS]
    shares = list(zip(names, one.outcome, strict=False))
    if one.kind == TEXT and shares:
        label, share = max(shares, key=lambda each: each[1])
        parts.append(f"{label} {percent(share)}")
    elif sum(one.outcome):
        shares = sorted(shares, key=lambda each: -each[1]) if one.labels else shares
        parts.append(", ".join(f"{label} {count:,.0f}" for label, count in shares if count))
    return " · ".join(filter(None, parts))


def _texts() -> HistoryTexts:
    return HistoryTexts(
        name=tr("What was judged"),
        search=tr("Search what was judged"),
        empty=tr("What you have judged will be listed here. It stays on this computer."),
        off=tr("What is judged is not kept."),
        keep=tr("Keep what is judged on this computer"),
        clear=tr("Delete the whole list"),
        deleted=tr("Entry deleted"),
        all_deleted=_all_deleted,
    )


def _all_deleted(count: int) -> str:
    return tr("{n} entries deleted", n=count)
