"""A language whose translation packs can be fetched or are here: a line with its download in place."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout

from autogpt_desktop import i18n
from autogpt_desktop.catalog.entries import CatalogModel, partial
from autogpt_desktop.catalog.packs import of_language, shown_code
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.i18n import tr
from autogpt_desktop.language_names import name_of_language
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.models.downloads import Downloads
from autogpt_desktop.ui.models.rows import show_progress
from autogpt_desktop.ui.widgets.basic import ElidedLabel, button, label, name_button, set_property, size_text


def pack_language_name(code: str) -> str:
    """The name of a pack's language, with its script where there are two."""
    return name_of_language(shown_code(code)) or code


def packs_size(packs: list[CatalogModel]) -> str:
    """``2 × 36 MB``: two that are about the same size, or ``26 MB``."""
    size = sum(pack.download_size for pack in packs) / max(len(packs), 1)
    return f"{len(packs)} × {size_text(round(size))}" if len(packs) > 1 else size_text(round(size))


class PackLanguageRow(QFrame):
    """Fetches both directions in one click. ``removed`` carries the language's code."""

    removed = Signal(str)

    def __init__(self, context: AppContext, downloads: Downloads, code: str) -> None:
        super().__init__()
        self.setObjectName("row")
        self.code = code
        self._context, self._downloads = context, downloads
        self._packs = of_language(code)
        self._title = ElidedLabel("")
        self._facts = ElidedLabel(size="small", tone="muted")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.add_button, self.cancel_button = button(), button()
        self.remove_button = button(kind="quiet")
        self.add_button.clicked.connect(self.add)
        self.cancel_button.clicked.connect(self.cancel)
        self.remove_button.clicked.connect(self._remove)
        self._state = label(size="small", tone="danger", wrap=True)
        self.working = label(size="small", tone="accent")
        texts = QVBoxLayout()
        texts.setSpacing(2)
        for text in (self._title, self._facts):
            texts.addWidget(text)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addLayout(texts, 1)
        self.working.hide()
        for made in (self.working, self.add_button, self.cancel_button, self.remove_button):
            line.addWidget(made, 0, Qt.AlignmentFlag.AlignVCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 8, 6)
        column.setSpacing(4)
        column.addLayout(line)
        column.addWidget(self.progress)
        column.addWidget(self._state)
        self.retranslate()

    @property
    def name(self) -> str:
        return pack_language_name(self.code)

    def retranslate(self) -> None:
        name = self.name
        self._title.set_text(name)
        self.working.setText(tr("In use"))
        self.add_button.setText(tr("Add"))
        self.cancel_button.setText(tr("Cancel"))
        self.remove_button.setText(tr("Remove"))
        size = packs_size(self.missing() or self._packs)
        name_button(self.add_button, tr("Add {language} ({size})", language=name, size=size))
        name_button(self.cancel_button, tr("Cancel the download of {model}", model=name))
        name_button(self.remove_button, tr("Remove {model}", model=name))
        self.progress.setAccessibleName(tr("Downloading {model}", model=name))
        self.show_state()

    def show_working(self, names: Sequence[str]) -> None:
        """``names``: of the models that work for the panel in front."""
        works = any(pack.name in names for pack in self._packs)
        self.working.setVisible(works)
        set_property(self, "state", "chosen" if works else "plain")

    def missing(self) -> list[CatalogModel]:
        """The packs that are not here."""
        here = {model.name for model in self._context.installed_models() if not model.problem}
        return [pack for pack in self._packs if pack.name not in here]

    def running(self) -> list[CatalogModel]:
        """Those that are under way."""
        return [pack for pack in self._packs if self._downloads.is_running(pack.name)]

    def add(self) -> None:
        """Both directions; what came earlier is gone on with."""
        for pack in self.missing():
            self._downloads.start(pack)

    def cancel(self) -> None:
        for pack in self.running():
            self._downloads.cancel(pack.name)

    def show_state(self) -> None:
        """After any change of its downloads, or of what is installed."""
        missing, running = self.missing(), self.running()
        had_focus = any(made.hasFocus() for made in (self.add_button, self.cancel_button, self.remove_button))
        self.add_button.setVisible(bool(missing) and not running)
        self.cancel_button.setVisible(bool(running))
        self.remove_button.setVisible(len(missing) < len(self._packs) and not running)
        self.progress.setVisible(bool(running))
        self._facts.set_text(self._facts_text(missing))
        set_property(self, "state", "plain" if self.working.isHidden() else "chosen")
        if had_focus:
            shown = [made for made in (self.cancel_button, self.add_button) if made.isVisibleTo(self)]
            (shown or [self.remove_button])[0].setFocus()
        if running:
            done = total = 0
            for pack in self._packs:
                download = self._downloads.get(pack.name)
                if download is not None and download.job is not None:
                    done, total = done + download.progress.done, total + download.progress.total
                elif pack not in missing:
                    done, total = done + pack.download_size, total + pack.download_size
            show_progress(self.progress, Progress("stage.downloading", done, total))
        errors = [
            download.error for pack in missing if (download := self._downloads.get(pack.name)) is not None
        ]
        error = next((one for one in errors if isinstance(one, KnownError)), None)
        self._state.setText(i18n.message(error) if error and not running else "")
        self._state.setVisible(bool(self._state.text()))

    def _facts_text(self, missing: list[CatalogModel]) -> str:
        facts = []
        if len(self._packs) == 1:
            into = self._packs[0].pair[1] == self.code
            facts.append(tr("from English only") if into else tr("into English only"))
        if len(missing) == len(self._packs):
            facts.insert(0, packs_size(self._packs))
            if here := sum(map(partial, self._packs)):
                facts.append(tr("{size} are here already", size=size_text(here)))
        elif missing:
            one = missing[0]
            facts.append(tr("one direction is missing ({size})", size=size_text(one.download_size)))
        else:
            names = {pack.name for pack in self._packs}
            models = [model for model in self._context.installed_models() if model.name in names]
            facts.append(tr("on this computer, {size}", size=size_text(sum(one.size for one in models))))
        return " · ".join(facts)

    def _remove(self) -> None:
        self.removed.emit(self.code)
