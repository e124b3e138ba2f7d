"""From which language into which: two lists and the button that turns them around."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

from autogpt_desktop.i18n import current_language, tr
from autogpt_desktop.language_names import name_of_language
from autogpt_desktop.settings import Settings
from autogpt_desktop.ui.translate.labels import language_name, sorted_languages
from autogpt_desktop.ui.widgets.basic import icon_button, name_button, plain_tooltip
from autogpt_desktop.ui.widgets.boxes import OpeningBox

RECENT = 3  # languages that were used last stand first
AUTO = "auto"
MORE = "more"


class LanguageBox(OpeningBox):
    """A list of languages; ``shown`` is what it says when closed, "" for the chosen one."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = self._short = ""
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def fill(
        self,
        languages: Sequence[str],
        known: Sequence[str],
        recent: Sequence[str],
        *,
        auto: bool,
        chosen: str,
    ) -> None:
        """Set what it offers: what was used last, what the model knows, the rest. Nothing is emitted."""
        self.blockSignals(True)
        self.clear()
        if auto:
            self.addItem(tr("Detect language"), AUTO)
        first = [code for code in recent if code in languages][:RECENT]
        for code in first:
            self.addItem(language_name(code), code)
        others = [code for code in languages if code not in first]
        for group in (
            [code for code in others if code in known],
            [code for code in others if code not in known],
        ):
            if group and self.count():
                self.insertSeparator(self.count())
            for code in sorted_languages(tuple(group)):
                self.addItem(language_name(code), code)
                if code not in known:
                    note = tr("The model does not know this language well.")
                    self.setItemData(self.count() - 1, note, Qt.ItemDataRole.ToolTipRole)
        at = self.findData(chosen)
        if at < 0:  # a language of an earlier model
            self.addItem(language_name(chosen), chosen)
            at = self.count() - 1
        self.setCurrentIndex(at)
        self.blockSignals(False)

    def offer_more(self, text: str) -> None:
        """One more line at the end, which is not a language; ``code`` is MORE while it is chosen."""
        self.insertSeparator(self.count())
        self.addItem(text, MORE)

    def code(self) -> str:
        return str(self.currentData() or AUTO)

    def show_detected(self, text: str, short: str = "") -> None:
        """``short`` is what it says where there is no room for ``text``."""
        if text != self.shown:
            self.shown, self._short = text, short
            self.setToolTip(plain_tooltip(text))
            self.setAccessibleDescription(text)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        if self.shown:
            option.currentText = self.shown
        field = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        room = max(10, field.width() - 4)
        if self.shown and option.fontMetrics.horizontalAdvance(self.shown) > room:
            option.currentText = self._short
        elide = Qt.TextElideMode.ElideRight
        option.currentText = option.fontMetrics.elidedText(option.currentText, elide, room)
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()


class LanguageRow(QWidget):
    """The pair of languages. ``changed`` comes when the user changed it, or it was set."""

    changed = Signal()
    known_changed = Signal()
    swap_requested = Signal()
    more_requested = Signal()  # to add a language

    def __init__(self, languages: Sequence[str], source: str, target: str, recent: Sequence[str]) -> None:
        super().__init__()
        self.offered = tuple(languages)
        self.known = self.offered  # by the model
        self.stated = True  # False: the model does not say what it knows
        self.recent = list(recent)
        self._source, self._target = source, target
        self._found = ""
        self.source_box, self.target_box = LanguageBox(), LanguageBox()
        self.swap_button = icon_button("swap")
        self.swap_button.clicked.connect(self.swap_requested)
        self.source_box.activated.connect(self._on_chosen)
        self.target_box.activated.connect(self._on_chosen)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(4)
        self.row.addWidget(self.source_box, 1)
        self.row.addWidget(self.swap_button)
        self.row.addWidget(self.target_box, 1)
        self.retranslate()

    @property
    def source(self) -> str:
        """ISO 639-1, or "auto"."""
        return self._source

    @property
    def target(self) -> str:
        return self._target

    @property
    def found(self) -> str:
        """The language that was detected; "" where none was, or where it was chosen."""
        return self._found if self._source == AUTO else ""

    @property
    def language(self) -> str:
        """The source language as far as it is known."""
        return self._found if self._source == AUTO else self._source

    def set_pair(self, source: str, target: str) -> None:
        """Choose both. The same language twice: the target becomes what the source was."""
        if source == target:
            target = self._language_for(source)
        if (source, target) != (self._source, self._target):
            self._source, self._target = source, target
            for code in (target, source):
                if code != AUTO:
                    self.recent = [code, *[other for other in self.recent if other != code]][:6]
            if source != AUTO:
                self._found = ""
            self._fill()
            self.changed.emit()

    def set_offered(self, languages: Sequence[str]) -> None:
        """The languages that can be translated at all."""
        if tuple(languages) != self.offered:
            self.offered = tuple(languages)
            self._fill()

    def set_found(self, language: str) -> None:
        """What the text turned out to be in."""
        if language != self._found:
            self._found = language
            self._show_detected()

    @property
    def choice(self) -> tuple[str, ...]:
        """What can be chosen: what the model knows; of one language alone nothing could be translated."""
        return self.known if len(self.known) > 1 else self.offered

    def set_known(self, languages: Sequence[str], stated: bool = True) -> None:
        """The languages that the model knows; ``stated``: whether it says so."""
        if (tuple(languages), stated) != (self.known, self.stated):
            self.known, self.stated = tuple(languages), stated
            self._fill()
            self.known_changed.emit()

    def retranslate(self) -> None:
        name_button(self.swap_button, tr("Swap the languages and the texts"), "Ctrl+Shift+S")
        self.source_box.setAccessibleName(tr("Language of the text"))
        self.target_box.setAccessibleName(tr("Language of the translation"))
        self._fill()

    def other_language(self) -> str:
        """A language to translate into instead of the one that the text is in already."""
        return self._language_for(self._target)

    def _language_for(self, taken: str) -> str:
        choice = [self._source, self._target, *self.recent, "en", "fr", "zh", *self.choice]
        return next(code for code in choice if code not in (AUTO, taken) and code in self.choice)

    def _on_chosen(self) -> None:
        source, target = self.source_box.code(), self.target_box.code()
        if MORE in (source, target):
            self._fill()
            self.more_requested.emit()
            return
        if source == target:  # turn around what was there
            if target != self._target:
                source = self._target
            else:
                target = self._language_for(source)
        self.set_pair(source, target)

    def _fill(self) -> None:
        self.source_box.fill(self.choice, self.known, self.recent, auto=True, chosen=self._source)
        self.target_box.fill(self.choice, self.known, self.recent, auto=False, chosen=self._target)
        for box in (self.source_box, self.target_box):
            box.offer_more(tr("Add a language…"))
        self._show_detected()

    def _show_detected(self) -> None:
        text, name = "", language_name(self._found)
        if self._source == AUTO and self._found:
            text = tr("Detected: {language}", language=name)
        self.source_box.show_detected(text, name)
        self.swap_button.setEnabled(bool(self.language) and self.language in self.offered)


def last_pair(settings: Settings) -> tuple[str, str, list[str]]:
    """The pair that was used last; at first, from whatever it is into the window's language."""
    recent = [code for code in settings.translate_recent if name_of_language(code)]
    pair = settings.translate_pair
    named = len(pair) == 2 and all(code == AUTO or name_of_language(code) for code in pair)
    if named and pair[1] != AUTO and pair[0] != pair[1]:
        return pair[0], pair[1], recent
    return AUTO, "zh" if current_language() == "zh_CN" else "en", recent
