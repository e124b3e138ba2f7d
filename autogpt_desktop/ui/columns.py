"""Where the panels stand: tabs in columns beside each other."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QSplitter, QTabWidget, QWidget

from autogpt_desktop.i18n import tr


class Columns(QSplitter):
    """One tab widget a column. With a single panel there is no tab bar to look at."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setChildrenCollapsible(False)
        self.add_column()

    def add_column(self) -> QTabWidget:
        tabs = QTabWidget()
        tabs.setDocumentMode(True)
        tabs.setTabBarAutoHide(True)
        tabs.setMovable(True)
        tabs.tabBar().setAccessibleName(tr("Panels"))
        tabs.setAccessibleName(tr("Panels"))
        tabs.setFocusProxy(None)  # else Tab ends at the bar that is hidden while there is one panel
        tabs.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.addWidget(tabs)
        return tabs

    def add_panel(self, panel: QWidget, icon: QIcon, title: str, column: int = 0) -> None:
        tabs = self.widget(column)
        if isinstance(tabs, QTabWidget):
            tabs.addTab(panel, icon, title)

    def rename(self, panel: QWidget, title: str) -> None:
        for column in range(self.count()):
            tabs = self.widget(column)
            if isinstance(tabs, QTabWidget) and tabs.indexOf(panel) >= 0:
                tabs.setTabText(tabs.indexOf(panel), title)
