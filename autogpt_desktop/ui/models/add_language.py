"""The card that adds languages to translate: a list to search, both directions fetched in one click."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from autogpt_desktop.catalog.packs import NewerPacks, languages, of_language
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import current_language, message, tr
from autogpt_desktop.language_names import order_of_language
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.models.downloads import Downloads
from autogpt_desktop.ui.models.language_row import PackLanguageRow, pack_language_name
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import (
    button,
    icon_button,
    label,
    name_button,
    name_field,
    plain_tooltip,
    set_tone,
)
from autogpt_desktop.ui.widgets.overlay import Overlay

REMOVAL_DELAY = 30_000  # milliseconds in which a removal can be undone
_MOST_NAMED = 6  # new pairs of languages
_ROWS_HEIGHT = 360  # px of the list


class AddLanguageCard(Overlay):
    """Made anew each time it is opened; downloads go on when it is closed."""

    def __init__(self, context: AppContext, downloads: Downloads, window: QWidget) -> None:
        super().__init__(window, placement="center", width=480)
        self._context, self._downloads = context, downloads
        self.rows: dict[str, PackLanguageRow] = {}
        self._title = label(tr("Languages to translate"), size="heading")
        self.close_button = icon_button("close")
        name_button(self.close_button, tr("Close"), "Esc")
        self.close_button.clicked.connect(self.close_overlay)
        self.search = QLineEdit()
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icons.icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        name_field(self.search, tr("Search languages"))
        self.search.textChanged.connect(self._filter)
        self.search.returnPressed.connect(self._add_only)
        self._nothing = label(tr("No translation pack for such a language."), tone="muted", wrap=True)
        self._nothing.hide()
        page = QWidget()
        page.setObjectName("page")
        self._list = QVBoxLayout(page)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(2)
        self._list.addStretch(1)
        self._fill()
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(page)
        self._scroll.setMinimumHeight(120)
        note = label(
            tr("Packs of Mozilla Firefox, licence MPL-2.0. They work offline."), size="small", tone="muted",
            wrap=True,
        )  # fmt: skip
        self.update_button = button(kind="quiet")
        self.update_button.setText(tr("Look for newer packs"))
        self.update_button.setToolTip(
            plain_tooltip(tr("Asks Mozilla's server for its newest list. Nothing else is fetched."))
        )
        self.update_button.clicked.connect(self._update)
        self.found = label(size="small", tone="muted", wrap=True)
        self.found.hide()
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(note, 1)
        foot.addWidget(self.update_button)
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self.close_button)
        column = QVBoxLayout(self.card)
        column.setContentsMargins(16, 12, 12, 12)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.search)
        column.addWidget(self._nothing)
        column.addWidget(self._scroll, 1)
        column.addWidget(self.found)
        column.addLayout(foot)
        downloads.packs_updated.connect(self._on_updated)
        downloads.changed.connect(self._on_download)
        context.models_listed.connect(self._show_states)
        self.closed.connect(self.deleteLater)

    def focus_first(self) -> None:
        self.search.setFocus(Qt.FocusReason.PopupFocusReason)

    def place(self) -> None:
        beside = 200 + (0 if self.found.isHidden() else self.found.sizeHint().height() + 8)
        self._scroll.setFixedHeight(max(120, min(_ROWS_HEIGHT, self.height() - beside)))
        super().place()

    def _fill(self) -> None:
        """A row for each language that has none yet."""
        for at, code in enumerate(self._ordered()):
            if code in self.rows:
                continue
            row = PackLanguageRow(self._context, self._downloads, code)
            row.removed.connect(self._remove)
            self.rows[code] = row
            self._list.insertWidget(at, row)

    def _update(self) -> None:
        self.update_button.setEnabled(False)
        self._tell(tr("Looking for newer packs"))
        self._downloads.update_packs()

    def _on_updated(self, found: object) -> None:
        """A newer list is here, or it could not be had."""
        self.update_button.setEnabled(True)
        if isinstance(found, KnownError):
            self._tell(message(found), tone="danger")
        elif isinstance(found, NewerPacks):
            self._fill()
            self._filter(self.search.text())
            self._show_states()
            self._tell(_found_text(found))
        else:
            self.found.hide()

    def _tell(self, text: str, tone: str = "muted") -> None:
        set_tone(self.found, tone)
        self.found.setText(text)
        self.found.show()
        self.place()

    def _ordered(self) -> list[str]:
        """What is here first, then by name."""
        here = {code for model in self._context.installed_models() for code in model.languages if model.pairs}
        if current_language() == "zh_CN":
            return sorted(languages(), key=lambda code: (code not in here, order_of_language(code)))
        return sorted(languages(), key=lambda code: (code not in here, pack_language_name(code)))

    def _filter(self, text: str) -> None:
        wanted = text.strip().casefold()
        for code, row in self.rows.items():
            row.setVisible(wanted in row.name.casefold() or wanted == code.casefold())
        self._nothing.setVisible(not self._shown())

    def _shown(self) -> list[PackLanguageRow]:
        return [row for row in self.rows.values() if not row.isHidden()]

    def _add_only(self) -> None:
        """Enter adds the language that is left of the search."""
        if len(self._shown()) == 1:
            self._shown()[0].add()

    def _on_download(self, name: str) -> None:
        for row in self.rows.values():
            if any(pack.name == name for pack in of_language(row.code)):
                row.show_state()

    def _show_states(self) -> None:
        for row in self.rows.values():
            row.show_state()

    def _remove(self, code: str) -> None:
        remove_language(self._context, code)


def _found_text(found: NewerPacks) -> str:
    if not found.new:
        return tr("There are no newer packs.")
    names = [f"{pack_language_name(one)} → {pack_language_name(other)}" for one, other in _pairs(found)]
    shown = ", ".join(names[:_MOST_NAMED])
    if len(names) > _MOST_NAMED:
        shown = tr("{names} and {n} more", names=shown, n=len(names) - _MOST_NAMED)
    return tr("New or changed: {names}", names=shown)


def _pairs(found: NewerPacks) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(pack.pair for pack in found.new if len(pack.pair) == 2))


def remove_language(context: AppContext, code: str) -> None:
    """Both packs, gone from the lists at once, from the disk when it can no longer be undone."""
    models = [
        model for model in context.installed_models() if model.pairs and code in model.languages
    ]  # of the language alone: English is in all of them
    names = {model.name for model in models if model.removable}
    if not names:
        return
    for model in models:
        context.pending_removal.add(model.name)
        context.unload_model(model.path)
    timer = QTimer(context)
    timer.setSingleShot(True)
    timer.setInterval(REMOVAL_DELAY)
    finish = partial(_remove_now, context, names, timer)
    timer.timeout.connect(finish)
    timer.start()
    context.before_close.append(finish)
    context.refresh_models()

    def undo() -> None:
        if timer.isActive():
            timer.stop()
            context.pending_removal.difference_update(names)
            context.refresh_models()

    context.toast(tr("{model} was removed.", model=pack_language_name(code)), undo=undo)


def _remove_now(context: AppContext, names: set[str], timer: QTimer) -> None:
    from autogpt_desktop.catalog import installed

    if not names <= context.pending_removal:  # undone, or done
        return
    timer.stop()
    for name in sorted(names):
        try:
            installed.remove(name)
        except KnownError as error:
            context.show_error(error)
    context.pending_removal.difference_update(names)
    context.refresh_models()
