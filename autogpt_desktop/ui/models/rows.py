"""The lines of the model list: one for a model that is here, one for a model that can be fetched."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from autogpt_desktop import i18n
from autogpt_desktop.catalog.entries import CatalogModel, catalog, needs_acceptance, partial
from autogpt_desktop.catalog.installed import InstalledModel
from autogpt_desktop.catalog.roles import can_play
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.models.downloads import Download, Downloads
from autogpt_desktop.ui.models.fit_text import fit_facts, fit_of, fit_warning, memory_needed
from autogpt_desktop.ui.models.terms_card import show_terms
from autogpt_desktop.ui.widgets.basic import (
    ElidedLabel,
    button,
    icon_button,
    label,
    languages_text,
    name_button,
    plain_tooltip,
    set_property,
    size_text,
    time_text,
)


def _wrapped(tone: str) -> QLabel:
    """A label as high as its text at the width it gets; Qt's own minimum assumes a narrower one."""
    made = label(size="small", tone=tone, wrap=True)
    made.setMinimumHeight(1)
    return made


class InstalledRow(QFrame):
    """``chosen`` and ``removed`` carry the model's name; ``role``: what it would be chosen for.

    Enter on the row chooses the model; the button that removes it comes after it.
    """

    chosen = Signal(str)
    stepped = Signal(int)  # an arrow key: 1 down, -1 up
    removed = Signal(str)
    copy_removed = Signal(str)

    def __init__(self, context: AppContext, model: InstalledModel, role: str = "chat") -> None:
        super().__init__()
        self.setObjectName("row")
        self.model = model
        self._role = role
        self._context = context
        self._is_chosen = False
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 8, 8)
        row.setSpacing(8)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        self._title = ElidedLabel(model.title)
        self._facts = _wrapped("muted")
        self._problem = _wrapped("danger")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.hide()
        for widget in (self._title, self._facts, self._problem, self.progress):
            texts.addWidget(widget)
        self.copy_button = button(kind="quiet")  # deletes the packed copy, not the model
        self.copy_button.clicked.connect(self._remove_copy)
        self.copy_button.setVisible(bool(model.packed_bytes))
        texts.addWidget(self.copy_button, 0, Qt.AlignmentFlag.AlignLeft)
        self.use_button = button()
        self.use_button.clicked.connect(self._choose)
        self.state = label(size="small", tone="accent")
        self.remove_button = icon_button("delete")
        self.remove_button.clicked.connect(self._remove)
        row.addLayout(texts, 1)
        for made in (self.state, self.use_button, self.remove_button):
            row.addWidget(made, 0, Qt.AlignmentFlag.AlignVCenter)
        self.remove_button.setVisible(model.removable)  # now: without a parent it would be a window
        self.retranslate()

    def retranslate(self) -> None:
        model = self.model
        size = size_text(model.disk_bytes)
        if model.packed_bytes:
            size = tr("{size}, {copy} of it a packed copy", size=size, copy=size_text(model.packed_bytes))
        facts = [size, model.quantization, languages_text(model.languages)]
        if not model.languages:
            facts[2] = tr("languages not stated")
        if model.context:
            facts.append(tr("{n} tokens of context", n=f"{model.context:,}"))
        if model.kind != "decoder":
            facts.append(_encoder_text(model.kind))
        elif self._role == "chat" and only_continues(model.name):
            facts.append(tr("continues a text, was not taught to chat"))
        elif self._role in made_for_roles(model.name):
            facts.append(tr("made for this"))
        if model.trained:
            facts.append(tr("trained here"))
        if not model.problem and not model.pairs:
            facts += fit_facts(fit_of(model, self._context.settings))
        warning = "" if model.problem else fit_warning(model, self._context.settings)
        error = model.error()
        self._facts.setText(" · ".join(fact for fact in facts if fact))
        self._problem.setText(i18n.message(error) if error else warning)
        self._problem.setProperty("tone", "danger" if error else "warning")
        self._problem.setVisible(bool(error or warning))
        copy = size_text(model.packed_bytes)
        self.copy_button.setText(tr("Delete the packed copy ({size})", size=copy))
        self.copy_button.setToolTip(tr("It is made anew where it saves time"))
        self.copy_button.setAccessibleName(tr("Delete the packed copy of {model}", model=model.title))
        self.use_button.setText(tr("Use"))
        self.setAccessibleName(tr("Use {model}", model=model.title))
        self.setAccessibleDescription(self._facts.text())
        name_button(self.use_button, tr("Use {model}", model=model.title))
        name_button(self.remove_button, tr("Remove {model}", model=model.title))
        self.show_state(chosen=self._is_chosen, loaded=False, progress=None)

    def show_state(
        self, *, chosen: bool, loaded: bool, progress: Progress | None, idle: bool = False
    ) -> None:
        """``chosen``: the settings name it; ``loaded``: in memory; ``progress``: while it loads; ``idle``:
        others do the work that it was chosen for now."""
        self._is_chosen = chosen
        policy = Qt.FocusPolicy.TabFocus if self.can_choose() else Qt.FocusPolicy.NoFocus
        self.setFocusPolicy(policy)
        set_property(self, "state", "chosen" if chosen and not idle else "plain")
        set_property(self.state, "tone", "muted" if idle else "accent")
        self.use_button.setVisible(not chosen and can_play(self.model, self._role))
        loading = chosen and progress is not None
        said = tr("In use") if loaded and not idle else tr("Chosen")
        if idle and self._role == "translate":
            said = tr("For other languages")
        self.state.setVisible(chosen)
        self.state.setText(tr("Loading…") if loading else said)
        self.progress.setVisible(loading)
        self.progress.setAccessibleName(tr("Loading {model}", model=self.model.title))
        if progress is not None:
            show_progress(self.progress, progress)

    def is_chosen(self) -> bool:
        return self._is_chosen

    def can_choose(self) -> bool:
        """Or is chosen already."""
        return self._is_chosen or can_play(self.model, self._role)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Return | Qt.Key.Key_Enter | Qt.Key.Key_Space:
                self._choose()
            case Qt.Key.Key_Up | Qt.Key.Key_Down:
                self.stepped.emit(1 if event.key() == Qt.Key.Key_Down else -1)
            case _:
                super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.use_button.isVisible() and event.button() == Qt.MouseButton.LeftButton:
            self._choose()

    def _choose(self) -> None:
        self.chosen.emit(self.model.name)

    def _remove_copy(self) -> None:
        self.copy_removed.emit(self.model.name)

    def _remove(self) -> None:
        self.removed.emit(self.model.name)


