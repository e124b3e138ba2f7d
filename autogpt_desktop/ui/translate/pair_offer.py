"""Where a pair of languages has no pack yet: who translates meanwhile, and one click to get it."""

from __future__ import annotations

from PySide6.QtCore import QObject

from autogpt_desktop import i18n
from autogpt_desktop.catalog.entries import CatalogModel
from autogpt_desktop.catalog.packs import PIVOT, of_language
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.models.language_row import pack_language_name, packs_size
from autogpt_desktop.ui.translate.pair_models import PairModels
from autogpt_desktop.ui.translate.view import TranslateView
from autogpt_desktop.ui.widgets.basic import button, name_button, plain_tooltip, size_text

TOPIC = "pack"


class PairOffer(QObject):
    """A quiet ``button`` below the translation; topic "pack" of the notice bar while the packs come, and
    where nothing else translates the pair."""

    def __init__(self, context: AppContext, view: TranslateView, models: PairModels) -> None:
        super().__init__(view)
        self._context, self._models = context, models
        self._row, self._notice = view.languages, view.notice
        self._fetching: list[CatalogModel] = []
        self.button = button(kind="quiet", icon="plus")
        self.button.clicked.connect(self.fetch)
        self.button.hide()
        self._row.changed.connect(self.show_offer)
        models.changed.connect(self.show_offer)
        context.downloads.changed.connect(self._on_download)

    def show_offer(self) -> None:
        """For the pair of now."""
        source, target = self._row.language, self._row.target
        missing = self._models.missing(source, target) if source and not self._fetching else []
        way = self._models.way(source, target)
        wanted = bool(missing) and way.kind in ("model", "")
        self.button.setVisible(wanted)
        if self._fetching:
            return
        if not wanted:
            self._notice.clear(TOPIC)
            return
        names = " + ".join(dict.fromkeys(pack_language_name(code) for code in self._codes(missing)))
        add = tr("Add {language} ({size})", language=names, size=packs_size(self._packs(missing)))
        model = self._context.model_for("translate")
        self.button.setText(add)
        if model is None:
            text = tr("A translation pack is needed for these languages.")
            self._notice.show_notice(TOPIC, text, action=add, do=self.fetch)
        else:
            name = model.title
            text = tr("{model} translates here. A translation pack is better and much faster.", model=name)
        name_button(self.button, add)
        self.button.setToolTip(plain_tooltip(text))

    def fetch(self) -> None:
        """Both directions of what is missing, in one click."""
        self._fetching = self._packs(self._models.missing(self._row.language, self._row.target))
        for pack in self._fetching:
            self._context.downloads.start(pack)
        self.button.hide()
        self._show_progress()

    def cancel(self) -> None:
        """What has come stays for the next time."""
        for pack in self._fetching:
            self._context.downloads.cancel(pack.name)

    def _on_download(self, name: str) -> None:
        if any(pack.name == name for pack in self._fetching):
            self._show_progress()

    def _show_progress(self) -> None:
        downloads = self._context.downloads
        running = [pack for pack in self._fetching if downloads.is_running(pack.name)]
        if running:
            done = total = 0
            for pack in self._fetching:
                download = downloads.get(pack.name)
                here = download is None
                done += pack.download_size if download is None else download.progress.done
                total += pack.download_size if here or download is None else download.progress.total
            text = tr("{done} of {size}", done=size_text(done), size=size_text(total))
            self._notice.show_notice(
                TOPIC, tr("Downloading {model}", model=self._names()) + f" · {text}",
                icon="download", action=tr("Cancel"), do=self.cancel,
            )  # fmt: skip
            return
        errors = [one.error for pack in self._fetching if (one := downloads.get(pack.name)) is not None]
        self._fetching = []
        self._notice.clear(TOPIC)
        error = next((one for one in errors if isinstance(one, KnownError)), None)
        if error is not None:
            self._notice.show_notice(
                TOPIC, i18n.message(error), icon="warning", action=tr("Try again"), do=self.fetch
            )
        else:
            self.show_offer()

    def _names(self) -> str:
        codes = self._codes(self._fetching)
        return " + ".join(dict.fromkeys(pack_language_name(code) for code in codes))

    def _packs(self, missing: list[CatalogModel]) -> list[CatalogModel]:
        """The missing ones, and their ways back."""
        here = {model.name for model in self._context.installed_models() if not model.problem}
        both = [pack for code in self._codes(missing) for pack in of_language(code)]
        found = {pack.name: pack for pack in (*missing, *both) if pack.name not in here}
        return list(found.values())

    @staticmethod
    def _codes(packs: list[CatalogModel]) -> list[str]:
        return list(dict.fromkeys(code for pack in packs for code in pack.pair if code != PIVOT))