class CatalogRow(QFrame):
    """A model to fetch, with its license, what it needs, and its download in place."""

    def __init__(self, context: AppContext, downloads: Downloads, model: CatalogModel) -> None:
        super().__init__()
        self.setObjectName("row")
        self.model = model
        self._context = context
        self._downloads = downloads
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 8, 8)
        column.setSpacing(2)
        row = QHBoxLayout()
        row.setSpacing(8)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        self._title = ElidedLabel(model.title)
        self._facts = _wrapped("muted")
        texts.addWidget(self._title)
        texts.addWidget(self._facts)
        self.download_button = button()
        self.download_button.clicked.connect(self._download)
        self.cancel_button = button()
        self.cancel_button.clicked.connect(self._cancel)
        row.addLayout(texts, 1)
        row.addWidget(self.download_button, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.cancel_button, 0, Qt.AlignmentFlag.AlignVCenter)
        self._license = QLabel()
        self._license.setProperty("textSize", "small")
        self._license.setProperty("tone", "muted")
        self._license.setTextFormat(Qt.TextFormat.RichText)
        self._license.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self._license.setToolTip(plain_tooltip(model.license_url))
        self._license.linkActivated.connect(self._open_license)
        self.accept = QCheckBox()
        self.accept.toggled.connect(self._on_accept)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self._state = _wrapped("muted")
        column.addLayout(row)
        for widget in (self._license, self.accept, self.progress, self._state):
            column.addWidget(widget)
        context.theme_changed.connect(self.retranslate)
        self.retranslate()

    def retranslate(self) -> None:
        model = self.model
        needed = memory_needed(model, self._context.settings)
        facts = [
            size_text(model.size),
            model.quantization,
            languages_text(model.languages),
            tr("needs about {size} of memory", size=size_text(needed)),
        ]
        if model.kind != "decoder":
            facts.append(tr("finds passages by meaning"))
        elif only_continues(model.name):
            facts.append(tr("continues a text, was not taught to chat"))
        facts += fit_facts(fit_of(model, self._context.settings))
        self._facts.setText(" · ".join(fact for fact in facts if fact))
        text = tr("Licence: {name}", name=f"<a href='licence'>{escape(model.license)}</a>")
        color = self._context.color("accent").name()
        self._license.setText(f"<style>a {{ color: {color}; }}</style>{text}")
        self._license.setAccessibleName(tr("Licence: {name}", name=model.license))
        self.accept.setText(tr("I have read and accept the {terms}", terms=model.license))
        name_button(self.cancel_button, tr("Cancel the download of {model}", model=model.title))
        self.cancel_button.setText(tr("Cancel"))
        self.progress.setAccessibleName(tr("Downloading {model}", model=model.title))
        self.show_state()

    def show_state(self) -> None:
        """After any change of its download."""
        download = self._downloads.get(self.model.name)
        running = download is not None and download.job is not None
        accepted = not needs_acceptance(self.model, self._context.settings.acknowledged)
        here = 0 if running else partial(self.model)
        error = download.error if download is not None else None
        had_focus = self.download_button.hasFocus() or self.cancel_button.hasFocus()
        self.download_button.setVisible(not running)
        self.download_button.setEnabled(accepted)
        self.cancel_button.setVisible(running)
        text = tr("Continue") if here else tr("Try again") if error else tr("Download")
        name = {tr("Continue"): tr("Continue the download of {model}", model=self.model.title)}
        name_button(self.download_button, name.get(text, tr("Download {model}", model=self.model.title)))
        self.download_button.setText(text)
        if had_focus:
            (self.cancel_button if running else self.download_button).setFocus()
        self.accept.setVisible(bool(self.model.terms) and not running and not accepted)
        self.progress.setVisible(running)
        self._state.setProperty("tone", "danger" if error and not running else "muted")
        self._state.style().polish(self._state)
        if running and download is not None:
            show_progress(self.progress, download.progress)
            self._state.setText(download_text(download))
        elif isinstance(error, KnownError):
            self._state.setText(i18n.message(error))
        elif here:
            self._state.setText(
                tr("{done} of {size} are here", done=size_text(here), size=size_text(self.model.size))
            )
        else:
            self._state.setText(fit_warning(self.model, self._context.settings))
        self._state.setVisible(bool(self._state.text()))

    def shown_button(self) -> QWidget:
        return self.download_button if self.cancel_button.isHidden() else self.cancel_button

    def _download(self) -> None:
        self._downloads.start(self.model)

    def _cancel(self) -> None:
        self._downloads.cancel(self.model.name)

    def _on_accept(self, accepted: bool) -> None:
        if accepted:
            self._context.accept_terms(self.model.terms)
        self.show_state()
        if accepted:
            self.download_button.setFocus(Qt.FocusReason.OtherFocusReason)

    def _open_license(self, _link: str) -> None:
        show_terms(self._context, self.model, self.window())


def _encoder_text(kind: str) -> str:
    """What an encoder is for, by its head, or an encoder–decoder."""
    if kind == "seq2seq":
        return tr("translates sentences")
    if kind == "question_answering":
        return tr("answers questions about texts")
    if kind == "labels":
        return tr("sorts texts by your own labels, in Sentiment")
    return tr("sorts texts by labels") if kind == "classification" else tr("finds passages by meaning")


def only_continues(name: str) -> bool:
    """Whether the catalog says that this model is not for chatting."""
    entry = catalog().get(name)
    return entry is not None and "chat" not in entry.roles


def made_for_roles(name: str) -> tuple[str, ...]:
    """What the catalog says that this model is for."""
    entry = catalog().get(name)
    return tuple(entry.roles) if entry is not None else ()


def download_text(download: Download) -> str:
    """``45 MB of 98 MB · 3 MB/s · 20 s left``, or the stage before bytes flow."""
    progress = download.progress
    if progress.stage != "stage.downloading" or not progress.done:
        return i18n.message(progress.stage)
    parts = [tr("{done} of {size}", done=size_text(progress.done), size=size_text(progress.total))]
    if download.rate():
        parts.append(f"{size_text(download.rate())}/s")
        parts.append(tr("{time} left", time=time_text(download.seconds_left())))
    return " · ".join(parts)


def show_progress(bar: QProgressBar, progress: Progress) -> None:
    """In thousandths, because bytes overflow a progress bar; without a total it only moves."""
    known = progress.total > 0 and progress.done > 0
    bar.setRange(0, 1000 if known else 0)
    if known:
        bar.setValue(min(1000 * progress.done // progress.total, 1000))
